//! Leases and sealed sessions.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::{ChannelKind, Epoch, SenderId, WorkspaceKey};
use paceline_store::{
    StoreResult,
    leases::{DeadHolder, Fenced, Lease, LeaseStore, LeaseWish, Renewal, SealedSession},
};

use crate::{
    bulk::column,
    cells::Cells,
    error::Fallible,
    open::PostgresStore,
    senders::{read_sender, sender_columns},
    transaction::Tx,
    values::{duration_micros, micros_of, opt_uuid, real_now, uuid, uuids},
};

#[async_trait]
impl LeaseStore for PostgresStore {
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
                    "UPDATE senders SET lease_worker = NULL, lease_expires_at = NULL WHERE id = $1 AND lease_epoch = $2",
                );
                tx.execute(release.bind(uuid(sender)).bind(epoch.0)).await.map(|_| ())
            })
        })
        .await
    }

    async fn end_leases(&self, of: DeadHolder) -> StoreResult<u64> {
        self.write(move |tx| {
            Box::pin(async move {
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
                tx.execute(end.bind(holder)).await
            })
        })
        .await
    }

    async fn find_session(&self, sender: SenderId, device: i32) -> StoreResult<Option<SealedSession>> {
        let query = sqlx::query("SELECT blob, key_id FROM sender_sessions WHERE sender_id = $1 AND device = $2");
        let Some(row) = self.one(query.bind(uuid(sender)).bind(device)).await? else { return Ok(None) };
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

const RENEW: &str = concat!(
    "UPDATE senders SET lease_expires_at = ",
    real_now!(),
    " + ",
    micros_of!("$3"),
    " FROM UNNEST($1::uuid[], $2::bigint[]) AS v (id, epoch) \
     WHERE senders.id = v.id AND senders.lease_epoch = v.epoch AND senders.lease_expires_at > ",
    real_now!()
);

impl Tx {
    async fn claim_leases(&mut self, wish: LeaseWish) -> Fallible<Vec<Lease>> {
        let channels: Vec<&str> = wish.channels.iter().copied().map(ChannelKind::as_str).collect();
        let claim = sqlx::query(CLAIM)
            .bind(uuid(wish.worker))
            .bind(duration_micros(wish.ttl))
            .bind(opt_uuid(wish.pinned))
            .bind(channels)
            .bind(i64::from(wish.slots));
        let claimed = self.all(claim).await?;
        let claimed = claimed.iter().map(|row| Cells::new("senders", row).id::<paceline_domain::kind::Sender>("id"));
        let claimed = claimed.collect::<Fallible<Vec<_>>>()?;
        if claimed.is_empty() {
            return Ok(Vec::new());
        }
        let leases = sqlx::query(concat!(
            "SELECT ",
            sender_columns!(),
            ", w.key FROM senders s JOIN workspaces w ON w.id = s.workspace_id \
             WHERE s.id = ANY($1) ORDER BY s.created_at, s.id"
        ));
        let rows = self.all(leases.bind(uuids(claimed))).await?;
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
        // Read first: a renewal with a ttl of nothing is held, and has run out by the next statement. Locked, so that nobody
        // takes a lease over between being found held and being renewed.
        let held = sqlx::query(concat!(
            "SELECT id, lease_epoch FROM senders WHERE id = ANY($1) AND lease_expires_at > ",
            real_now!(),
            " ORDER BY id FOR NO KEY UPDATE"
        ));
        let senders = uuids(leases.iter().map(|(sender, _)| *sender));
        let rows = self.all(held.bind(senders.clone())).await?;
        let mut epochs = std::collections::HashMap::new();
        for row in &rows {
            let cells = Cells::new("senders", row);
            epochs.insert(cells.id("id")?, Epoch(cells.number("lease_epoch")?));
        }
        let renew = sqlx::query(RENEW)
            .bind(senders.clone())
            .bind(column(&leases, |(_, epoch)| epoch.0))
            .bind(duration_micros(ttl));
        self.execute(renew).await?;
        let now = sqlx::query(concat!("SELECT ", sender_columns!(), " FROM senders s WHERE s.id = ANY($1)"));
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

    /// Whether the lease of an epoch holds. Whoever would take it over or end it waits until this transaction has ended.
    pub(crate) async fn holds_lease(&mut self, sender: SenderId, epoch: Epoch) -> Fallible<bool> {
        let query = sqlx::query(concat!(
            "SELECT 1 FROM senders WHERE id = $1 AND lease_epoch = $2 AND lease_expires_at > ",
            real_now!(),
            " FOR NO KEY UPDATE"
        ));
        Ok(self.one(query.bind(uuid(sender)).bind(epoch.0)).await?.is_some())
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
            let delete = sqlx::query("DELETE FROM sender_sessions WHERE sender_id = $1 AND device = $2");
            self.execute(delete.bind(uuid(sender)).bind(device)).await?;
            return Ok(Fenced::Done(()));
        };
        let store = sqlx::query(
            "INSERT INTO sender_sessions (sender_id, device, workspace_id, blob, key_id, epoch) \
             SELECT $1, $2, workspace_id, $3, $4, $5 FROM senders WHERE id = $1 \
             ON CONFLICT (sender_id, device) DO UPDATE SET blob = excluded.blob, key_id = excluded.key_id, epoch = excluded.epoch",
        );
        self.execute(store.bind(uuid(sender)).bind(device).bind(session.blob).bind(session.key_id).bind(epoch.0))
            .await?;
        Ok(Fenced::Done(()))
    }
}
