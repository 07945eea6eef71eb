//! The event log. Events are written inside the transaction that caused them and numbered afterwards by a sequencer, so
//! that a reader who goes by number skips none that a slower transaction commits late.
//!
//! What the data of each kind hold, so that integrators see one format whatever the database:
//!
//! | kind | data |
//! |---|---|
//! | `campaign.*` | `campaign_id`, `name`, `state` |
//! | `message.sent` and all that may become of a message | `message_id`, `campaign_id` or null, `row` or null, `sender_id` or null, `to`, `state`; `reason` when it failed or was cancelled; `attempt` when an attempt or a receipt caused it |
//! | `message.resolved` | the same, as the message then is; `resolution`, and `resolved_by`: `policy`, or the id of an API key |
//! | `message.received` | `sender_id`, `from`, `text`, `in_reply_to` (a message id) or null, `campaign_id` or null, `opt_out` |
//! | `contact.opted_out` | `sender_id`, `from`, `in_reply_to` or null, `campaign_id` or null |
//! | `sender.*` | `sender_id`, `session`; `detail` and `until` when the network gave them |
//! | `webhook.exhausted` | `endpoint_id`, `delivery_id`, `event_id`, `event_type`, `attempts`, `status` or null, `error`. Not delivered to that endpoint, and not written about deliveries of `webhook.*` |
//! | `webhook.disabled` | `endpoint_id`, `reason`, `status` or null, `error`. Not delivered to that endpoint |
//!
//! `to` and `from` are addresses: an object with `phone`, `business_scoped_id`, `linked_id`, whichever are known.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{EventId, EventKind, WorkspaceId};

use crate::StoreResult;

/// An event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its id; also the `webhook-id` of its deliveries.
    pub id: EventId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// Its number, the cursor of readers. Grows; gaps mean nothing.
    pub sequence: i64,
    /// What happened.
    pub kind: EventKind,
    /// When, in campaign time.
    pub at: DateTime<Utc>,
    /// The details: ids, states and, for incoming messages, sender, phone and text.
    pub data: serde_json::Value,
}

/// Events.
#[async_trait]
pub trait EventStore: Send + Sync {
    /// Numbers up to `limit` events that have no number, in the order of their commits as far as it is known. Only one caller
    /// over the installation numbers at a time. Answers how many were numbered.
    async fn number_events(&self, limit: u32) -> StoreResult<u64>;

    /// The number after which come only events that are numbered from now on.
    async fn last_event(&self) -> StoreResult<i64>;

    /// The numbered events of a workspace after `sequence`, at most `limit`.
    async fn list_events(&self, workspace: WorkspaceId, after: i64, limit: u32) -> StoreResult<Vec<Event>>;
}
