//! Messages as others see them.

use paceline_store::messages::{Message, MessageFilter};
use sqlx::types::Uuid;

use crate::prelude::*;

/// The columns of a message; the tables are named as in `message_tables`.
macro_rules! message_columns {
    () => {
        concat!(
            "m.seq, m.id, m.workspace_id, m.campaign_id, m.row_no, m.lane, m.phone, m.business_scoped_id, m.linked_id, \
             t.content, m.wa_id, m.state, m.reason, m.sender_id, \
             CASE WHEN m.binding = 'free' THEN coalesce(c.pool, p.name) END AS pool, \
             m.not_before, m.waits_for, m.expires_at, m.release_generation, CASE WHEN m.release_deadline > ",
            $crate::values::real_now!(),
            " THEN m.release_deadline END AS release_deadline, m.attempts, m.created_at, m.sent_at, m.delivered_at, m.read_at, \
             m.replied_at, m.ended_at, c.state AS campaign_state"
        )
    };
}
pub(super) use message_columns;

/// The tables that a message is read from.
macro_rules! message_tables {
    () => {
        " messages m LEFT JOIN message_contents t ON t.message_seq = m.seq LEFT JOIN campaigns c ON c.id = m.campaign_id \
         LEFT JOIN pools p ON p.id = m.pool_id "
    };
}
pub(super) use message_tables;

/// A list's text with its filters.
macro_rules! list {
    ($($filter:literal),*) => {
        concat!(
            "SELECT ",
            message_columns!(),
            " FROM",
            message_tables!(),
            "WHERE m.workspace_id = $1 AND m.id > $2",
            $($filter,)*
            " ORDER BY m.id LIMIT $3"
        )
    };
}

/// One of eight texts, so that each filter has the plan that suits it.
const fn list_text(filter: MessageFilter) -> &'static str {
    match (filter.campaign.is_some(), filter.state.is_some(), filter.sender.is_some()) {
        (false, false, false) => list!(),
        (false, false, true) => list!(" AND m.sender_id = $6"),
        (false, true, false) => list!(" AND m.state = $5"),
        (false, true, true) => list!(" AND m.state = $5", " AND m.sender_id = $6"),
        (true, false, false) => list!(" AND m.campaign_id = $4"),
        (true, false, true) => list!(" AND m.campaign_id = $4", " AND m.sender_id = $6"),
        (true, true, false) => list!(" AND m.campaign_id = $4", " AND m.state = $5"),
        (true, true, true) => list!(" AND m.campaign_id = $4", " AND m.state = $5", " AND m.sender_id = $6"),
    }
}

#[async_trait]
impl MessageReads for PostgresRows {
    async fn find_message(
        &self,
        workspace: WorkspaceId,
        message: MessageId,
    ) -> Fallible<Option<(Message, Option<CampaignState>)>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            message_columns!(),
            " FROM",
            message_tables!(),
            "WHERE m.id = $1 AND m.workspace_id = $2"
        ));
        self.find(query.bind(uuid(message)).bind(uuid(workspace)), columns::message_and_campaign).await
    }

    async fn list_messages(
        &self,
        workspace: WorkspaceId,
        filter: MessageFilter,
        after: Option<MessageId>,
        limit: u32,
    ) -> Fallible<Vec<Message>> {
        let query = sqlx::query(list_text(filter))
            .bind(uuid(workspace))
            .bind(after.map_or(Uuid::nil(), uuid))
            .bind(i64::from(limit))
            .bind(opt_uuid(filter.campaign))
            .bind(filter.state.map(MessageState::as_str))
            .bind(opt_uuid(filter.sender));
        self.list(query, columns::message).await
    }
}
