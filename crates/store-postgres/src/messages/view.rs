//! A message as others see it.

use chrono::DateTime;
use paceline_domain::Generation;
use paceline_ledger::Fallible;
use paceline_store::messages::{Message, MessageFilter, ReleaseView};
use sqlx::postgres::PgRow;

use crate::cells::Cells;

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

/// Reads a message.
pub(super) fn read_message(row: &PgRow) -> Fallible<Message> {
    let cells = Cells::new("messages", row);
    let generation = Generation(cells.small("release_generation")?);
    let deadline = cells.opt_time("release_deadline")?;
    // Not to be sent before 1970 means at once.
    let not_before = Some(cells.time("not_before")?).filter(|at| *at != DateTime::UNIX_EPOCH);
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
        not_before,
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
pub(super) const fn list_text(filter: MessageFilter) -> &'static str {
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
