//! Leases and sealed sessions.

use paceline_store::leases::{DeadHolder, Lease, LeaseWish, SealedSession};

use crate::{prelude::*, senders::sender_columns};

/// Senders that another process is just taking are left to it. The limit is reckoned once, before anything is changed.
const CLAIM: &str = concat!(
    "WITH wanted AS MATERIALIZED (SELECT id FROM senders WHERE state = 'active' AND ($3::uuid IS NULL OR id = $3) \
        AND channel = ANY($4) AND (lease_expires_at IS NULL OR lease_expires_at <= ",
    real_now!(),
    ") ORDER BY created_at, id LIMIT $5 FOR NO KEY UPDATE SKIP LOCKED) \
     UPDATE senders SET lease_worker = $1, lease_epoch = lease_epoch + 1, lease_expires_at = ",
    real_now!(),
    " + ",
    micros_of!("$2"),
    " FROM wanted WHERE senders.id = wanted.id RETURNING senders.id"
);

#[async_trait]
impl LeaseRows for Tx {
    async fn claim_leases(&mut self, wish: &LeaseWish) -> Fallible<Vec<SenderId>> {
        let channels: Vec<&str> = wish.channels.iter().copied().map(ChannelKind::as_str).collect();
        let claim = sqlx::query(CLAIM)
            .bind(uuid(wish.worker))
            .bind(duration_micros(wish.ttl))
            .bind(opt_uuid(wish.pinned))
            .bind(channels)
            .bind(i64::from(wish.slots));
        self.list(claim, columns::id("senders")).await
    }

    async fn list_leases(&mut self, senders: &[SenderId]) -> Fallible<Vec<Lease>> {
        if senders.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(concat!(
            "SELECT ",
            sender_columns!(),
            ", w.key FROM senders s JOIN workspaces w ON w.id = s.workspace_id \
             WHERE s.id = ANY($1) ORDER BY s.created_at, s.id"
        ));
        self.list(query.bind(uuids(senders.iter().copied())), columns::lease).await
    }

    async fn renew_leases(&mut self, senders: &[&Locked<SenderRow>], ttl: Duration) -> Fallible<()> {
        if senders.is_empty() {
            return Ok(());
        }
        let renew = sqlx::query(concat!(
            "UPDATE senders SET lease_expires_at = ",
            real_now!(),
            " + ",
            micros_of!("$2"),
            " WHERE id = ANY($1)"
        ));
        self.run(renew.bind(column(senders, |sender| uuid(sender.id))).bind(duration_micros(ttl))).await
    }

    async fn release_lease(&mut self, sender: SenderId, epoch: Epoch) -> Fallible<()> {
        let release = sqlx::query(
            "UPDATE senders SET lease_worker = NULL, lease_expires_at = NULL WHERE id = $1 AND lease_epoch = $2",
        );
        self.run(release.bind(uuid(sender)).bind(epoch.0)).await
    }

    async fn end_leases(&mut self, of: DeadHolder) -> Fallible<u64> {
        let holder = match of {
            DeadHolder::Everyone => None,
            DeadHolder::Worker(worker) => Some(uuid(worker)),
        };
        let end = sqlx::query(concat!(
            "UPDATE senders SET lease_worker = NULL, lease_expires_at = NULL WHERE id IN \
                (SELECT id FROM senders WHERE lease_expires_at > ",
            real_now!(),
            " AND ($1::uuid IS NULL OR lease_worker = $1) ORDER BY id FOR NO KEY UPDATE)"
        ));
        self.execute(end.bind(holder)).await
    }

    async fn put_session(
        &mut self,
        sender: &Locked<SenderRow>,
        device: i32,
        epoch: Epoch,
        session: &SealedSession,
    ) -> Fallible<()> {
        let put = sqlx::query(
            "INSERT INTO sender_sessions (sender_id, device, workspace_id, blob, key_id, epoch) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT (sender_id, device) DO UPDATE SET blob = excluded.blob, key_id = excluded.key_id, epoch = excluded.epoch",
        );
        let put = put
            .bind(uuid(sender.id))
            .bind(device)
            .bind(uuid(sender.workspace))
            .bind(session.blob.as_slice())
            .bind(session.key_id.as_str())
            .bind(epoch.0);
        self.run(put).await
    }

    async fn remove_session(&mut self, sender: &Locked<SenderRow>, device: i32) -> Fallible<()> {
        let delete = sqlx::query("DELETE FROM sender_sessions WHERE sender_id = $1 AND device = $2");
        self.run(delete.bind(uuid(sender.id)).bind(device)).await
    }
}

#[async_trait]
impl LeaseReads for PostgresRows {
    async fn find_session(&self, sender: SenderId, device: i32) -> Fallible<Option<SealedSession>> {
        let query = sqlx::query("SELECT blob, key_id FROM sender_sessions WHERE sender_id = $1 AND device = $2");
        self.find(query.bind(uuid(sender)).bind(device), columns::session).await
    }
}
