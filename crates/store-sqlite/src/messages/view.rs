//! Messages as others see them.

use paceline_store::messages::{Message, MessageFilter};
use sqlx::AssertSqlSafe;

use crate::prelude::*;

/// The columns of a message; the tables are named as in `message_tables`.
macro_rules! message_columns {
    () => {
        concat!(
            "m.seq, m.id, m.workspace_id, m.campaign_id, m.row_no, m.lane, m.phone, m.business_scoped_id, m.linked_id, \
             t.content, m.wa_id, m.state, m.reason, m.sender_id, iif(m.binding = 'free', coalesce(c.pool, p.name), NULL) AS pool, \
             m.not_before, m.waits_for, m.expires_at, m.release_generation, iif(m.release_deadline > ",
            $crate::values::real_now!(),
            ", m.release_deadline, NULL) AS release_deadline, m.attempts, m.created_at, m.sent_at, m.delivered_at, m.read_at, \
             m.replied_at, m.ended_at, c.state AS campaign_state"
        )
    };
}
pub(super) use message_columns;

macro_rules! message_tables {
    () => {
        " messages m LEFT JOIN message_contents t ON t.message_seq = m.seq LEFT JOIN campaigns c ON c.id = m.campaign_id LEFT JOIN pools p ON p.id = m.pool_id "
    };
}
pub(super) use message_tables;

#[async_trait]
impl MessageReads for SqliteRows {
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
            "WHERE m.id = ?1 AND m.workspace_id = ?2"
        ));
        self.find(query.bind(blob(message)).bind(blob(workspace)), columns::message_and_campaign).await
    }

    async fn list_messages(
        &self,
        workspace: WorkspaceId,
        filter: MessageFilter,
        after: Option<MessageId>,
        limit: u32,
    ) -> Fallible<Vec<Message>> {
        let query = sqlx::query(AssertSqlSafe(list_text(filter)))
            .bind(blob(workspace))
            // No bytes sort before every id.
            .bind(after.map_or_else(Vec::new, blob))
            .bind(limit)
            .bind(opt_blob(filter.campaign))
            .bind(filter.state.map(MessageState::as_str))
            .bind(opt_blob(filter.sender));
        self.list(query, columns::message).await
    }
}

/// One of eight fixed texts, so that each filter has the plan that suits it.
fn list_text(filter: MessageFilter) -> String {
    let mut text = String::from(concat!(
        "SELECT ",
        message_columns!(),
        " FROM",
        message_tables!(),
        "WHERE m.workspace_id = ?1 AND m.id > ?2"
    ));
    if filter.campaign.is_some() {
        text.push_str(" AND m.campaign_id = ?4");
    }
    if filter.state.is_some() {
        text.push_str(" AND m.state = ?5");
    }
    if filter.sender.is_some() {
        text.push_str(" AND m.sender_id = ?6");
    }
    text.push_str(" ORDER BY m.id LIMIT ?3");
    text
}
