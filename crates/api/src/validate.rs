//! Collecting everything that is wrong with a request before refusing it, so that a person mends it in one go.

use crate::problem::{FieldError, Problem};

/// Whether the character has no width and moves its neighbours (Unicode's bidirectional controls) or ends a line. In a name it would
/// let one thing pass for another, on a screen, in a log and in a report.
fn reorders(letter: char) -> bool {
    matches!(letter, '\u{061C}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// The wrong fields found so far.
#[derive(Default)]
pub(crate) struct Checks(Vec<FieldError>);

impl Checks {
    /// Notes that the field at `pointer` is wrong.
    pub(crate) fn refuse(&mut self, pointer: &str, detail: impl Into<String>) {
        self.0.push(FieldError::pointer(pointer, detail));
    }

    /// The value, or `None` with its error noted.
    pub(crate) fn accept<T, E: std::fmt::Display>(&mut self, pointer: &str, checked: Result<T, E>) -> Option<T> {
        checked.map_err(|error| self.refuse(pointer, error.to_string())).ok()
    }

    /// Notes a name that is blank or longer than `most` characters, or has characters that make it look like another.
    pub(crate) fn label(&mut self, pointer: &str, text: &str, most: usize) {
        if text.trim().is_empty() {
            self.refuse(pointer, "must not be blank");
        } else if text.chars().count() > most {
            self.refuse(pointer, format!("must have at most {most} characters"));
        } else if text.chars().any(char::is_control) {
            self.refuse(pointer, "must not have control characters");
        } else if text.chars().any(reorders) {
            self.refuse(pointer, "must not have characters that change the direction or the lines of other text");
        }
    }

    /// Notes a text with control characters other than those of lines and tabs.
    pub(crate) fn text(&mut self, pointer: &str, text: &str) {
        if text.chars().any(|letter| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t')) {
            self.refuse(pointer, "must not have control characters other than line ends and tabs");
        }
    }

    /// Refuses with everything that was noted; nothing when nothing was.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::Invalid(self.0)) }
    }
}
