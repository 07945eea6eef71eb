//! Lays defaults, file, environment and command line over each other. Each leaf is checked before it is laid down: a key that
//! does not exist, or a value of another kind, becomes a problem and the layers below stay visible.

use std::{collections::BTreeMap, path::Path};

use figment::{
    Figment, Metadata, Profile, Provider,
    providers::{Format, Toml},
    util::nest,
    value::{Dict, Map, Num, Tag, Value},
};

use crate::{
    ConfigSources, DEFAULTS, Problem, Source,
    keys::{self, Kind},
};

/// The layers as one, with where each leaf came from.
pub(crate) struct Merged {
    figment: Figment,
    origins: BTreeMap<String, Source>,
    pub(crate) problems: Vec<Problem>,
}

/// One leaf as figment takes it.
struct Leaf<'a> {
    key: &'a str,
    value: Value,
    source: &'a Source,
}

impl Provider for Leaf<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.to_string())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let dict = nest(self.key, self.value.clone()).into_dict().unwrap_or_default();
        Ok(Profile::Default.collect(dict))
    }
}

impl Merged {
    pub(crate) fn of(sources: &ConfigSources) -> Self {
        let mut merged = Self { figment: Figment::new(), origins: BTreeMap::new(), problems: Vec::new() };
        merged.add_toml(&Toml::string(DEFAULTS), &Source::Default);
        merged.add_file(sources);
        merged.add_environment(&sources.env);
        for (key, text) in &sources.overrides {
            merged.add_text(key, text, &Source::CommandLine);
        }
        merged
    }

    /// The value of a key; `None` when no layer has one.
    pub(crate) fn find(&self, key: &str) -> Option<Value> {
        self.figment.find_value(key).ok()
    }

    /// Where the value of a key came from.
    pub(crate) fn source(&self, key: &str) -> Option<Source> {
        self.origins.get(key).cloned()
    }

