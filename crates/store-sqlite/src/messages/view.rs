//! Messages as others see them.

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

/// The tables beside that of messages that a message is read from.
macro_rules! message_joins {
    () => {
        " LEFT JOIN message_contents t ON t.message_seq = m.seq LEFT JOIN campaigns c ON c.id = m.campaign_id LEFT JOIN pools p ON p.id = m.pool_id "
    };
}

/// The tables that a message is read from.
macro_rules! message_tables {
    () => {
        concat!(" messages m", $crate::messages::view::message_joins!())
    };
}

/// Selects messages as others see them.
macro_rules! select_message {
    ($($rest:expr),+ $(,)?) => {
        concat!("SELECT ", $crate::messages::view::message_columns!(), " FROM", $crate::messages::view::message_tables!(), $($rest),+)
    };
}
pub(super) use {message_columns, message_joins, message_tables, select_message};

/// A list's text with its filters.
macro_rules! list {
    (by $owner:literal, $index:literal $(, $filter:literal)*) => {
        concat!(
            "SELECT ", $crate::messages::view::message_columns!(), " FROM messages m INDEXED BY ", $index,
            $crate::messages::view::message_joins!(),
            "WHERE m.", $owner, " = ?1 AND m.seq > ?2 AND m.seq <= ?3 AND m.workspace_id = ?4",
            $($filter,)*
            " ORDER BY m.seq LIMIT ?5"
        )
    };
}

/// How far a list may look at once: the last of so many rows.
macro_rules! reach {
    ($owner:literal, $index:literal) => {
        concat!(
            "SELECT m.seq FROM messages m INDEXED BY ",
            $index,
            " WHERE m.",
            $owner,
            " = ?1 AND m.seq > ?2 ORDER BY m.seq LIMIT 1 OFFSET ?3"
        )
    };
}

/// The texts.
pub(crate) const TEXTS: MessageTexts = MessageTexts {
    find: select_message!("WHERE m.id = ?1 AND m.workspace_id = ?2"),
    list_of_workspace: [
        list!(by "workspace_id", "messages_of_workspace"),
        list!(by "workspace_id", "messages_of_workspace", " AND m.sender_id = ?6"),
        list!(by "workspace_id", "messages_of_workspace", " AND m.state = ?6"),
        list!(by "workspace_id", "messages_of_workspace", " AND m.state = ?6", " AND m.sender_id = ?7"),
    ],
    list_of_campaign: [
        list!(by "campaign_id", "messages_of_campaign"),
        list!(by "campaign_id", "messages_of_campaign", " AND m.sender_id = ?6"),
        list!(by "campaign_id", "messages_of_campaign", " AND m.state = ?6"),
        list!(by "campaign_id", "messages_of_campaign", " AND m.state = ?6", " AND m.sender_id = ?7"),
    ],
    reach_of_workspace: reach!("workspace_id", "messages_of_workspace"),
    reach_of_campaign: reach!("campaign_id", "messages_of_campaign"),
};
