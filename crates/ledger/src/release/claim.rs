//! Claiming what is due, for the whole fleet in one transaction.
//!
//! Claims take turns at the row of the rounds, so no two of them see the same rooms. Everyone else may move messages meanwhile: what
//! is due is looked for without locks and locked in the end, and what has moved by then, or is being moved, is left for the next
//! claim. A sender's end, a ban and a lost connection lock the row of the rounds as well, so that nothing is bound to it behind them.
//!
//! Three questions tell where anything is due: which of the senders have messages of their own, which pools have transactional
//! messages, which running campaigns have any. Only those sources are read, each up to the room there is.

use std::{collections::HashMap, time::Duration};

use chrono::{DateTime, Utc};
use paceline_domain::{CampaignId, Generation, Lane, PoolId, SenderId};
use paceline_pacing::{Room, in_turn};
use paceline_store::release::{ReleaseRound, ReleasedMessage};

use super::fleet::{Fleet, Taken};
use crate::{
    Fallible,
    rows::{DueQuery, DueRow},
    transaction::Tx,
};

/// A message's place among those of its source.
type Place = (DateTime<Utc>, i64);

/// A campaign with something due.
struct Source {
    campaign: CampaignId,
    pool: PoolId,
    /// How many of its messages were found.
    found: u32,
    /// The last of them.
    after: Option<Place>,
}

/// Claims what is due before a time for the senders of the rooms, unless another has claimed since the round.
pub(super) async fn claim(
    tx: &mut Tx<'_>,
    round: ReleaseRound,
    rooms: Vec<Room>,
    (due_before, hold): (DateTime<Utc>, Duration),
) -> Fallible<Vec<ReleasedMessage>> {
    if tx.rows.lock_round().await? != round {
        return Ok(Vec::new());
    }
    let senders: Vec<SenderId> = rooms.iter().map(|room| room.sender).collect();
    let takers = tx.rows.list_takers(&senders).await?;
    let taken = deal(tx, Fleet::of(rooms, takers), due_before).await?;
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    let mut taken = take(tx, taken, hold).await?;
    if !taken.is_empty() {
        tx.rows.advance_round().await?;
    }
    // The order in which each sender should take them.
    taken.sort_unstable_by_key(|(due, _)| (due.lane, due.not_before, due.seq));
    Ok(taken.into_iter().map(released).collect())
}

/// What is to be claimed for whom: lanes first to last, and what is bound to a sender before what anyone may take.
async fn deal(tx: &mut Tx<'_>, mut fleet: Fleet, due_before: DateTime<Utc>) -> Fallible<Taken> {
    let mut taken = Taken::new();
    let pools = fleet.pools();
    let single_pools = if pools.is_empty() { pools } else { tx.rows.list_pools_with_singles(&pools).await? };
    for lane in [Lane::Reply, Lane::Transactional] {
        let bound = find_bound_singles(tx, &fleet, lane, due_before).await?;
        fleet.take_bound(bound, &mut taken);
        let free = find_pool_singles(tx, (&fleet, &single_pools), lane, due_before).await?;
        fleet.take_free(free, &mut taken);
    }
    let bound = find_bound_of_campaigns(tx, &fleet, due_before).await?;
    fleet.take_bound(bound, &mut taken);
    let free = find_due_of_campaigns(tx, &fleet, due_before).await?;
    fleet.take_free(free, &mut taken);
    Ok(taken)
}

/// Claims what still waits as it was found, in the order of its rows, as everyone locks them. Answers what was claimed.
async fn take(tx: &mut Tx<'_>, mut taken: Taken, hold: Duration) -> Fallible<Taken> {
    taken.sort_unstable_by_key(|(due, _)| due.seq);
    let claims: Vec<(&DueRow, SenderId)> = taken.iter().map(|(due, sender)| (due, *sender)).collect();
    let claimed = tx.rows.claim_messages(&claims, hold).await?;
    taken.retain(|(due, _)| claimed.contains(&due.seq));
    Ok(taken)
}

async fn find_bound_singles(
    tx: &mut Tx<'_>,
    fleet: &Fleet,
    lane: Lane,
    due_before: DateTime<Utc>,
) -> Fallible<Vec<DueRow>> {
    let senders = fleet.bound_rooms();
    if senders.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = tx.rows.list_bound_singles(&senders, lane, due_before).await?;
    found.sort_unstable_by_key(place_of);
    Ok(found)
}

