//! Messages as others see them.

use async_trait::async_trait;
use paceline_domain::{CampaignState, Generation, MessageId, MessageState, WorkspaceId};
use paceline_ledger::{Fallible, rows::MessageReads};
use paceline_store::messages::{Message, MessageFilter, ReleaseView};
use sqlx::{AssertSqlSafe, sqlite::SqliteRow};

use crate::{
    cells::Cells,
    database::SqliteRows,
    values::{blob, opt_blob},
};

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

/// Reads a message.
pub(super) fn read_message(row: &SqliteRow) -> Fallible<Message> {
    let cells = Cells::new("messages", row);
    let generation = Generation(cells.small("release_generation")?);
    let deadline = cells.opt_time("release_deadline")?;
    let not_before = cells.number("not_before")?;
    Ok(Message {
        id: cells.id("id")?,
        workspace: cells.id("workspace_id")?,
        campaign: cells.opt_id("campaign_id")?,
        row: cells.opt_number("row_no")?,
        lane: cells.word("lane")?,
        to: cells.address()?,
        content: cells.json("content")?,
        wa_id: cells.wa_id("wa_id")?,
        state: cells.word("state")?,
        reason: cells.opt_string("reason")?,
        sender: cells.opt_id("sender_id")?,
        pool: cells.opt_string("pool")?,
        not_before: if not_before == 0 { None } else { Some(cells.time("not_before")?) },
        waits_for: cells.opt_string("waits_for")?,
        expires_at: cells.opt_time("expires_at")?,
        release: deadline.map(|deadline| ReleaseView { generation, deadline }),
        attempts: cells.small("attempts")?,
        created_at: cells.time("created_at")?,
        sent_at: cells.opt_time("sent_at")?,
        delivered_at: cells.opt_time("delivered_at")?,
        read_at: cells.opt_time("read_at")?,
        replied_at: cells.opt_time("replied_at")?,
        ended_at: cells.opt_time("ended_at")?,
    })
}

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
        let Some(row) = self.one(query.bind(blob(message)).bind(blob(workspace))).await? else { return Ok(None) };
        Ok(Some((read_message(&row)?, Cells::new("campaigns", &row).opt_word("campaign_state")?)))
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
        self.all(query).await?.iter().map(read_message).collect()
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
