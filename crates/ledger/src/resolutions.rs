//! Decisions about messages of unknown outcome, by people and by their workspace's policy.
//!
//! What is decided about is read twice: first to know which campaigns and senders are to be locked, then under the locks.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    CampaignId, CampaignMove, CampaignState, EventKind, MessageId, MessageState, Resolution, Resolver, SenderId,
    SenderState, SessionState,
};
use paceline_store::{
    StoreResult,
    resolutions::{Decision, ResolutionStore, ResolveOutcome},
};
use serde::Serialize;

use crate::{
    Database, Fallible, Fault, Ledger, Then, campaigns,
    events::NewEvent,
    locks::Locked,
    moves::{self, Happening, MessageData, Reason, WorkingCopy},
    rows::{Binding, CampaignRow, Keep, MessageRow, ResolutionWrite, SenderRow, Swept},
    transaction::Tx,
};

#[async_trait]
impl<D: Database> ResolutionStore for Ledger<D> {
    async fn resolve_message(&self, decision: Decision) -> StoreResult<ResolveOutcome> {
        self.write(move |tx| Box::pin(resolve(tx, decision))).await
    }
}

/// What is decided about messages.
type Wishes = BTreeMap<MessageId, Resolution>;

/// What decisions touch, locked.
struct Held {
    messages: Vec<Locked<MessageRow>>,
    /// The campaigns and senders of those that are to be sent again.
    campaigns: Vec<Locked<CampaignRow>>,
    senders: Vec<Locked<SenderRow>>,
}

/// A message of unknown outcome, and what is decided about it.
struct Unknown {
    message: WorkingCopy,
    resolution: Resolution,
}

#[derive(Serialize)]
struct ResolvedData<'a> {
    #[serde(flatten)]
    message: MessageData<'a>,
    resolution: Resolution,
    resolved_by: String,
}

async fn resolve(tx: &mut Tx<'_>, decision: Decision) -> Fallible<ResolveOutcome> {
    let Decision { workspace, message, resolution, by, now } = decision;
    let wishes = Wishes::from([(message, resolution)]);
    let held = lock(tx, &wishes).await?;
    let Some(found) = held.messages.iter().find(|found| found.workspace == workspace) else {
        return Ok(ResolveOutcome::NotFound);
    };
    let (state, last) = (found.state, found.attempts);
    if state == MessageState::Unknown {
        settle(tx, held, &wishes, Resolver::Key(by), now).await?;
    } else if tx.rows.find_resolution(message, last).await? != Some(resolution) {
        return Ok(ResolveOutcome::NotUnknown(state));
    }
    let resolved = tx.rows.find_message(message).await?.ok_or_else(|| Fault::missing("messages", message))?;
    Ok(ResolveOutcome::Resolved(Box::new(resolved)))
}

/// Settles what has been unknown for long enough, as its workspace's policy says. Answers how many.
pub(crate) async fn settle_unknown(tx: &mut Tx<'_>, now: DateTime<Utc>, grace: Duration, limit: u32) -> Fallible<u64> {
    let settleable = tx.rows.list_settleable(now, grace, limit).await?;
    let wishes = settleable.into_iter().filter_map(|(message, policy)| Some((message, policy.resolution()?)));
    let wishes: Wishes = wishes.collect();
    if wishes.is_empty() {
        return Ok(0);
    }
    let held = lock(tx, &wishes).await?;
    settle(tx, held, &wishes, Resolver::Policy, now).await
}

/// Locks what decisions touch, in the order of locks.
async fn lock(tx: &mut Tx<'_>, wishes: &Wishes) -> Fallible<Held> {
    let resends = wishes.iter().filter(|(_, wish)| **wish == Resolution::Resend);
    let resends: Vec<MessageId> = resends.map(|(message, _)| *message).collect();
    let (mut campaigns, mut senders) = (Vec::new(), Vec::new());
    if !resends.is_empty() {
        let messages = tx.rows.list_messages(&resends).await?;
        let of_campaigns: BTreeSet<CampaignId> = messages.iter().filter_map(|message| message.campaign).collect();
        if !of_campaigns.is_empty() {
            campaigns = tx.rows.lock_campaigns(&of_campaigns.into_iter().collect::<Vec<_>>()).await?;
        }
        let of_senders: BTreeSet<SenderId> = messages.iter().filter_map(|message| message.sender).collect();
        if !of_senders.is_empty() {
            let of_senders: Vec<SenderId> = of_senders.into_iter().collect();
            senders = tx.rows.lock_senders(&of_senders, Keep::Unchanged).await?;
        }
    }
    let messages = tx.rows.lock_messages(&wishes.keys().copied().collect::<Vec<_>>()).await?;
    Ok(Held { messages, campaigns, senders })
}

