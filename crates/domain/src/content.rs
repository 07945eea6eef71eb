//! What a message says. Versioned by its tag, so that media, locations and Cloud templates can join without a migration.

use serde::{Deserialize, Serialize};

/// The rendered content of a message.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Content {
    /// A plain text message.
    Text {
        /// The rendered text, at most [`Content::MAX_TEXT`] characters.
        body: String,
    },
}

impl Content {
    /// WhatsApp's limit on a text message, in characters (Cloud API reference, "text.body").
    pub const MAX_TEXT: usize = 4096;

    /// How many characters a person would have typed.
    pub fn typed_chars(&self) -> u32 {
        match self {
            Self::Text { body } => u32::try_from(body.chars().count()).unwrap_or(u32::MAX),
        }
    }
}

// The text is a person's; it must not reach a log line through `{:?}`.
impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text { body } => write!(f, "Text({} bytes)", body.len()),
        }
    }
}
