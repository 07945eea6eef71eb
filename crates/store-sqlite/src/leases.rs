//! Leases and sealed sessions.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::{ChannelKind, Epoch, SenderId, WorkspaceKey};
use paceline_store::{
    StoreResult,
    leases::{DeadHolder, Fenced, Lease, LeaseStore, LeaseWish, Renewal, SealedSession},
};

use crate::{
    bulk::Bulk,
    cells::Cells,
    error::Fallible,
    open::SqliteStore,
    senders::{read_sender, sender_columns},
    transaction::Tx,
    values::{blob, duration_micros, json_blobs, real_now},
};

#[async_trait]
impl LeaseStore for SqliteStore {
    async fn claim_leases(&self, wish: LeaseWish) -> StoreResult<Vec<Lease>> {
        if wish.slots == 0 {
            return Ok(Vec::new());
        }
        self.write(move |tx| Box::pin(tx.claim_leases(wish))).await
    }

    async fn renew_leases(&self, leases: &[(SenderId, Epoch)], ttl: Duration) -> StoreResult<Vec<(SenderId, Renewal)>> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let leases = leases.to_vec();
        self.write(move |tx| Box::pin(tx.renew_leases(leases, ttl))).await
    }

    async fn release_lease(&self, sender: SenderId, epoch: Epoch) -> StoreResult<()> {
        self.write(move |tx| {
            Box::pin(async move {
                let release = sqlx::query(
                    "UPDATE senders SET lease_worker = NULL, lease_expires_at = NULL WHERE id = ?1 AND lease_epoch = ?2",
                );
                tx.execute(release.bind(blob(sender)).bind(epoch.0)).await.map(|_| ())
            })
        })
        .await
    }

    async fn end_leases(&self, of: DeadHolder) -> StoreResult<u64> {
        self.write(move |tx| {
            Box::pin(async move {
                let holder = match of {
                    DeadHolder::Everyone => None,
                    DeadHolder::Worker(worker) => Some(blob(worker)),
                };
                let end = sqlx::query(concat!(
                    "UPDATE senders SET lease_worker = NULL, lease_expires_at = NULL WHERE lease_expires_at > ",
                    real_now!(),
                    " AND (?1 IS NULL OR lease_worker = ?1)"
                ));
                tx.execute(end.bind(holder)).await
            })
        })
        .await
    }

    async fn find_session(&self, sender: SenderId, device: i32) -> StoreResult<Option<SealedSession>> {
        let query = sqlx::query("SELECT blob, key_id FROM sender_sessions WHERE sender_id = ?1 AND device = ?2");
        let Some(row) = self.one(query.bind(blob(sender)).bind(device)).await? else { return Ok(None) };
        let cells = Cells::new("sender_sessions", &row);
        Ok(Some(SealedSession { blob: cells.bytes("blob")?.to_vec(), key_id: cells.string("key_id")? }))
    }

    async fn store_session(
        &self,
        sender: SenderId,
        device: i32,
        epoch: Epoch,
        session: Option<SealedSession>,
    ) -> StoreResult<Fenced<()>> {
        self.write(move |tx| Box::pin(tx.store_session(sender, device, epoch, session))).await
    }
}

const RENEW: Bulk = Bulk {
    head: "WITH v (id, epoch) AS (VALUES",
    row: "(?, ?)",
    tail: concat!(
        ") UPDATE senders SET lease_expires_at = ",
        real_now!(),
        " + ?1 FROM v WHERE senders.id = v.id AND senders.lease_epoch = v.epoch AND senders.lease_expires_at > ",
        real_now!()
    ),
};

impl Tx {
    async fn claim_leases(&mut self, wish: LeaseWish) -> Fallible<Vec<Lease>> {
        let channels: Vec<&str> = wish.channels.iter().copied().map(ChannelKind::as_str).collect();
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
            .bind(wish.pinned.map(blob))
            .bind(serde_json::json!(channels).to_string())
            .bind(wish.slots);
        let claimed = self.all(claim).await?;
        let claimed = claimed.iter().map(|row| Cells::new("senders", row).id::<paceline_domain::kind::Sender>("id"));
        let claimed = json_blobs(claimed.collect::<Fallible<Vec<_>>>()?.into_iter().map(SenderId::to_bytes));
        let leases = sqlx::query(concat!(
            "SELECT ",
            sender_columns!(),
            ", w.key FROM json_each(?1) j CROSS JOIN senders s ON s.id = unhex(j.value) \
             JOIN workspaces w ON w.id = s.workspace_id ORDER BY s.created_at, s.id"
        ));
        let rows = self.all(leases.bind(claimed)).await?;
        let lease = |row| {
            let cells = Cells::new("senders", row);
            let key = WorkspaceKey::from_bytes(cells.array("key")?);
            Ok(Lease { sender: read_sender(row)?, key, epoch: Epoch(cells.number("lease_epoch")?) })
        };
        rows.iter().map(lease).collect()
    }