/// Makes the move of each decision about a message that is unknown. Answers how many.
async fn settle(tx: &mut Tx<'_>, held: Held, wishes: &Wishes, by: Resolver, now: DateTime<Utc>) -> Fallible<u64> {
    let mut unknown = Vec::new();
    for message in held.messages {
        if let (MessageState::Unknown, Some(&resolution)) = (message.state, wishes.get(&message.id)) {
            unknown.push(Unknown { message: WorkingCopy::of(message), resolution });
        }
    }
    if unknown.is_empty() {
        return Ok(0);
    }
    reopen(tx, &unknown, &held.campaigns, now).await?;
    for (place, unknown) in unknown.iter_mut().enumerate() {
        if unknown.resolution == Resolution::Resend {
            bind(&mut unknown.message, &held.senders)?;
        }
        settle_one(tx, unknown, by, (place, now));
    }
    let write = |unknown| {
        let Unknown { message, resolution }: &Unknown = unknown;
        ResolutionWrite { message: message.row(), resolution: *resolution, by, at: now }
    };
    let writes: Vec<ResolutionWrite<'_>> = unknown.iter().map(write).collect();
    tx.rows.add_resolutions(&writes).await?;
    let settled = u64::try_from(unknown.len()).unwrap_or(0);
    moves::write(tx, unknown.into_iter().map(|unknown| unknown.message).collect()).await?;
    Ok(settled)
}

/// A completed campaign of which something is sent again runs again, or nothing of it would be released.
async fn reopen(
    tx: &mut Tx<'_>,
    unknown: &[Unknown],
    campaigns: &[Locked<CampaignRow>],
    now: DateTime<Utc>,
) -> Fallible<()> {
    let resends = unknown.iter().filter(|unknown| unknown.resolution == Resolution::Resend);
    let wanted: BTreeSet<CampaignId> = resends.filter_map(|unknown| unknown.message.row().campaign).collect();
    for campaign in campaigns.iter().filter(|campaign| wanted.contains(&campaign.id)) {
        match campaign.state {
            CampaignState::Completed => {
                campaigns::change_state(tx, campaign, CampaignMove::Reopen, CampaignState::Running, now).await?;
            }
            // It waits, and is to be cancelled.
            CampaignState::Cancelled => tx.rows.set_swept(campaign, Swept::No).await?,
            _ => {}
        }
    }
    Ok(())
}

/// Ties a message that is sent again to the sender that may have sent it, unless that one will never send again: another sender's
/// message would be another one to the recipient.
fn bind(message: &mut WorkingCopy, senders: &[Locked<SenderRow>]) -> Fallible<()> {
    if message.row().binding == Binding::Routed {
        return Ok(());
    }
    let Some(id) = message.row().sender else { return Ok(()) };
    // One that was sent again, by another sender, and is unknown again since it was first read: that sender is not locked.
    let sender = senders.iter().find(|sender| sender.id == id);
    let sender = sender.ok_or_else(|| Fault { then: Then::Repeat, ..Fault::conflict("messages") })?;
    let is_lost = sender.state == SenderState::Removed || sender.session == SessionState::Banned;
    message.bind(if is_lost { Binding::Free } else { Binding::Sticky });
    Ok(())
}

fn settle_one(tx: &mut Tx<'_>, unknown: &mut Unknown, by: Resolver, (place, at): (usize, DateTime<Utc>)) {
    let Unknown { message, resolution } = unknown;
    let happened = resolution.to_move();
    let reason = (*resolution == Resolution::Failed).then(|| Reason::Failed(by.failure()));
    let happening = Happening { happened, at, reason, not_before: None, place };
    let Some(state) = message.state().after(happened) else { return };
    let data =
        ResolvedData { message: message.data(state, &happening), resolution: *resolution, resolved_by: by.to_string() };
    let event = NewEvent::new(message.row().workspace, EventKind::MessageResolved, at, &data);
    tx.events.add_at(place, event);
    moves::move_message(tx, message, &happening);
}
