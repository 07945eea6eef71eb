//! The figures of the main job on either stack, as one JSON object: `scripts/bench` builds this and the binary and runs it.
//!
//! Everything runs on the cores of this machine: Paceline, its database and broker, the simulated network and the client share them,
//! so the object names how many there are. No figure is asserted.

mod broker;
mod build;
mod memory;
mod sending;
mod sizes;
mod uploads;
mod workers;

use paceline_e2e::{ScenarioResult, Stack};
use serde_json::{Map, json};

use sizes::Sizes;

#[tokio::main]
async fn main() -> ScenarioResult<()> {
    let sizes = Sizes::from_arguments(std::env::args().skip(1))?;
    let mut figures = Map::new();
    figures.insert("cores".to_owned(), json!(paceline_e2e::cores()));
    figures.insert("sizes".to_owned(), sizes.to_json());
    figures.extend(uploads::measure(&sizes).await?);
    figures.extend(sending::measure(&sizes).await?);
    figures.extend(memory::measure(&sizes).await?);
    if sizes.stack == Stack::Full {
        figures.extend(workers::measure(&sizes).await?);
        figures.extend(broker::measure(&sizes)?);
    }
    if sizes.build {
        figures.extend(build::measure()?);
    }
    say(&figures);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the one line that this program is for")]
fn say(figures: &Map<String, serde_json::Value>) {
    println!("{}", json!(figures));
}
