//! Standard output: lines for a person, or one JSON object per line.

use std::io::{IsTerminal as _, Write as _};

use serde::Serialize;

use crate::printable;

/// For whom a command writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// A person.
    Text,
    /// A program: one JSON object per line, no progress bars.
    Json,
}

impl Output {
    /// Whether progress bars make sense: a person, at a terminal.
    pub(crate) fn shows_progress(self) -> bool {
        self == Self::Text && std::io::stderr().is_terminal()
    }

    /// Writes a line for a person; nothing for a program.
    pub(crate) fn say(self, line: impl AsRef<str>) {
        if self == Self::Text {
            write_line(&printable::lines(line.as_ref()));
        }
    }

    /// Writes an object for a program; nothing for a person.
    pub(crate) fn emit(self, object: &impl Serialize) {
        if self == Self::Json {
            match serde_json::to_string(object) {
                Ok(line) => write_line(&line),
                Err(error) => tracing::error!(%error, "an object could not be written as JSON"),
            }
        }
    }
}

/// A reader that went away (`paceline … | head`) is no failure of the command.
fn write_line(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
