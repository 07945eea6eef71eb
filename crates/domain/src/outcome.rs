//! How one attempt ended, and the reasons with which a message ends.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::words::words;

/// The number of an attempt of a message, from 1.
pub type AttemptNumber = i32;

/// How often the network may turn a message away for now before it fails.
pub const MAX_ATTEMPTS: AttemptNumber = 5;

words! {
    /// Why a message failed.
    pub enum FailureReason("failure reason") {
        /// The recipient's number is not on WhatsApp (Cloud API 131026).
        NotOnWhatsapp = "not_on_whatsapp",
        /// The recipient blocked us, or we blocked them.
        Blocked = "blocked",
        /// WhatsApp refused the content or the request.
        Refused = "refused",
        /// WhatsApp limits what this person receives.
        RecipientLimit = "recipient_limit",
        /// The sender was banned for good.
        SenderBanned = "sender_banned",
        /// Turned away for now five times.
        AttemptsExhausted = "attempts_exhausted",
        /// A person decided that an unknown message counts as failed.
        Resolved = "resolved",
        /// Its outcome stayed unknown, and its workspace counts such messages as failed.
        OutcomeUnknown = "outcome_unknown",
    }
}

words! {
    /// Why a message was cancelled.
    pub enum CancelReason("cancel reason") {
        /// Its campaign was cancelled.
        CampaignCancelled = "campaign_cancelled",
        /// The recipient opted out while it waited.
        OptedOut = "opted_out",
        /// The recipient was suppressed by other means while it waited.
        Suppressed = "suppressed",
    }
}

/// How one attempt ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// WhatsApp accepted the message.
    Sent {
        /// The provider's own id, where it gives one (Cloud).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        provider_id: Option<String>,
    },
    /// WhatsApp refused it for good.
    Rejected {
        /// Why.
        reason: FailureReason,
    },
    /// It provably was not sent: the network turned it away for now. The message waits again, and one of its
    /// [`MAX_ATTEMPTS`] is spent.
    Unsent {
        /// Not to be tried again before this.
        not_before: DateTime<Utc>,
    },
    /// It provably was not sent, and not for the message's sake: the sender's session was over, its lease ran out, or the
    /// network throttled it. The message waits again, and nothing is spent: a sender that is down spends no attempts.
    Interrupted {
        /// Not to be tried again before this.
        not_before: DateTime<Utc>,
    },
    /// Nobody knows.
    Unknown,
}

impl Outcome {
    /// The outcome's word, as counted and stored.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Sent { .. } => "sent",
            Self::Rejected { .. } => "rejected",
            Self::Unsent { .. } => "unsent",
            Self::Interrupted { .. } => "interrupted",
            Self::Unknown => "unknown",
        }
    }
}