    /// Every key that has a value.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.origins.keys().map(String::as_str)
    }

    fn add_file(&mut self, sources: &ConfigSources) {
        let variable = sources.env.iter().find(|(name, value)| name == keys::CONFIG_VARIABLE && !value.is_empty());
        let named = sources.file.as_deref().or_else(|| variable.map(|(_, path)| Path::new(path)));
        let Some(path) = named else { return };
        match std::fs::read_to_string(path) {
            Ok(text) => self.add_toml(&Toml::string(&text), &Source::File(path.to_owned())),
            Err(error) => self.problems.push(Problem {
                key: "configuration file".to_owned(),
                source: Some(Source::File(path.to_owned())),
                what: format!("cannot be read: {error}"),
                cure: format!("name a readable file with --config or {}", keys::CONFIG_VARIABLE),
            }),
        }
    }

    fn add_toml(&mut self, provider: &impl Provider, source: &Source) {
        match provider.data() {
            Ok(data) => {
                for (key, value) in data.into_values().flatten() {
                    self.add_value(&key, value, source);
                }
            }
            Err(error) => self.problems.push(Problem {
                key: "configuration file".to_owned(),
                source: Some(source.clone()),
                what: format!("is not TOML: {}", error.kind.to_string().replace('\n', " ").trim()),
                cure: String::new(),
            }),
        }
    }

    fn add_environment(&mut self, env: &[(String, String)]) {
        let is_alias = |name: &str| keys::ALIASES.iter().any(|(alias, _)| *alias == name);
        let (mut aliases, mut ours): (Vec<_>, Vec<_>) = env
            .iter()
            .filter(|(name, _)| is_alias(name) || name.starts_with(keys::PREFIX))
            .filter(|(name, _)| !keys::NO_SETTINGS.contains(&name.as_str()))
            .partition(|(name, _)| is_alias(name));
        aliases.sort();
        ours.sort();
        for (name, text) in aliases.into_iter().chain(ours) {
            if let Some(key) = keys::key_of_variable(name) {
                self.add_text(&key, text, &Source::Variable(name.clone()));
            }
        }
    }

    /// Adds a text as the kind that its key holds. One that cannot be read so stays text, and is refused by its kind.
    fn add_text(&mut self, key: &str, text: &str, source: &Source) {
        let trimmed = text.trim();
        let whole = |text: &str| text.trim().replace('_', "").parse::<i64>().ok().map(Value::from);
        let parts = || trimmed.trim_start_matches('[').trim_end_matches(']').split(',').map(str::trim);
        let read = match keys::find_kind(key) {
            None | Some(Kind::Text | Kind::Secret) => None,
            Some(Kind::Whole) => whole(trimmed),
            Some(Kind::Number) => whole(trimmed).or_else(|| trimmed.parse::<f64>().ok().map(Value::from)),
            Some(Kind::Flag) => trimmed.parse::<bool>().ok().map(Value::from),
            Some(Kind::Wholes) => {
                parts().map(whole).collect::<Option<Vec<_>>>().map(|list| Value::Array(Tag::Default, list))
            }
            Some(Kind::Networks) => trimmed.parse::<bool>().ok().map(Value::from).or_else(|| {
                let list = parts().map(|part| part.trim_matches('"')).filter(|part| !part.is_empty());
                Some(Value::Array(Tag::Default, list.map(Value::from).collect()))
            }),
        };
        self.add_value(key, read.unwrap_or_else(|| Value::from(text)), source);
    }

    /// Adds a value, or what lies below it when it is a table.
    fn add_value(&mut self, key: &str, value: Value, source: &Source) {
        match (keys::find_kind(key), value) {
            (Some(Kind::Text), Value::Dict(_, table)) if written_date(&table).is_some() => {
                self.add_leaf(key, written_date(&table).unwrap_or_default().into(), source);
            }
            (None, Value::Dict(_, table)) if keys::is_section(key) || !table.is_empty() => {
                for (name, value) in table {
                    self.add_value(&format!("{key}.{name}"), value, source);
                }
            }
            (Some(kind), value) if is_a(kind, &value) => self.add_leaf(key, value, source),
            (Some(kind), value) => self.refuse_kind(key, kind, &value, source),
            (None, _) => self.refuse_key(key, source),
        }
    }

    fn add_leaf(&mut self, key: &str, value: Value, source: &Source) {
        self.figment = std::mem::take(&mut self.figment).merge(Leaf { key, value, source });
        self.origins.insert(key.to_owned(), source.clone());
    }

    fn refuse_kind(&mut self, key: &str, kind: Kind, value: &Value, source: &Source) {
        let found = match kind {
            Kind::Secret => "something else".to_owned(),
            _ => value.to_actual().to_string(),
        };
        self.problems.push(Problem {
            key: key.to_owned(),
            source: Some(source.clone()),
            what: format!("expected {}, found {found}", kind.expected()),
            cure: String::new(),
        });
    }

    fn refuse_key(&mut self, key: &str, source: &Source) {
        let written = |key: String| match source {
            Source::Variable(_) => keys::variable(&key),
            _ => key,
        };
        let (what, cure) = if keys::is_section(key) {
            ("is a section, not a key", format!("write [{key}] and its keys below"))
        } else {
            let near = keys::nearest(key).map(|near| format!("did you mean {}?", written(near)));
            ("there is no such key", near.unwrap_or_else(|| "`paceline check` lists the keys".to_owned()))
        };
        self.problems.push(Problem { key: key.to_owned(), source: Some(source.clone()), what: what.to_owned(), cure });
    }
}

fn is_a(kind: Kind, value: &Value) -> bool {
    match (kind, value) {
        (Kind::Text | Kind::Secret, Value::String(..))
        | (Kind::Number, Value::Num(..))
        | (Kind::Flag | Kind::Networks, Value::Bool(..)) => true,
        (Kind::Whole, Value::Num(_, number)) => is_whole(*number),
        (Kind::Wholes, Value::Array(_, list)) => list.iter().all(|value| is_a(Kind::Whole, value)),
        (Kind::Networks, Value::Array(_, list)) => list.iter().all(|value| is_a(Kind::Text, value)),
        _ => false,
    }
}

const fn is_whole(number: Num) -> bool {
    !matches!(number, Num::F32(_) | Num::F64(_))
}

/// TOML has dates of its own, which arrive as a table with one odd key.
fn written_date(table: &Dict) -> Option<&str> {
    let (key, value) = table.first_key_value()?;
    if key.contains("datetime") && table.len() == 1 { value.as_str() } else { None }
}
