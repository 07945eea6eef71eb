//! One row as JSON: `{"phone": "…", "variables": {…}}`, and nothing else in it.

use std::fmt;

use serde::{
    Deserializer as _,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{
    Content, MAX_COLUMNS,
    columns::{Columns, flaw, shown},
};
use crate::Variables;

/// Reads a row from its bytes. The detail of a refusal holds no value of the row.
pub(super) fn read(bytes: &[u8], columns: &mut Columns) -> Result<Content, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "the row ends within a character".to_owned())?;
    if !text.trim_start().starts_with('{') {
        return Err("expected a JSON object {\"phone\": …, \"variables\": {…}}".to_owned());
    }
    let mut json = serde_json::Deserializer::from_str(text);
    let fields = json.deserialize_map(FieldsVisitor).and_then(|fields| json.end().map(|()| fields));
    let Fields { phone, variables } = fields.map_err(|error| explain(&error))?;
    let phone = phone.ok_or_else(|| "the row has no \"phone\"".to_owned())?;
    let added = variables.iter().filter(|(name, _)| !columns.contains(name)).count();
    if columns.names().len() + added > MAX_COLUMNS {
        return Err(format!("with this row the file would have more than {MAX_COLUMNS} different variables"));
    }
    let named = variables.into_iter().filter_map(|(name, value)| Some((columns.intern(&name)?, value?)));
    Ok((phone, named.collect::<Variables>()))
}

/// What is wrong with a row as a sentence. A place is told only where the row is no JSON at all.
fn explain(error: &serde_json::Error) -> String {
    if error.is_data() {
        return without_place(error);
    }
    format!("the row is not JSON: {} at character {}", without_place(error), error.column())
}

/// `serde_json` appends line and column to every message, counted from where it began to read.
fn without_place(error: &serde_json::Error) -> String {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    message.strip_suffix(&place).map(str::to_owned).unwrap_or(message)
}

#[derive(Default)]
struct Fields {
    phone: Option<String>,
    /// A variable that is `null` is known by name and has no value.
    variables: Vec<(String, Option<String>)>,
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with phone and variables")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        let mut seen = [false; 2];
        while let Some(name) = map.next_key::<String>()? {
            let place = match name.as_str() {
                "phone" => 0,
                "variables" => 1,
                _ => {
                    let name = shown(&name);
                    return Err(A::Error::custom(format_args!(
                        "unknown field {name:?}; a row has phone and variables"
                    )));
                }
            };
            if std::mem::replace(&mut seen[place], true) {
                return Err(A::Error::custom(format_args!("the field {name:?} stands twice")));
            }
            let value = map.next_value::<&RawValue>()?.get();
            if place == 0 {
                fields.phone = read_scalar(value).map_err(|what| A::Error::custom(format_args!("phone {what}")))?;
            } else {
                fields.variables = read_variables(value).map_err(A::Error::custom)?;
            }
        }
        Ok(fields)
    }
}

fn read_variables(json: &str) -> Result<Vec<(String, Option<String>)>, String> {
    match json.as_bytes().first() {
        Some(b'n') => Ok(Vec::new()),
        Some(b'{') => serde_json::Deserializer::from_str(json)
            .deserialize_map(VariablesVisitor)
            .map_err(|error| format!("variables: {}", without_place(&error))),
        _ => Err("variables must be an object".to_owned()),
    }
}

struct VariablesVisitor;

impl<'de> Visitor<'de> for VariablesVisitor {
    type Value = Vec<(String, Option<String>)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of variables")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut variables: Self::Value = Vec::new();
        while let Some(name) = map.next_key::<String>()? {
            let said = shown(&name);
            if name.trim().is_empty() {
                return Err(A::Error::custom("a variable has no name"));
            }
            if let Some(flaw) = flaw(&name) {
                return Err(A::Error::custom(format_args!("the name of a variable {flaw}")));
            }
            if variables.iter().any(|(known, _)| *known == name) {
                return Err(A::Error::custom(format_args!("{said:?} stands twice")));
            }
            let value = read_scalar(map.next_value::<&RawValue>()?.get())
                .map_err(|what| A::Error::custom(format_args!("{said:?} {what}")))?;
            variables.push((name, value));
        }
        Ok(variables)
    }
}

/// The text of a JSON string, number or boolean as written; `None` for `null`.
fn read_scalar(json: &str) -> Result<Option<String>, &'static str> {
    match json.as_bytes().first() {
        Some(b'n') => Ok(None),
        Some(b'"') => match serde_json::from_str::<String>(json) {
            Ok(text) if text.contains('\0') => Err("holds a NUL character"),
            Ok(text) => Ok(Some(text)),
            Err(_) => Err("is not a valid string"),
        },
        Some(b'{' | b'[') => Err("must be a string, a number or a boolean, not a nested value"),
        _ => Ok(Some(json.to_owned())),
    }
}
