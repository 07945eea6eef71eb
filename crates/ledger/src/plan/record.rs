//! Recording what was decided about a run of rows.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use paceline_domain::{CampaignState, Exclusion, MessageState, SenderId, SenderState, SuppressionReason};
use paceline_store::{
    plan::{PlannedBatch, PlannedMessage},
    recipients::RecipientRow,
};

use crate::{
    Fallible, Fault,
    counters::{Book, Count},
    locks::Locked,
    recipients,
    rows::{CampaignRow, ExclusionWrite, Keep, PlannedWrite},
    transaction::Tx,
};

/// Since when rows are suppressed, and why.
type Suppressed = HashMap<i64, (DateTime<Utc>, SuppressionReason)>;

/// Records a batch, unless another planner got there first or the campaign no longer runs.
pub(super) async fn record_plan(tx: &mut Tx<'_>, batch: &PlannedBatch) -> Fallible<()> {
    let campaign = lock_planning(tx, batch).await?;
    let suppressed = find_suppressed(tx, &campaign, batch).await?;
    let (messages, exclusions) = decide(batch, &suppressed);
    let senders = keep_sticky_senders(tx, &messages).await?;
    let sticky = |message: &PlannedMessage| message.sticky.filter(|sender| senders.contains(sender));
    let writes = messages.iter().map(|&message| PlannedWrite { message, sticky: sticky(message) });
    let writes: Vec<PlannedWrite<'_>> = writes.collect();
    if !writes.is_empty() {
        tx.rows.add_planned(&campaign, batch.now, &writes).await?;
    }
    tx.rows.add_exclusions(campaign.id, campaign.workspace, &exclusions).await?;
    tx.rows.set_planned_through(&campaign, batch.through_row).await?;

    let book = Book::of(campaign.workspace, Some(campaign.id));
    tx.counters.add_new(book, MessageState::Waiting, i64::try_from(writes.len()).unwrap_or(0));
    for excluded in &exclusions {
        tx.counters.add(book, &Count::Excluded(excluded.exclusion.reason().into()), 1);
    }
    Ok(())
}

/// Locks the campaign until the batch is committed: nobody else moves it, or the mark of what is planned, meanwhile.
async fn lock_planning(tx: &mut Tx<'_>, batch: &PlannedBatch) -> Fallible<Locked<CampaignRow>> {
    let locked = tx.rows.lock_campaigns(&[batch.campaign]).await?;
    let is_next = |row: &CampaignRow| row.state == CampaignState::Running && row.planned_through == batch.after_row;
    let campaign = locked.into_iter().find(|campaign| is_next(campaign));
    campaign.ok_or_else(|| Fault::conflict("campaigns.planned_through"))
}

async fn find_suppressed(
    tx: &mut Tx<'_>,
    campaign: &Locked<CampaignRow>,
    batch: &PlannedBatch,
) -> Fallible<Suppressed> {
    if batch.messages.is_empty() {
        return Ok(Suppressed::new());
    }
    tx.rows.find_suppressed_rows(campaign, batch.after_row, batch.through_row).await
}

/// What becomes messages, and what is excluded: those too whose person was suppressed since the planner looked.
fn decide<'b>(batch: &'b PlannedBatch, suppressed: &Suppressed) -> (Vec<&'b PlannedMessage>, Vec<ExclusionWrite>) {
    let mut exclusions: Vec<_> = batch.exclusions.iter().map(|(row, why)| exclude(row, why.clone())).collect();
    let mut messages = Vec::with_capacity(batch.messages.len());
    for message in &batch.messages {
        match suppressed.get(&message.recipient.row) {
            None => messages.push(message),
            Some(&(since, why)) => exclusions.push(exclude(&message.recipient, Exclusion::Suppressed { since, why })),
        }
    }
    // In the order of their rows, which is that in which they are listed and released. Their ids are in that order too, so that most of the
    // indexes grow at their right edge.
    messages.sort_unstable_by_key(|message| message.recipient.row);
    (messages, exclusions)
}

/// The sticky senders that are not removed, and are not removed before the messages are there to be unbound from them. A
/// sender that was removed since the planner looked keeps nobody waiting.
async fn keep_sticky_senders(tx: &mut Tx<'_>, messages: &[&PlannedMessage]) -> Fallible<HashSet<SenderId>> {
    let sticky: BTreeSet<SenderId> = messages.iter().filter_map(|message| message.sticky).collect();
    if sticky.is_empty() {
        return Ok(HashSet::new());
    }
    let sticky: Vec<SenderId> = sticky.into_iter().collect();
    let kept = tx.rows.lock_senders(&sticky, Keep::There).await?;
    let there = kept.iter().filter(|sender| sender.state != SenderState::Removed);
    Ok(there.map(|sender| sender.id).collect())
}

fn exclude(recipient: &RecipientRow, exclusion: Exclusion) -> ExclusionWrite {
    recipients::exclude(recipient.row, &recipient.address, exclusion)
}
