//! Accepting transactional messages.
//!
//! What a message is accepted by is held until it is there: its sender is not removed meanwhile without its messages being unbound,
//! and its recipient not suppressed without their messages being cancelled.

use chrono::DateTime;
use paceline_domain::{MessageState, PhoneNumber, PoolId, SenderId, SuppressionScope};
use paceline_store::messages::{MessageAcceptance, NewMessage, Route};

use crate::{
    cells::Cells,
    counters::Ledger,
    error::Fallible,
    gates::Gate,
    transaction::Tx,
    values::{hash, opt_uuid, storable, uuid},
};

/// Where a transactional message may go.
struct Routed {
    sender: Option<SenderId>,
    pool: Option<PoolId>,
    binding: &'static str,
}

impl Tx {
    pub(super) async fn create_message(&mut self, new: &NewMessage) -> Fallible<MessageAcceptance> {
        if let Some(existing) = self.message(new.id).await? {
            return Ok(MessageAcceptance::Existing(Box::new(existing)));
        }
        // Senders are locked before gates are passed, by everyone; what is found is told after what the gate guards.
        let routed = self.find_route(new).await?;
        self.pass_gates(vec![Gate::Person(new.hash)]).await?;
        let suppression = self.suppression(new.workspace, new.hash).await?;
        if let Some(suppression) = suppression.filter(|suppression| suppression.scope == SuppressionScope::All) {
            return Ok(MessageAcceptance::Suppressed(suppression));
        }
        let Some(routed) = routed else { return Ok(MessageAcceptance::NoSender) };
        let written = self.write_message(new, &routed).await?;
        if written {
            self.count_new(Ledger::of(new.workspace, None), MessageState::Waiting, 1);
        }
        let message = Box::new(self.message(new.id).await?.ok_or(sqlx::Error::RowNotFound)?);
        Ok(if written { MessageAcceptance::Accepted(message) } else { MessageAcceptance::Existing(message) })
    }

    /// Writes a message with what it says. `false`: the same was accepted a moment ago.
    async fn write_message(&mut self, new: &NewMessage, routed: &Routed) -> Fallible<bool> {
        let insert = sqlx::query(
            "WITH new AS (INSERT INTO messages (id, workspace_id, lane, state, sender_id, binding, pool_id, not_before, \
                expires_at, created_at, hash, phone, business_scoped_id, linked_id, wa_id, chars) \
                VALUES ($1, $2, $3, 'waiting', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
                ON CONFLICT (id) DO NOTHING RETURNING seq) \
             INSERT INTO message_contents (message_seq, workspace_id, content) SELECT seq, $2, $16 FROM new",
        );
        let insert = insert
            .bind(uuid(new.id))
            .bind(uuid(new.workspace))
            .bind(new.lane.as_str())
            .bind(opt_uuid(routed.sender))
            .bind(routed.binding)
            .bind(opt_uuid(routed.pool))
            .bind(new.not_before.unwrap_or(DateTime::UNIX_EPOCH))
            .bind(new.expires_at)
            .bind(new.created_at)
            .bind(hash(new.hash))
            .bind(new.to.phone.as_ref().map(PhoneNumber::as_e164))
            .bind(new.to.business_scoped_id.as_deref().map(storable))
            .bind(new.to.linked_id.as_deref().map(storable))
            .bind(new.wa_id.as_str())
            .bind(i32::try_from(new.content.typed_chars()).unwrap_or(i32::MAX))
            .bind(serde_json::json!(new.content).to_string());
        Ok(self.execute(insert).await? > 0)
    }

    async fn find_route(&mut self, new: &NewMessage) -> Fallible<Option<Routed>> {
        match &new.route {
            Route::Sender(sender) => {
                let held = self.hold_active_sender(new, *sender).await?;
                Ok(held.map(|sender| Routed { sender: Some(sender), pool: None, binding: "routed" }))
            }
            Route::Pool(name) => self.find_pool_route(new, name).await,
        }
    }

    /// The sender, when it is active; it is not removed before the message is there.
    async fn hold_active_sender(&mut self, new: &NewMessage, sender: SenderId) -> Fallible<Option<SenderId>> {
        let hold = sqlx::query(
            "SELECT id FROM senders WHERE id = $1 AND workspace_id = $2 AND state = 'active' FOR KEY SHARE",
        );
        let row = self.one(hold.bind(uuid(sender)).bind(uuid(new.workspace))).await?;
        Ok(row.map(|_| sender))
    }

    async fn find_pool_route(&mut self, new: &NewMessage, name: &str) -> Fallible<Option<Routed>> {
        let query = sqlx::query(
            "WITH pool AS MATERIALIZED (SELECT p.id, \
                array_agg(s.id) FILTER (WHERE s.session_state <> 'banned') AS senders \
                FROM pools p JOIN pool_members pm ON pm.pool_id = p.id JOIN senders s ON s.id = pm.sender_id \
                WHERE p.workspace_id = $1 AND p.name = $2 AND s.state = 'active' GROUP BY p.id) \
             SELECT pool.id, (SELECT m.sender_id FROM messages m \
                WHERE m.hash = $3 AND m.attempts > 0 AND m.workspace_id = $1 AND m.sent_at IS NOT NULL \
                    AND m.sender_id = ANY (pool.senders) ORDER BY m.attempted_at DESC LIMIT 1) AS sticky FROM pool",
        );
        let query = query.bind(uuid(new.workspace)).bind(storable(name)).bind(hash(new.hash));
        let Some(row) = self.one(query).await? else { return Ok(None) };
        let cells = Cells::new("pools", &row);
        let (pool, sticky) = (Some(cells.id("id")?), cells.opt_id("sticky")?);
        let sender = match sticky {
            Some(sticky) => self.hold_active_sender(new, sticky).await?,
            None => None,
        };
        let binding = if sender.is_some() { "sticky" } else { "free" };
        Ok(Some(Routed { sender, pool, binding }))
    }
}
