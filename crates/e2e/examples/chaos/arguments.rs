//! The arguments, which `scripts/chaos --help` explains.

use std::{path::PathBuf, time::Duration};

use paceline_e2e::{ScenarioError, ScenarioResult, Stack};

/// What to run.
#[derive(Debug)]
pub(crate) struct Arguments {
    pub(crate) stack: Stack,
    pub(crate) length: Duration,
    pub(crate) seed: u64,
    pub(crate) report: Option<PathBuf>,
    /// How the binary was built, for the report.
    pub(crate) binary: String,
}

impl Arguments {
    /// Reads pairs of a name and a value.
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> ScenarioResult<Self> {
        let mut arguments = Self {
            stack: Stack::Embedded,
            length: Duration::from_mins(2),
            seed: 1,
            report: None,
            binary: "a binary of unknown make".to_owned(),
        };
        while let Some(name) = words.next() {
            let value = words.next().ok_or_else(|| ScenarioError::new(format!("{name} needs a value")))?;
            let unusable = || ScenarioError::new(format!("{name} does not take {value:?}"));
            match name.as_str() {
                "--stack" if value == "embedded" => arguments.stack = Stack::Embedded,
                "--stack" if value == "full" => arguments.stack = Stack::Full,
                "--minutes" => arguments.length = minutes(&value).ok_or_else(unusable)?,
                "--seed" => arguments.seed = value.parse().map_err(|_| unusable())?,
                "--report" => arguments.report = Some(value.into()),
                "--binary" => arguments.binary = value,
                _ => return Err(unusable()),
            }
        }
        Ok(arguments)
    }
}

fn minutes(text: &str) -> Option<Duration> {
    let minutes = text.parse::<f64>().ok().filter(|minutes| (0.1..=10_000.0).contains(minutes))?;
    Some(Duration::from_secs_f64(minutes * 60.0))
}
