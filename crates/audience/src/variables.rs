//! What a row says about a person, by name.

use std::{borrow::Cow, fmt, sync::Arc};

use crate::letters::{self, clean_name};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error as _, MapAccess, Visitor},
};

/// The columns of an audience, and how a template can name each.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnNames(Arc<[ColumnName]>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct ColumnName {
    name: Arc<str>,
    alias: Option<Arc<str>>,
}

impl ColumnNames {
    /// Gives each column whose name is no identifier, or is written in capitals, an alias: small letters, digits and underscores, as
    /// `first_name` for `First Name` and `_2nd` for `2nd`. A column has none where its alias would also be another's.
    pub fn new<C: AsRef<str>>(columns: &[C]) -> Self {
        let aliases: Vec<_> = columns.iter().map(|column| letters::alias(column.as_ref())).collect();
        let named = columns.iter().zip(&aliases).map(|(column, alias)| {
            let free = |alias: &&String| {
                columns.iter().all(|other| other.as_ref() != alias.as_str())
                    && aliases.iter().flatten().filter(|other| other == alias).count() == 1
            };
            ColumnName {
                name: column.as_ref().into(),
                alias: alias.as_ref().filter(free).map(|alias| alias.as_str().into()),
            }
        });
        Self(named.collect())
    }

    /// Name and alias of each column, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.iter().map(|column| (column.name.as_ref(), column.alias.as_deref()))
    }

    /// How a template names the column that somebody means, whatever the case; `None` where there is no such column.
    pub(crate) fn names(&self, meant: &str) -> Option<String> {
        let meant = clean_name(meant).to_lowercase();
        let is_meant = |name: &str| name.to_lowercase() == meant;
        let (name, alias) = self.iter().find(|(name, alias)| is_meant(name) || alias.is_some_and(is_meant))?;
        Some(alias.map_or_else(
            || if letters::alias(name).is_none() { name.to_owned() } else { format!("row[{name:?}]") },
            str::to_owned,
        ))
    }

    /// Whether a column has the name, or the alias.
    pub(crate) fn provide(&self, name: &str) -> bool {
        self.iter().any(|(known, alias)| known == name || alias == Some(name))
    }
}

/// The variables of one row, in the order of their columns. Stored and passed on as a JSON object of strings.
///
/// Names are shared between the rows of a file, so that a million rows do not hold a million copies of `name`.
#[derive(Clone, Default)]
pub struct Variables(Vec<(ColumnName, String)>);

impl PartialEq for Variables {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Variables {}

impl Variables {
    /// The value of a variable, when the row has it.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Names and values in the order of their columns.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(column, value)| (column.name.as_ref(), value.as_str()))
    }

    /// Names, aliases and values in the order of their columns.
    pub(crate) fn named(&self) -> impl Iterator<Item = (&str, Option<&str>, &str)> {
        self.0.iter().map(|(column, value)| (column.name.as_ref(), column.alias.as_deref(), value.as_str()))
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
    pub fn from_stored(stored: &str, columns: &ColumnNames) -> Result<Self, serde_json::Error> {
        if stored.trim_start().starts_with('{') {
            let mut variables = Self::from_json(stored)?;
            for (column, _) in &mut variables.0 {
                column.alias =
                    columns.0.iter().find(|known| known.name == column.name).and_then(|known| known.alias.clone());
            }
            return Ok(variables);
        }
        let items: Vec<Stored<'_>> = serde_json::from_str(stored)?;
        let mut place = 0_usize;
        let mut variables = Self::default();
        for item in items {
            match item {
                Stored::Passed(count) => place = place.saturating_add(count),
                Stored::Value(value) => {
                    let unknown = || serde_json::Error::custom("a value without a column");
                    let column = columns.0.get(place).ok_or_else(unknown)?;
                    variables.0.push((column.clone(), value.into_owned()));
                    place += 1;
                }
            }
        }
        Ok(variables)
    }

    pub(crate) fn push(&mut self, name: Arc<str>, value: String) {
        self.0.push((ColumnName { name, alias: None }, value));
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
        let pairs = pairs.into_iter().map(|(name, value)| (name.into(), value.into()));
        let (names, values): (Vec<Arc<str>>, Vec<String>) = pairs.unzip();
        Self(ColumnNames::new(&names).0.iter().cloned().zip(values).collect())
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
    use super::{ColumnNames, Variables};

    const COLUMNS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

    fn columns() -> ColumnNames {
        ColumnNames::new(&COLUMNS)
    }

    #[test]
    fn a_column_has_an_alias_where_no_other_has_it() {
        let names = ["First Name", "E-Mail", "2nd", "name", "Name", "NAME", "ÉTÉ", "größe", "!", "first-name"];
        let columns = ColumnNames::new(&names);
        let aliases: Vec<_> = columns.iter().map(|(_, alias)| alias).collect();
        assert_eq!(aliases, [None, Some("e_mail"), Some("_2nd"), None, None, None, Some("été"), None, None, None]);
        assert_eq!(ColumnNames::new(&["First Name"]).iter().next(), Some(("First Name", Some("first_name"))));
    }

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
            let read = Variables::from_stored(kept, &columns()).unwrap();
            assert_eq!(read.len(), pairs.len());
            for (name, value) in pairs {
                assert_eq!(read.find(name), Some(value), "{kept}");
            }
        }
    }

    #[test]
    fn what_was_kept_with_names_is_still_read() {
        let read = Variables::from_stored(r#"{"x":"1","a":"2"}"#, &columns()).unwrap();
        assert_eq!((read.find("x"), read.find("a")), (Some("1"), Some("2")));
    }

    #[test]
    fn what_does_not_fit_the_columns_is_refused() {
        for text in [r#"[6,"x"]"#, r#"[18446744073709551615,"x"]"#, "[null]", "[-1]", r#"["x""#, "7"] {
            assert!(Variables::from_stored(text, &columns()).is_err(), "{text}");
        }
    }
}
