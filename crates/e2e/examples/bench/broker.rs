//! What the broker and its adapter alone can do: the adapter's own measurement, which `scripts/bench` builds.

use std::process::Command;

use paceline_e2e::{ScenarioError, ScenarioResult};
use serde_json::{Map, Value};

use crate::sizes::Sizes;

pub(crate) fn measure(sizes: &Sizes) -> ScenarioResult<Map<String, Value>> {
    let Some(program) = std::env::var_os("PACELINE_BROKER_BENCH") else {
        return Err(ScenarioError::new("PACELINE_BROKER_BENCH names no program: run scripts/bench"));
    };
    let numbers = [sizes.rows, sizes.senders, sizes.queues].map(|number| number.to_string());
    let output = Command::new(program).args(numbers).output()?;
    if !output.status.success() {
        return Err(ScenarioError::new(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(Map::from_iter([("broker".to_owned(), serde_json::from_slice::<Value>(&output.stdout)?)]))
}
