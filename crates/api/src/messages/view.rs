//! A message as the API shows it.

use chrono::{DateTime, Utc};
use paceline_domain::{CampaignId, Content, Lane, MessageId, MessageState, SenderId};
use paceline_store::messages::Message;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{phones, schemas};

/// A message.
#[derive(Serialize, ToSchema)]
#[schema(as = Message)]
pub(crate) struct MessageBody {
    /// Its id.
    #[schema(value_type = schemas::MessageId)]
    id: MessageId,
    /// Its campaign; `null` for a single send.
    #[schema(value_type = Option<schemas::CampaignId>)]
    campaign_id: Option<CampaignId>,
    /// Its row in the campaign's audience.
    row: Option<i64>,
    /// Which lane it takes.
    #[schema(value_type = schemas::Lane)]
    lane: Lane,
    /// The recipient's number in E.164; `null` after an erasure, and where WhatsApp does not show it.
    to: Option<String>,
    /// What it says.
    text: String,
    /// The WhatsApp id of all its attempts.
    wa_id: String,
    /// Where it stands.
    #[schema(value_type = schemas::MessageState)]
    state: MessageState,
    /// Why it failed or was cancelled.
    reason: Option<String>,
    /// The sender it is bound to, or that sent it.
    #[schema(value_type = Option<schemas::SenderId>)]
    sender_id: Option<SenderId>,
    /// The pool that may send it, unless it is bound to one sender for good.
    pool: Option<String>,
    /// Not to be sent before this.
    not_before: Option<DateTime<Utc>>,
    /// Not to be sent after this.
    expires_at: Option<DateTime<Utc>>,
    /// How many attempts there were.
    attempt_count: i64,
    /// When it was planned or accepted.
    created_at: DateTime<Utc>,
    /// When WhatsApp accepted it.
    sent_at: Option<DateTime<Utc>>,
    /// When it reached the device.
    delivered_at: Option<DateTime<Utc>>,
    /// When it was opened.
    read_at: Option<DateTime<Utc>>,
    /// When the recipient first answered it.
    replied_at: Option<DateTime<Utc>>,
    /// When it failed, expired, was cancelled or became unknown.
    ended_at: Option<DateTime<Utc>>,
}

impl From<Message> for MessageBody {
    fn from(message: Message) -> Self {
        let Content::Text { body: text } = message.content;
        Self {
            id: message.id,
            campaign_id: message.campaign,
            row: message.row,
            lane: message.lane,
            to: phones::shown(&message.to),
            text,
            wa_id: message.wa_id.as_str().to_owned(),
            state: message.state,
            reason: message.reason,
            sender_id: message.sender,
            pool: message.pool,
            not_before: message.not_before,
            expires_at: message.expires_at,
            attempt_count: i64::from(message.attempts),
            created_at: message.created_at,
            sent_at: message.sent_at,
            delivered_at: message.delivered_at,
            read_at: message.read_at,
            replied_at: message.replied_at,
            ended_at: message.ended_at,
        }
    }
}
