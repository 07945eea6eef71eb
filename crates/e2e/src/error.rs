//! Why a scenario cannot go on.

use std::fmt;

/// What a scenario reports when it cannot go on.
pub type ScenarioResult<T> = Result<T, ScenarioError>;

/// Why a scenario cannot go on: what was seen, in words.
#[derive(thiserror::Error)]
#[error("{0}")]
pub struct ScenarioError(String);

impl ScenarioError {
    /// An error with what was seen.
    pub fn new(seen: impl Into<String>) -> Self {
        Self(seen.into())
    }
}

/// A failed test shows this; the lines of a log must stay lines.
impl fmt::Debug for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<std::io::Error> for ScenarioError {
    fn from(error: std::io::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<reqwest::Error> for ScenarioError {
    fn from(error: reqwest::Error) -> Self {
        Self(format!("{error:?}"))
    }
}

impl From<serde_json::Error> for ScenarioError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<paceline_testkit::NoServices> for ScenarioError {
    fn from(error: paceline_testkit::NoServices) -> Self {
        Self(error.to_string())
    }
}

impl From<paceline_testkit::NoLock> for ScenarioError {
    fn from(error: paceline_testkit::NoLock) -> Self {
        Self(error.to_string())
    }
}
