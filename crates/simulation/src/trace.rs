//! What happened, in order. Always hashed, so that two runs of one seed can be compared; kept as text when somebody reads it.

use std::{
    fmt::{self, Write as _},
    hash::{DefaultHasher, Hasher as _},
};

use chrono::{DateTime, Utc};

/// Whether the text is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Hash and text.
    Text,
    /// The hash alone.
    Hash,
}

/// The trace of a run.
pub(crate) struct Trace {
    began: DateTime<Utc>,
    hasher: DefaultHasher,
    lines: Option<Vec<String>>,
    line: String,
}

impl Trace {
    pub(crate) fn new(keep: Keep, began: DateTime<Utc>) -> Self {
        let lines = (keep == Keep::Text).then(Vec::new);
        Self { began, hasher: DefaultHasher::new(), lines, line: String::new() }
    }

    pub(crate) fn note(&mut self, now: DateTime<Utc>, who: &str, what: fmt::Arguments<'_>) {
        self.line.clear();
        let millis = (now - self.began).num_milliseconds();
        // Writing to a string cannot fail.
        let _ = write!(self.line, "{:>4}.{:03} {who:<9} {what}", millis / 1_000, millis % 1_000);
        self.hasher.write(self.line.as_bytes());
        if let Some(lines) = &mut self.lines {
            lines.push(self.line.clone());
        }
    }

    /// The hash so far, and the text.
    pub(crate) fn take(&mut self) -> (u64, Vec<String>) {
        (self.hasher.finish(), self.lines.take().unwrap_or_default())
    }
}

/// The last digits of an id, enough to tell the few of a run apart.
pub(crate) struct Short<T>(pub(crate) T);

impl<T: fmt::Display> fmt::Display for Short<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let (kind, digits) = text.split_once('_').unwrap_or(("", &text));
        write!(f, "{kind}…{}", &digits[digits.len().saturating_sub(4)..])
    }
}
