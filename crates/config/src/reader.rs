//! Reads checked values out of the layers; what is wrong is noted, and reading goes on.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr, time::Duration};

use crate::{Problem, Source, layers::Merged};

/// Reads values. Every method answers `None` for what is missing or was refused; the refusal is in `problems`.
pub(crate) struct Reader<'a> {
    merged: &'a Merged,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(merged: &'a Merged) -> Self {
        Self { merged, problems: Vec::new() }
    }

    pub(crate) fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    pub(crate) fn merged(&self) -> &'a Merged {
        self.merged
    }

    pub(crate) fn source(&self, key: &str) -> Option<Source> {
        self.merged.source(key)
    }

    pub(crate) fn add(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(crate) fn refuse(&mut self, key: &str, what: impl Into<String>, cure: impl Into<String>) {
        let source = self.source(key);
        self.add(Problem { key: key.to_owned(), source, what: what.into(), cure: cure.into() });
    }

    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.merged.find(key)?.into_string()
    }

    pub(crate) fn flag(&self, key: &str) -> Option<bool> {
        self.merged.find(key)?.to_bool()
    }

    /// A text that must not be blank.
    pub(crate) fn some_text(&mut self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        if text.trim().is_empty() {
            self.refuse(key, "is empty", "");
            return None;
        }
        Some(text)
    }

    /// A text that reads as a `T`.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&mut self, key: &str, cure: &str) -> Option<T> {
        let text = self.text(key)?;
        text.trim().parse().map_err(|error| self.refuse(key, format!("{text:?}: {error}"), cure)).ok()
    }

    /// An address of HTTP, without the stroke at its end.
    pub(crate) fn http_url(&mut self, key: &str) -> Option<String> {
        let text = self.text(key)?;
        let host = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
        if host.is_none_or(|host| host.is_empty() || host.starts_with('/') || host.contains(char::is_whitespace)) {
            self.refuse(key, format!("{text:?} is no address of HTTP"), "write for example http://127.0.0.1:8480");
            return None;
        }
        Some(text.trim_end_matches('/').to_owned())
    }

    /// A whole number within bounds.
    pub(crate) fn whole<T>(&mut self, key: &str, bounds: RangeInclusive<T>) -> Option<T>
    where
        T: TryFrom<i128> + Into<u64> + PartialOrd + Display,
    {
        let value = self.merged.find(key)?;
        let found = value.to_i128().or_else(|| value.to_u128().and_then(|number| number.try_into().ok()))?;
        let (least, most) = bounds.into_inner();
        match T::try_from(found) {
            Ok(number) if number >= least && number <= most => Some(number),
            _ => {
                self.refuse(key, format!("{found} is out of bounds"), format!("choose from {least} to {most}"));
                None
            }
        }
    }

    /// A number, whole or not.
    pub(crate) fn number(&mut self, key: &str, bounds: RangeInclusive<f64>) -> Option<f64> {
        let value = self.merged.find(key)?;
        #[expect(clippy::cast_precision_loss, reason = "bounds lie far below where whole numbers lose precision")]
        let found = value.to_f64().or_else(|| value.to_i128().map(|whole| whole as f64))?;
        if bounds.contains(&found) {
            return Some(found);
        }
        let (least, most) = bounds.into_inner();
        self.refuse(key, format!("{found} is out of bounds"), format!("choose from {least} to {most}"));
        None
    }

    /// A duration in seconds.
    pub(crate) fn seconds(&mut self, key: &str, bounds: RangeInclusive<f64>) -> Option<Duration> {
        self.number(key, bounds).map(Duration::from_secs_f64)
    }
}
