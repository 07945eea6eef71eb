//! A dead letter as the API shows it: what it holds only to whom it belongs, and only when asked, because it may hold what a person
//! wrote.

use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::{DateTime, Utc};
use paceline_domain::{DeadLetterId, DeadLetterKind, DeathReason, MessageId, ResultBody, SenderId};
use paceline_store::dead_letters::{DeadBody, DeadLetter};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use crate::schemas;

/// A dead letter.
#[derive(Serialize, ToSchema)]
#[schema(as = DeadLetter)]
pub(crate) struct DeadLetterBody {
    /// Its id.
    #[schema(value_type = schemas::DeadLetterId)]
    id: DeadLetterId,
    /// What it holds. The messages of a `job` wait again by themselves; a `result` is applied when it is replayed.
    #[schema(value_type = schemas::DeadLetterKind)]
    kind: DeadLetterKind,
    /// Why it is dead.
    #[schema(value_type = schemas::DeathReason)]
    reason: DeathReason,
    /// The sender it is about; `null` when that cannot be told.
    #[schema(value_type = Option<schemas::SenderId>)]
    sender_id: Option<SenderId>,
    /// Of a result: `attempt`, `receipt`, `inbound` or `session`.
    result: Option<&'static str>,
    /// The messages it names.
    #[schema(value_type = Vec<schemas::MessageId>)]
    message_ids: Vec<MessageId>,
    /// When it was kept.
    received_at: DateTime<Utc>,
    /// When it was last replayed.
    replayed_at: Option<DateTime<Utc>>,
    /// What it holds, when that was asked for and the letter is the workspace's own; of an unreadable one its first bytes in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    body: Option<Value>,
}

/// Whether what a letter holds is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contents {
    /// It is.
    Shown,
    /// It is not.
    Hidden,
}

impl DeadLetterBody {
    pub(crate) fn new(letter: &DeadLetter, contents: Contents) -> Self {
        let shown = contents == Contents::Shown && letter.workspace.is_some();
        Self {
            id: letter.id,
            kind: letter.body.kind(),
            reason: letter.reason,
            sender_id: letter.sender,
            result: result_kind(&letter.body),
            message_ids: message_ids(&letter.body),
            received_at: letter.received_at,
            replayed_at: letter.replayed_at,
            body: shown.then(|| contents_of(&letter.body)),
        }
    }
}

fn contents_of(body: &DeadBody) -> Value {
    match body {
        DeadBody::Job(job) => json!(job),
        DeadBody::Result(result) => json!(result.result),
        DeadBody::Unreadable(bytes) => json!(STANDARD.encode(bytes)),
    }
}

const fn result_kind(body: &DeadBody) -> Option<&'static str> {
    let DeadBody::Result(result) = body else { return None };
    Some(match &result.result.body {
        ResultBody::Attempt { .. } => "attempt",
        ResultBody::Receipt(_) => "receipt",
        ResultBody::Inbound(_) => "inbound",
        ResultBody::Session(_) => "session",
    })
}

fn message_ids(body: &DeadBody) -> Vec<MessageId> {
    match body {
        DeadBody::Job(job) => job.items.iter().map(|item| item.message).collect(),
        DeadBody::Result(result) => match &result.result.body {
            ResultBody::Attempt { message, .. } => vec![*message],
            _ => Vec::new(),
        },
        DeadBody::Unreadable(_) => Vec::new(),
    }
}
