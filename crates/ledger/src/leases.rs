//! Leases and sealed sessions.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use async_trait::async_trait;
use paceline_domain::{Epoch, SenderId};
use paceline_store::{
    StoreResult,
    leases::{DeadHolder, Fenced, Lease, LeaseStore, LeaseWish, Renewal, SealedSession},
};

use crate::{
    Database, Fallible, Ledger,
    locks::Locked,
    rows::{Keep, SenderRow},
    transaction::Tx,
};

#[async_trait]
impl<D: Database> LeaseStore for Ledger<D> {
    async fn claim_leases(&self, wish: LeaseWish) -> StoreResult<Vec<Lease>> {
        if wish.slots == 0 {
            return Ok(Vec::new());
        }
        self.write(move |tx| Box::pin(claim_leases(tx, wish))).await
    }

    async fn renew_leases(&self, leases: &[(SenderId, Epoch)], ttl: Duration) -> StoreResult<Vec<(SenderId, Renewal)>> {
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let leases = leases.to_vec();
        self.write(move |tx| Box::pin(renew_leases(tx, leases, ttl))).await
    }

    async fn release_lease(&self, sender: SenderId, epoch: Epoch) -> StoreResult<()> {
        self.write(move |tx| tx.rows.release_lease(sender, epoch)).await
    }

    async fn end_leases(&self, of: DeadHolder) -> StoreResult<u64> {
        self.write(move |tx| tx.rows.end_leases(of)).await
    }

    async fn find_session(&self, sender: SenderId, device: i32) -> StoreResult<Option<SealedSession>> {
        Ok(self.database.find_session(sender, device).await?)
    }

    async fn store_session(
        &self,
        sender: SenderId,
        device: i32,
        epoch: Epoch,
        session: Option<SealedSession>,
    ) -> StoreResult<Fenced<()>> {
        self.write(move |tx| Box::pin(store_session(tx, sender, device, epoch, session))).await
    }
}

/// Locks a sender while the lease of an epoch holds: whoever would take it over or end it waits until this transaction has ended.
/// `None`: that lease does not hold.
pub(crate) async fn lock_held(tx: &mut Tx<'_>, sender: SenderId, epoch: Epoch) -> Fallible<Option<Locked<SenderRow>>> {
    let locked = tx.rows.lock_senders(&[sender], Keep::Mine).await?;
    Ok(locked.into_iter().find(|sender| sender.is_leased && sender.epoch == epoch))
}

async fn claim_leases(tx: &mut Tx<'_>, wish: LeaseWish) -> Fallible<Vec<Lease>> {
    let claimed = tx.rows.claim_leases(&wish).await?;
    if claimed.is_empty() { Ok(Vec::new()) } else { tx.rows.list_leases(&claimed).await }
}

async fn renew_leases(
    tx: &mut Tx<'_>,
    leases: Vec<(SenderId, Epoch)>,
    ttl: Duration,
) -> Fallible<Vec<(SenderId, Renewal)>> {
    let asked: BTreeSet<(SenderId, Epoch)> = leases.iter().copied().collect();
    let senders: BTreeSet<SenderId> = asked.iter().map(|(sender, _)| *sender).collect();
    let senders: Vec<SenderId> = senders.into_iter().collect();
    // By what the lock read: a renewal with a ttl of nothing is held, and has run out by the next statement.
    let mut held = tx.rows.lock_senders(&senders, Keep::Mine).await?;
    held.retain(|sender| sender.is_leased && asked.contains(&(sender.id, sender.epoch)));
    let mut renewed = HashMap::new();
    if !held.is_empty() {
        tx.rows.renew_leases(&held.iter().collect::<Vec<_>>(), ttl).await?;
        let ids: Vec<SenderId> = held.iter().map(|sender| sender.id).collect();
        let views = tx.rows.list_senders(&ids).await?;
        let mut views: HashMap<_, _> = views.into_iter().map(|view| (view.id, view)).collect();
        renewed.extend(held.iter().filter_map(|row| Some(((row.id, row.epoch), views.remove(&row.id)?))));
    }
    let renewal = |lease: (SenderId, Epoch)| {
        let view = renewed.get(&lease).cloned();
        (lease.0, view.map_or(Renewal::Lost, |view| Renewal::Held(Box::new(view))))
    };
    Ok(leases.into_iter().map(renewal).collect())
}

async fn store_session(
    tx: &mut Tx<'_>,
    sender: SenderId,
    device: i32,
    epoch: Epoch,
    session: Option<SealedSession>,
) -> Fallible<Fenced<()>> {
    let Some(sender) = lock_held(tx, sender, epoch).await? else { return Ok(Fenced::LeaseLost) };
    match session {
        Some(session) => tx.rows.put_session(&sender, device, epoch, &session).await?,
        None => tx.rows.remove_session(&sender, device).await?,
    }
    Ok(Fenced::Done(()))
}
