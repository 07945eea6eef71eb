//! What can be wrong with a template, and with its rendering for one row.

use minijinja::ErrorKind;

/// A template that cannot be compiled, with the place in the author's own source.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {message}")]
pub struct TemplateError {
    /// The line, counted from 1.
    pub line: usize,
    /// The character on that line, counted from 1.
    pub column: usize,
    /// What is wrong there.
    pub message: String,
}

/// Why a row gets no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RenderError {
    /// The template needs a variable that the row does not have.
    #[error("the row has no variable {0:?}")]
    MissingVariable(String),
    /// The text is longer than WhatsApp allows ([`Content::MAX_TEXT`](paceline_domain::Content::MAX_TEXT)).
    #[error("the text has {chars} characters")]
    TooLong {
        /// How many Unicode scalar values it has. Texts over a million are not counted further.
        chars: usize,
    },
    /// The text is empty, or nothing but white space.
    #[error("the text is empty")]
    Empty,
    /// The template does more work on this row's values than a message may take.
    #[error("the template does too much work with this row's values")]
    TooExpensive,
    /// The template failed on this row's values.
    #[error("{detail}")]
    Failed {
        /// What the template engine said.
        detail: String,
    },
}

/// The author's source, for turning offsets into lines and columns.
pub(super) struct Sources<'s> {
    source: &'s str,
}

/// A place of the expanded text and the place of the author's source that it comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Origin {
    pub(super) expanded: usize,
    pub(super) source: usize,
}

impl<'s> Sources<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self { source }
    }

    pub(super) fn error(&self, offset: usize, message: impl Into<String>) -> TemplateError {
        let mut end = offset.min(self.source.len());
        while !self.source.is_char_boundary(end) {
            end -= 1;
        }
        let before = &self.source[..end];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        TemplateError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
        }
    }

    /// What the engine said about the author's own source.
    pub(super) fn explain(&self, error: &minijinja::Error) -> TemplateError {
        let message = describe(error);
        match error.range().map(|range| range.start) {
            Some(offset) => self.error(offset, message),
            None => TemplateError { line: error.line().unwrap_or(1), column: 1, message },
        }
    }

    /// What the engine said about the expanded text, told in terms of the author's source.
    pub(super) fn explain_expanded(&self, error: &minijinja::Error, origins: &[Origin]) -> TemplateError {
        let offset = error.range().map_or(0, |range| range.start);
        let after = origins.partition_point(|origin| origin.expanded <= offset);
        let origin = after.checked_sub(1).map_or(Origin { expanded: 0, source: 0 }, |place| origins[place]);
        self.error(origin.source + (offset - origin.expanded), describe(error))
    }
}

/// An engine's error as one sentence without the place, which is told separately.
pub(super) fn describe(error: &minijinja::Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::SyntaxError, Some(detail)) => detail.to_owned(),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    }
}