    async fn renew_leases(
        &mut self,
        leases: Vec<(SenderId, Epoch)>,
        ttl: Duration,
    ) -> Fallible<Vec<(SenderId, Renewal)>> {
        // Read first: a renewal with a ttl of nothing is held, and has run out by the next statement.
        let held = sqlx::query(concat!(
            "SELECT s.id, s.lease_epoch FROM json_each(?1) j CROSS JOIN senders s ON s.id = unhex(j.value) \
             WHERE s.lease_expires_at > ",
            real_now!()
        ));
        let senders = json_blobs(leases.iter().map(|(sender, _)| sender.to_bytes()));
        let rows = self.all(held.bind(senders.clone())).await?;
        let mut epochs = std::collections::HashMap::new();
        for row in &rows {
            let cells = Cells::new("senders", row);
            epochs.insert(cells.id("id")?, Epoch(cells.number("lease_epoch")?));
        }
        RENEW
            .run(
                self,
                &leases,
                |values| {
                    values.add(duration_micros(ttl));
                },
                |values, (sender, epoch)| {
                    values.add(blob(*sender)).add(epoch.0);
                },
            )
            .await?;
        let now = sqlx::query(concat!(
            "SELECT ",
            sender_columns!(),
            " FROM json_each(?1) j CROSS JOIN senders s ON s.id = unhex(j.value)"
        ));
        let rows = self.all(now.bind(senders)).await?;
        let mut renewed = std::collections::HashMap::new();
        for row in &rows {
            let sender = read_sender(row)?;
            renewed.insert(sender.id, sender);
        }
        let renewal = |(sender, epoch): (SenderId, Epoch)| {
            let held = epochs.get(&sender) == Some(&epoch);
            let view = renewed.get(&sender).filter(|_| held).cloned();
            (sender, view.map_or(Renewal::Lost, |view| Renewal::Held(Box::new(view))))
        };
        Ok(leases.into_iter().map(renewal).collect())
    }

    /// Whether the lease of an epoch holds.
    pub(crate) async fn holds_lease(&mut self, sender: SenderId, epoch: Epoch) -> Fallible<bool> {
        let query = sqlx::query(concat!(
            "SELECT 1 FROM senders WHERE id = ?1 AND lease_epoch = ?2 AND lease_expires_at > ",
            real_now!()
        ));
        Ok(self.one(query.bind(blob(sender)).bind(epoch.0)).await?.is_some())
    }

    async fn store_session(
        &mut self,
        sender: SenderId,
        device: i32,
        epoch: Epoch,
        session: Option<SealedSession>,
    ) -> Fallible<Fenced<()>> {
        if !self.holds_lease(sender, epoch).await? {
            return Ok(Fenced::LeaseLost);
        }
        let Some(session) = session else {
            let delete = sqlx::query("DELETE FROM sender_sessions WHERE sender_id = ?1 AND device = ?2");
            self.execute(delete.bind(blob(sender)).bind(device)).await?;
            return Ok(Fenced::Done(()));
        };
        let store = sqlx::query(
            "INSERT INTO sender_sessions (sender_id, device, workspace_id, blob, key_id, epoch) \
             SELECT ?1, ?2, workspace_id, ?3, ?4, ?5 FROM senders WHERE id = ?1 \
             ON CONFLICT (sender_id, device) DO UPDATE SET blob = excluded.blob, key_id = excluded.key_id, epoch = excluded.epoch",
        );
        self.execute(store.bind(blob(sender)).bind(device).bind(session.blob).bind(session.key_id).bind(epoch.0))
            .await?;
        Ok(Fenced::Done(()))
    }
}
