//! Collecting everything that is wrong with a request before refusing it, so that a person mends it in one go.

use crate::problem::{FieldError, Problem};

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

    /// Notes a text that is blank or longer than `most` characters, or has control characters.
    pub(crate) fn label(&mut self, pointer: &str, text: &str, most: usize) {
        if text.trim().is_empty() {
            self.refuse(pointer, "must not be blank");
        } else if text.chars().count() > most {
            self.refuse(pointer, format!("must have at most {most} characters"));
        } else if text.chars().any(char::is_control) {
            self.refuse(pointer, "must not have control characters");
        }
    }

    /// Refuses with everything that was noted; nothing when nothing was.
    pub(crate) fn finish(self) -> Result<(), Problem> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::Invalid(self.0)) }
    }
}
