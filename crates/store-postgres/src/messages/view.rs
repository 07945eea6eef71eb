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

/// A list's text with its filters. Both ends of the range are of the index that is meant: a condition on a column alone would let the
/// planner walk through everybody's messages in their order until enough of them fit. So the owner is never compared alone, and a
/// partial index is named by its own condition.
macro_rules! list {
    (by $owner:literal where $guard:literal $(, $filter:literal)*) => {
        select_message!(
            "WHERE (m.", $owner, ", m.seq) > ($1, $2) AND (m.", $owner, ", m.seq) <= ($1, $3) AND ", $guard,
            $($filter,)*
            " ORDER BY m.", $owner, ", m.seq LIMIT $5"
        )
    };
}

/// How far a list may look at once: the last of so many rows.
macro_rules! reach {
    ($owner:literal where $guard:literal) => {
        concat!(
            "SELECT m.seq FROM messages m WHERE ",
            $guard,
            " AND (m.",
            $owner,
            ", m.seq) > ($1, $2) AND (m.",
            $owner,
            ", m.seq) <= ($1, 9223372036854775807) ORDER BY m.",
            $owner,
            ", m.seq OFFSET $3 LIMIT 1"
        )
    };
}

/// The texts.
pub(crate) const TEXTS: MessageTexts = MessageTexts {
    find: select_message!("WHERE m.id = $1 AND m.workspace_id = $2"),
    list_of_workspace: [
        list!(by "workspace_id" where "$4 = $1"),
        list!(by "workspace_id" where "$4 = $1", " AND m.sender_id = $6"),
        list!(by "workspace_id" where "$4 = $1", " AND m.state = $6"),
        list!(by "workspace_id" where "$4 = $1", " AND m.state = $6", " AND m.sender_id = $7"),
    ],
    list_of_campaign: [
        list!(by "campaign_id" where "m.campaign_id IS NOT NULL AND m.workspace_id = $4"),
        list!(by "campaign_id" where "m.campaign_id IS NOT NULL AND m.workspace_id = $4", " AND m.sender_id = $6"),
        list!(by "campaign_id" where "m.campaign_id IS NOT NULL AND m.workspace_id = $4", " AND m.state = $6"),
        list!(by "campaign_id" where "m.campaign_id IS NOT NULL AND m.workspace_id = $4", " AND m.state = $6", " AND m.sender_id = $7"),
    ],
    reach_of_workspace: reach!("workspace_id" where "true"),
    reach_of_campaign: reach!("campaign_id" where "m.campaign_id IS NOT NULL"),
};
