//! Messages as others see them.

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

/// The tables that a message is read from.
macro_rules! message_tables {
    () => {
        " messages m LEFT JOIN message_contents t ON t.message_seq = m.seq LEFT JOIN campaigns c ON c.id = m.campaign_id \
         LEFT JOIN pools p ON p.id = m.pool_id "
    };
}

/// Selects messages as others see them.
macro_rules! select_message {
    ($($rest:expr),+ $(,)?) => {
        concat!("SELECT ", $crate::messages::view::message_columns!(), " FROM", $crate::messages::view::message_tables!(), $($rest),+)
    };
}
pub(super) use {message_columns, message_tables, select_message};

/// A list's text with its filters.
macro_rules! list {
    ($($filter:literal),*) => {
        select_message!(
            "WHERE m.workspace_id = $1 AND m.id > $2",
            $($filter,)*
            " ORDER BY m.id LIMIT $3"
        )
    };
}

/// The texts.
pub(crate) const TEXTS: MessageTexts = MessageTexts {
    find: select_message!("WHERE m.id = $1 AND m.workspace_id = $2"),
    list: [
        list!(),
        list!(" AND m.sender_id = $6"),
        list!(" AND m.state = $5"),
        list!(" AND m.state = $5", " AND m.sender_id = $6"),
        list!(" AND m.campaign_id = $4"),
        list!(" AND m.campaign_id = $4", " AND m.sender_id = $6"),
        list!(" AND m.campaign_id = $4", " AND m.state = $5"),
        list!(" AND m.campaign_id = $4", " AND m.state = $5", " AND m.sender_id = $6"),
    ],
};
