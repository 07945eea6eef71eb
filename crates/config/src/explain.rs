//! What the configuration is and why, for `paceline check`.

use figment::value::Value;

use crate::{
    Source,
    keys::{KEYS, Kind, PROFILES, find_kind},
    layers::Merged,
};

/// One key as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The key.
    pub key: String,
    /// Its value as one would write it; `None` when it has none; `(hidden)` when it is a secret.
    pub value: Option<String>,
    /// Where the value came from; `None` when there is none.
    pub source: Option<Source>,
}

impl Explained {
    /// Every key, those without a value included, in the order of the reference; profiles last.
    pub(crate) fn all(merged: &Merged) -> Vec<Self> {
        let profiles = merged.keys().filter(|key| key.starts_with(PROFILES));
        KEYS.iter().map(|(key, _)| *key).chain(profiles).map(|key| Self::of(merged, key)).collect()
    }

    fn of(merged: &Merged, key: &str) -> Self {
        let shown = |value: Value| match find_kind(key) {
            Some(Kind::Secret) => "(hidden)".to_owned(),
            _ => written(&value),
        };
        Self { key: key.to_owned(), value: merged.find(key).map(shown), source: merged.source(key) }
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::String(_, text) => format!("{text:?}"),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Array(_, list) => format!("[{}]", list.iter().map(written).collect::<Vec<_>>().join(", ")),
        other => {
            let whole = other.to_i128().map(|whole| whole.to_string());
            whole.or_else(|| other.to_f64().map(|number| format!("{number:?}"))).unwrap_or_default()
        }
    }
}
