//! What a row says about a person, by name.

use std::{fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{MapAccess, Visitor},
};

/// The variables of one row, in the order of their columns. Stored and passed on as a JSON object of strings.
///
/// Names are shared between the rows of a file, so that a million rows do not hold a million copies of `name`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Variables(Vec<(Arc<str>, String)>);

impl Variables {
    /// The value of a variable, when the row has it.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Names and values in the order of their columns.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_ref(), value.as_str()))
    }

    /// How many variables the row has.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether the row has none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The variables as a JSON object of strings, as stores keep them.
    ///
    /// # Panics
    /// Never: a map from strings to strings is always JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a map from strings to strings is always JSON")
    }

    /// Reads what [`Variables::to_json`] wrote.
    ///
    /// # Errors
    /// When the text is not a JSON object of strings.
    pub fn from_json(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }

    pub(crate) fn push(&mut self, name: Arc<str>, value: String) {
        self.0.push((name, value));
    }
}

impl<N: Into<Arc<str>>, V: Into<String>> FromIterator<(N, V)> for Variables {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

// Values are people's names and orders; they must not reach a log line through `{:?}`.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|(name, _)| name)).finish()
    }
}

impl Serialize for Variables {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Variables {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Variables;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Variables, A::Error> {
                let mut variables = Variables(Vec::with_capacity(map.size_hint().unwrap_or(4)));
                while let Some((name, value)) = map.next_entry::<String, String>()? {
                    variables.push(name.into(), value);
                }
                Ok(variables)
            }
        }
        deserializer.deserialize_map(Pairs)
    }
}
