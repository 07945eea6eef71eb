//! The WhatsApp message id that Paceline chooses: one for life, so that a network that drops repeated ids shows a person
//! each message once.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};

/// A WhatsApp message id: `3EB0` and 18 upper-case hexadecimal digits, the form that linked devices use.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WaId(Box<str>);

impl WaId {
    pub(crate) fn from_digest(digest: &[u8; 32]) -> Self {
        let mut text = String::with_capacity(22);
        text.push_str("3EB0");
        for byte in &digest[..9] {
            write!(text, "{byte:02X}").expect("writing to a string cannot fail");
        }
        Self(text.into())
    }

    /// An id as read from a store or from the network, which may name messages that are not ours.
    pub fn from_network(text: &str) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WaId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
