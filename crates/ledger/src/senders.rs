//! Senders and the pools that group them.

use std::collections::BTreeSet;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{PhoneNumber, PoolId, SenderId, SenderState, WorkspaceId};
use paceline_store::{
    Page, PageRequest, StoreResult,
    senders::{NewSender, PoolView, Sender, SenderAddition, SenderChange, SenderMoveOutcome, SenderStore},
};

use crate::{Database, Fallible, Fault, Ledger, cursor::Cursor, rows::Keep, transaction::Tx, waiting};

#[async_trait]
impl<D: Database> SenderStore for Ledger<D> {
    async fn add_sender(&self, sender: NewSender) -> StoreResult<SenderAddition> {
        self.write(move |tx| Box::pin(add_sender(tx, sender))).await
    }

    async fn find_sender(&self, workspace: WorkspaceId, sender: SenderId) -> StoreResult<Option<Sender>> {
        Ok(self.database.find_sender(workspace, sender).await?)
    }

    async fn find_sender_by_phone(&self, workspace: WorkspaceId, phone: &PhoneNumber) -> StoreResult<Option<Sender>> {
        Ok(self.database.find_sender_by_phone(workspace, phone).await?)
    }

    async fn list_senders(&self, workspace: WorkspaceId, page: PageRequest) -> StoreResult<Page<Sender>> {
        let cursor = Cursor::read(&page)?;
        let senders = self.database.list_senders(workspace, cursor.after, cursor.fetch()).await?;
        Ok(cursor.page(senders, |sender| (sender.created_at, sender.id)))
    }

    async fn update_sender(
        &self,
        workspace: WorkspaceId,
        sender: SenderId,
        change: SenderChange,
        now: DateTime<Utc>,
    ) -> StoreResult<SenderMoveOutcome> {
        self.write(move |tx| Box::pin(update_sender(tx, (workspace, sender), change, now))).await
    }

    async fn move_sender(
        &self,
        workspace: WorkspaceId,
        sender: SenderId,
        to: SenderState,
        _now: DateTime<Utc>,
    ) -> StoreResult<SenderMoveOutcome> {
        self.write(move |tx| Box::pin(move_sender(tx, workspace, sender, to))).await
    }

    async fn list_pools(&self, workspace: WorkspaceId) -> StoreResult<Vec<PoolView>> {
        Ok(self.database.list_pools(workspace).await?)
    }
}

/// A sender that this transaction knows to be there.
async fn view(tx: &mut Tx<'_>, sender: SenderId) -> Fallible<Box<Sender>> {
    let view = tx.rows.find_sender(sender).await?;
    view.map(Box::new).ok_or_else(|| Fault::missing("senders", sender))
}

/// Additions of one number are made one after the other: what the second finds is there when it writes.
async fn add_sender(tx: &mut Tx<'_>, new: NewSender) -> Fallible<SenderAddition> {
    tx.rows.lock_number(new.channel, &new.phone).await?;
    if let Some(existing) = tx.rows.find_sender(new.id).await? {
        return Ok(SenderAddition::Existing(Box::new(existing)));
    }
    let holders = tx.rows.list_holders(new.channel, &new.phone, new.workspace).await?;
    if holders.iter().any(|holder| holder.state != SenderState::Removed) {
        return Ok(SenderAddition::Taken);
    }
    // A removed one comes back under its old id. Its epoch and what it has spent today live on.
    let id = holders.last().map_or(new.id, |removed| removed.id);
    tx.rows.put_sender(id, &new).await?;
    join(tx, (new.workspace, id), &new.pools, new.created_at).await?;
    Ok(SenderAddition::Added(view(tx, id).await?))
}

/// Makes the sender a member of these pools and no others.
async fn join(
    tx: &mut Tx<'_>,
    (workspace, sender): (WorkspaceId, SenderId),
    pools: &[String],
    now: DateTime<Utc>,
) -> Fallible<()> {
    // In the order of their names, so that two additions that make the same pools do not wait for each other in a circle.
    let names: BTreeSet<&str> = pools.iter().map(String::as_str).collect();
    let pools: Vec<(PoolId, &str)> = names.into_iter().map(|name| (tx.mint(now), name)).collect();
    tx.rows.set_pools(sender, workspace, &pools).await
}

async fn update_sender(
    tx: &mut Tx<'_>,
    (workspace, id): (WorkspaceId, SenderId),
    change: SenderChange,
    now: DateTime<Utc>,
) -> Fallible<SenderMoveOutcome> {
    if change.pools.is_some() {
        // Nobody deals messages by its old pools meanwhile: whoever claims holds this row first.
        tx.rows.lock_round().await?;
    }
    let locked = tx.rows.lock_senders(&[id], Keep::MineAlone).await?;
    let Some(sender) = locked.first().filter(|sender| sender.workspace == workspace) else {
        return Ok(SenderMoveOutcome::NotFound);
    };
    if sender.state == SenderState::Removed {
        return Ok(SenderMoveOutcome::Removed);
    }
    tx.rows.set_sender_settings(sender, change.name.as_deref(), change.profile.as_deref()).await?;
    if let Some(pools) = &change.pools {
        join(tx, (workspace, id), pools, now).await?;
        waiting::leave_pools(tx, id).await?;
    }
    Ok(SenderMoveOutcome::Moved(view(tx, id).await?))
}

async fn move_sender(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: SenderId,
    to: SenderState,
) -> Fallible<SenderMoveOutcome> {
    if to == SenderState::Removed {
        // Nobody binds a message to it meanwhile: whoever claims holds this row first.
        tx.rows.lock_round().await?;
    }
    let locked = tx.rows.lock_senders(&[id], Keep::MineAlone).await?;
    let Some(sender) = locked.first().filter(|sender| sender.workspace == workspace) else {
        return Ok(SenderMoveOutcome::NotFound);
    };
    if sender.state != to {
        if sender.state == SenderState::Removed {
            return Ok(SenderMoveOutcome::Removed);
        }
        if to == SenderState::Removed {
            tx.rows.remove_sender(sender).await?;
            waiting::leave_removed(tx, id).await?;
        } else {
            tx.rows.set_sender_state(sender, to).await?;
        }
    }
    Ok(SenderMoveOutcome::Moved(view(tx, id).await?))
}
