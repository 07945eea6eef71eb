//! `paceline simulator`: the simulated WhatsApp network as a process of its own.

use anyhow::Context as _;
use paceline_simulator::{Acceptance, PeopleOptions, Simulator, SimulatorOptions};
use serde_json::json;

use crate::{arguments, exit::Exit, output::Output, settings::Settings};

/// Runs until a signal.
pub(crate) async fn run(arguments: &arguments::Simulator, settings: &Settings, output: Output) -> anyhow::Result<Exit> {
    let stop = crate::signals::stop_on_signal()?;
    let folder = settings.config.data_dir.join("simulator");
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let journal = folder.join("journal.ndjson");
    let mut options = SimulatorOptions::new(settings.clock()?, journal.clone());
    options.listen = arguments.listen;
    options.seed = arguments.seed;
    options.script.clone_from(&arguments.script);
    if arguments.quiet {
        options.people = PeopleOptions::quiet();
    }
    if arguments.manual_pairing {
        options.pairing.acceptance = Acceptance::ByCall;
    }
    let simulator = Simulator::start(options).await?;
    output.emit(&json!({ "event": "ready", "url": simulator.url(), "journal": journal }));
    output.say(format!(
        "the simulated network is at {}; every physical send is in {}",
        simulator.url(),
        journal.display()
    ));
    stop.cancelled().await;
    let summary = simulator.summary();
    simulator.stop().await;
    output.emit(&json!({ "event": "stopped", "network": summary }));
    Ok(Exit::Done)
}
