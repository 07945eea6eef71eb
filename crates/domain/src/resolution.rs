//! What becomes of a message of which nobody knows whether it was sent.

use std::{fmt, str::FromStr};

use crate::{ApiKeyId, FailureReason, MessageMove, UnknownWord, words::words};

words! {
    /// What a workspace does with messages whose outcome stays unknown.
    pub enum UnknownPolicy("unknown policy") {
        /// Nothing: a late receipt settles them, or a person.
        Hold = "hold",
        /// They count as failed, although some of them may have been read.
        Fail = "fail",
        /// Each is sent again, once, with the same WhatsApp id. Where the network delivers repeats, a person may see it twice.
        Resend = "resend",
    }
}

words! {
    /// A decision about one message of unknown outcome.
    pub enum Resolution("resolution") {
        /// It was sent.
        Sent = "sent",
        /// It was not, and will not be.
        Failed = "failed",
        /// It waits to be sent again, with the same WhatsApp id.
        Resend = "resend",
    }
}

/// Nobody's message is sent again or given up unless somebody chose that.
impl Default for UnknownPolicy {
    fn default() -> Self {
        Self::Hold
    }
}

impl UnknownPolicy {
    /// What the policy decides, `None` when it decides nothing.
    pub const fn resolution(self) -> Option<Resolution> {
        match self {
            Self::Hold => None,
            Self::Fail => Some(Resolution::Failed),
            Self::Resend => Some(Resolution::Resend),
        }
    }
}

impl Resolution {
    /// What the decision does to the message.
    pub const fn to_move(self) -> MessageMove {
        match self {
            Self::Sent => MessageMove::Accept,
            Self::Failed => MessageMove::Reject,
            Self::Resend => MessageMove::Resend,
        }
    }
}

/// Who decided about a message of unknown outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolver {
    /// The workspace's policy.
    Policy,
    /// A person, with this API key.
    Key(ApiKeyId),
}

impl Resolver {
    const POLICY: &'static str = "policy";

    /// Why a message fails that it decides to be failed.
    pub const fn failure(self) -> FailureReason {
        match self {
            Self::Policy => FailureReason::OutcomeUnknown,
            Self::Key(_) => FailureReason::Resolved,
        }
    }
}

impl fmt::Display for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Policy => f.write_str(Self::POLICY),
            Self::Key(key) => key.fmt(f),
        }
    }
}

impl FromStr for Resolver {
    type Err = UnknownWord;
    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        if text == Self::POLICY {
            return Ok(Self::Policy);
        }
        text.parse().map(Self::Key).map_err(|_| UnknownWord {
            what: "resolver",
            found: text.to_owned(),
            expected: "policy, or the id of an API key".to_owned(),
        })
    }
}
