//! A script of faults: a TOML or JSON file with an array `fault`, each entry as posted to `/faults`.

use std::path::Path;

use serde::Deserialize;

use crate::{FaultError, FaultRequest};

/// The script cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScriptError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
    /// It is neither JSON (by its name, `.json`) nor TOML.
    #[error("cannot be understood: {0}")]
    Malformed(String),
    /// An entry is no fault.
    #[error("entry {entry}: {source}")]
    Entry {
        /// Which entry, from 1.
        entry: usize,
        /// What is wrong with it.
        source: FaultError,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Script {
    #[serde(default)]
    fault: Vec<FaultRequest>,
}

/// Reads and checks a script.
pub(crate) fn read_script(path: &Path) -> Result<Vec<FaultRequest>, ScriptError> {
    let text = std::fs::read_to_string(path)?;
    let json = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    let script: Script = if json {
        serde_json::from_str(&text).map_err(|error| ScriptError::Malformed(error.to_string()))?
    } else {
        toml::from_str(&text).map_err(|error| ScriptError::Malformed(error.to_string()))?
    };
    for (index, fault) in script.fault.iter().enumerate() {
        fault.check().map_err(|source| ScriptError::Entry { entry: index + 1, source })?;
    }
    Ok(script.fault)
}
