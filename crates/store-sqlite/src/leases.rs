//! Leases and sealed sessions.

use paceline_store::leases::{DeadHolder, Lease, LeaseWish, SealedSession};

use crate::{prelude::*, senders::sender_columns};

#[async_trait]
impl LeaseRows for Tx {
    async fn claim_leases(&mut self, wish: &LeaseWish) -> Fallible<Vec<SenderId>> {
        let claim = sqlx::query(concat!(
            "UPDATE senders SET lease_worker = ?1, lease_epoch = lease_epoch + 1, lease_expires_at = ",
            real_now!(),
            " + ?2 WHERE id IN (SELECT id FROM senders WHERE state = 'active' AND (?3 IS NULL OR id = ?3) \
                AND channel IN (SELECT value FROM json_each(?4)) \
                AND (lease_expires_at IS NULL OR lease_expires_at <= ",
            real_now!(),
            ") ORDER BY created_at, id LIMIT ?5) RETURNING id"
        ));
        let claim = claim
            .bind(blob(wish.worker))
            .bind(duration_micros(wish.ttl))
            .bind(opt_blob(wish.pinned))
            .bind(json_channels(&wish.channels))
            .bind(wish.slots);
        self.list(claim, columns::id("senders")).await
    }

    async fn list_leases(&mut self, senders: &[SenderId]) -> Fallible<Vec<Lease>> {
        let query = sqlx::query(concat!(
            "SELECT ",
            sender_columns!(),
            ", w.key FROM json_each(?1) j CROSS JOIN senders s ON s.id = unhex(j.value) \
             JOIN workspaces w ON w.id = s.workspace_id ORDER BY s.created_at, s.id"
        ));
        self.list(query.bind(json_ids(senders.iter().copied())), columns::lease).await
    }

    async fn renew_leases(&mut self, senders: &[&Locked<SenderRow>], ttl: Duration) -> Fallible<()> {
        let renew = sqlx::query(concat!(
            "UPDATE senders SET lease_expires_at = ",
            real_now!(),
            " + ?2 WHERE id IN (SELECT unhex(value) FROM json_each(?1))"
        ));
        let ids = json_ids(senders.iter().map(|sender| sender.id));
        self.run(renew.bind(ids).bind(duration_micros(ttl))).await
    }

    async fn release_lease(&mut self, sender: SenderId, epoch: Epoch) -> Fallible<()> {
        let release = sqlx::query(
            "UPDATE senders SET lease_worker = NULL, lease_expires_at = NULL WHERE id = ?1 AND lease_epoch = ?2",
        );
        self.run(release.bind(blob(sender)).bind(epoch.0)).await
    }

    async fn end_leases(&mut self, of: DeadHolder) -> Fallible<u64> {
        let holder = match of {
            DeadHolder::Everyone => None,
            DeadHolder::Worker(worker) => Some(blob(worker)),
        };
        let end = sqlx::query(concat!(
            "UPDATE senders SET lease_worker = NULL, lease_expires_at = NULL WHERE lease_expires_at > ",
            real_now!(),
            " AND (?1 IS NULL OR lease_worker = ?1)"
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
            "INSERT INTO sender_sessions (sender_id, device, workspace_id, blob, key_id, epoch) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
             ON CONFLICT (sender_id, device) DO UPDATE SET blob = excluded.blob, key_id = excluded.key_id, epoch = excluded.epoch",
        );
        let put = put.bind(blob(sender.id)).bind(device).bind(blob(sender.workspace));
        self.run(put.bind(session.blob.as_slice()).bind(session.key_id.as_str()).bind(epoch.0)).await
    }

    async fn remove_session(&mut self, sender: &Locked<SenderRow>, device: i32) -> Fallible<()> {
        let delete = sqlx::query("DELETE FROM sender_sessions WHERE sender_id = ?1 AND device = ?2");
        self.run(delete.bind(blob(sender.id)).bind(device)).await
    }
}

#[async_trait]
impl LeaseReads for SqliteRows {
    async fn find_session(&self, sender: SenderId, device: i32) -> Fallible<Option<SealedSession>> {
        let query = sqlx::query("SELECT blob, key_id FROM sender_sessions WHERE sender_id = ?1 AND device = ?2");
        self.find(query.bind(blob(sender)).bind(device), columns::session).await
    }
}