async fn find_bound_of_campaigns(tx: &mut Tx<'_>, fleet: &Fleet, due_before: DateTime<Utc>) -> Fallible<Vec<DueRow>> {
    let senders = fleet.bound_rooms();
    if senders.is_empty() {
        return Ok(Vec::new());
    }
    let found = tx.rows.list_bound_of_campaigns(&senders, due_before).await?;
    Ok(in_turn(found, |due| due.campaign, place_of))
}

async fn find_pool_singles(
    tx: &mut Tx<'_>,
    (fleet, pools): (&Fleet, &[PoolId]),
    lane: Lane,
    due_before: DateTime<Utc>,
) -> Fallible<Vec<DueRow>> {
    let rooms = pools.iter().map(|pool| (*pool, fleet.room_of(*pool))).filter(|(_, room)| *room > 0);
    let rooms: Vec<(PoolId, u32)> = rooms.collect();
    if rooms.is_empty() {
        return Ok(Vec::new());
    }
    let mut found = tx.rows.list_pool_singles(&rooms, lane, due_before).await?;
    found.sort_unstable_by_key(place_of);
    Ok(found)
}

/// Every campaign is asked for its share first, so that many campaigns cost no more than one; what some leave goes to
/// those that have more.
async fn find_due_of_campaigns(tx: &mut Tx<'_>, fleet: &Fleet, due_before: DateTime<Utc>) -> Fallible<Vec<DueRow>> {
    let campaigns = tx.rows.list_campaigns_with_due(due_before).await?;
    let useful = campaigns.into_iter().filter(|(_, pool)| fleet.room_of(*pool) > 0);
    let source = |(campaign, pool)| Source { campaign, pool, found: 0, after: None };
    let mut sources: Vec<Source> = useful.map(source).collect();
    let mut found: Vec<DueRow> = Vec::new();
    loop {
        let left = fleet.left().saturating_sub(u32::try_from(found.len()).unwrap_or(u32::MAX));
        let queries = shares(fleet, &sources, left);
        if queries.is_empty() {
            break;
        }
        let mut due = tx.rows.list_due_of_campaigns(&queries, due_before).await?;
        sources = those_with_more(sources, &queries, &due);
        found.append(&mut due);
    }
    Ok(in_turn(found, |due| due.campaign, place_of))
}

/// What each source is asked for when so many messages may still be found.
fn shares(fleet: &Fleet, sources: &[Source], left: u32) -> Vec<DueQuery> {
    let share = left.div_ceil(u32::try_from(sources.len()).unwrap_or(u32::MAX).max(1));
    let query = |source: &Source| {
        let most = share.min(fleet.room_of(source.pool).saturating_sub(source.found));
        DueQuery { campaign: source.campaign, pool: source.pool, most, after: source.after }
    };
    sources.iter().map(query).filter(|query| query.most > 0).collect()
}

/// The sources that gave all they were asked for, and so may have more.
fn those_with_more(sources: Vec<Source>, queries: &[DueQuery], due: &[DueRow]) -> Vec<Source> {
    let mut given: HashMap<CampaignId, (u32, Option<Place>)> = HashMap::new();
    for due in due {
        if let Some(campaign) = due.campaign {
            let (count, last) = given.entry(campaign).or_default();
            (*count, *last) = (*count + 1, Some(place_of(due)));
        }
    }
    let asked: HashMap<CampaignId, u32> = queries.iter().map(|query| (query.campaign, query.most)).collect();
    let more = sources.into_iter().filter_map(|source| {
        let (count, after) = given.get(&source.campaign).copied()?;
        let gave_all = asked.get(&source.campaign) == Some(&count);
        gave_all.then(|| Source { found: source.found + count, after, ..source })
    });
    more.collect()
}

const fn place_of(due: &DueRow) -> Place {
    (due.not_before, due.seq)
}

fn released((due, sender): (DueRow, SenderId)) -> ReleasedMessage {
    ReleasedMessage {
        message: due.id,
        generation: Generation(due.generation.0 + 1),
        sender,
        campaign: due.campaign,
        lane: due.lane,
        to: due.to,
        chars: due.chars,
    }
}
