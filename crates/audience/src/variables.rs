//! What a row says about a person, by name.

use std::{borrow::Cow, fmt, sync::Arc};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
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

    /// The variables as stores keep them: values by the places of their names among the campaign's columns, so that no row repeats a
    /// name. A JSON array of strings, in which a number says how many places are passed over: `["Ada",3,"Berlin"]`.
    ///
    /// # Panics
    /// Never: strings and numbers are always JSON.
    pub(crate) fn to_stored(&self, place: impl Fn(&str) -> Option<usize>) -> String {
        let mut placed: Vec<(usize, &str)> =
            self.iter().filter_map(|(name, value)| Some((place(name)?, value))).collect();
        placed.sort_by_key(|(place, _)| *place);
        let mut next = 0;
        let mut items = Vec::with_capacity(placed.len() + 2);
        for (place, value) in placed {
            if place > next {
                items.push(Stored::Passed(place - next));
            }
            items.push(Stored::Value(value.into()));
            next = place + 1;
        }
        serde_json::to_string(&items).expect("strings and numbers are always JSON")
    }

    /// Reads variables as stores keep them, also as they were kept before: as an object with names.
    ///
    /// # Errors
    /// When the text is neither, or has more values than there are columns.
    pub fn from_stored<C: AsRef<str>>(stored: &str, columns: &[C]) -> Result<Self, serde_json::Error> {
        if stored.trim_start().starts_with('{') {
            return Self::from_json(stored);
        }
        let items: Vec<Stored<'_>> = serde_json::from_str(stored)?;
        let mut place = 0_usize;
        let mut variables = Self::default();
        for item in items {
            match item {
                Stored::Passed(count) => place = place.saturating_add(count),
                Stored::Value(value) => {
                    let unknown = || serde_json::Error::custom("a value without a column");
                    let name = columns.get(place).ok_or_else(unknown)?;
                    variables.push(name.as_ref().into(), value.into_owned());
                    place += 1;
                }
            }
        }
        Ok(variables)
    }

    pub(crate) fn push(&mut self, name: Arc<str>, value: String) {
        self.0.push((name, value));
    }
}

/// An item of what stores keep.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Stored<'s> {
    Passed(usize),
    Value(#[serde(borrow)] Cow<'s, str>),
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

#[cfg(test)]
mod tests {
    use super::Variables;

    const COLUMNS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

    fn stored(pairs: &[(&str, &str)]) -> String {
        let variables: Variables = pairs.iter().copied().collect();
        variables.to_stored(|name| COLUMNS.iter().position(|known| *known == name))
    }

    #[test]
    fn values_are_kept_by_place_and_read_back() {
        for (pairs, kept) in [
            (vec![], "[]"),
            (vec![("a", "1"), ("b", "2")], r#"["1","2"]"#),
            (vec![("f", "\"x\""), ("b", "é\n")], r#"[1,"é\n",3,"\"x\""]"#),
        ] {
            assert_eq!(stored(&pairs), kept);
            let read = Variables::from_stored(kept, &COLUMNS).unwrap();
            assert_eq!(read.len(), pairs.len());
            for (name, value) in pairs {
                assert_eq!(read.find(name), Some(value), "{kept}");
            }
        }
    }

    #[test]
    fn what_was_kept_with_names_is_still_read() {
        let read = Variables::from_stored(r#"{"x":"1","a":"2"}"#, &COLUMNS).unwrap();
        assert_eq!((read.find("x"), read.find("a")), (Some("1"), Some("2")));
    }

    #[test]
    fn what_does_not_fit_the_columns_is_refused() {
        for text in [r#"[6,"x"]"#, r#"[18446744073709551615,"x"]"#, "[null]", "[-1]", r#"["x""#, "7"] {
            assert!(Variables::from_stored(text, &COLUMNS).is_err(), "{text}");
        }
    }
}
