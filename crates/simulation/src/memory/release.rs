//! Releasing: where anything is due, and the claims on it.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{CampaignId, CampaignState, Generation, Lane, PoolId, SenderId};
use paceline_ledger::{
    Fallible,
    locks::Line,
    rows::{DueQuery, DueRow, ReleaseReads, ReleaseRows, TakerRow},
};
use paceline_store::release::{ReleaseRound, SenderWindow, Windows};

use super::{Memory, MessageEntry, Tables};

/// The first of what is due by `not_before` and row.
fn first<'t>(due: impl Iterator<Item = &'t MessageEntry>, most: u32) -> impl Iterator<Item = &'t MessageEntry> {
    let mut due: Vec<&MessageEntry> = due.collect();
    due.sort_unstable_by_key(|entry| (entry.not_before, entry.seq));
    due.into_iter().take(most as usize)
}

fn row(entry: &MessageEntry, pool: Option<PoolId>) -> DueRow {
    DueRow {
        seq: entry.seq,
        id: entry.id,
        campaign: entry.campaign,
        lane: entry.lane,
        bound_to: entry.sender,
        not_before: entry.not_before,
        generation: entry.generation,
        to: entry.to.clone(),
        chars: entry.content.typed_chars(),
        pool,
    }
}

impl Tables {
    fn round(&self) -> ReleaseRound {
        ReleaseRound(self.rounds.get(&()).copied().unwrap_or(0))
    }

    /// What is due and bound to a sender.
    fn due_of(&self, sender: SenderId, before: DateTime<Utc>) -> impl Iterator<Item = &MessageEntry> {
        self.messages.open_of_sender(sender).filter(move |entry| entry.is_unclaimed() && entry.not_before < before)
    }

    /// What is due of a campaign, or of none, for any sender.
    fn due_for_any(&self, campaign: Option<CampaignId>, before: DateTime<Utc>) -> impl Iterator<Item = &MessageEntry> {
        let free = self.messages.open_of(campaign).filter(|entry| entry.is_unclaimed() && entry.sender.is_none());
        free.filter(move |entry| entry.not_before < before)
    }
}

#[async_trait]
impl ReleaseRows for Tables {
    async fn lock_round(&mut self) -> Fallible<ReleaseRound> {
        self.wait_for(Line::Rounds);
        Ok(self.round())
    }

    async fn advance_round(&mut self) -> Fallible<()> {
        let next = self.round().0 + 1;
        self.rounds.put((), next);
        Ok(())
    }

    async fn list_takers(&mut self, senders: &[SenderId]) -> Fallible<Vec<TakerRow>> {
        let takers = senders.iter().filter(|sender| self.senders.get(sender).is_some_and(super::SenderEntry::is_taker));
        let row = |sender: SenderId| TakerRow {
            sender,
            pools: self.pools_of(sender).collect(),
            has_bound: self.messages.open_of_sender(sender).any(MessageEntry::is_unclaimed),
        };
        Ok(takers.map(|sender| row(*sender)).collect())
    }

    async fn list_pools_with_singles(&mut self, pools: &[PoolId]) -> Fallible<Vec<PoolId>> {
        let free = self.messages.open_of(None).filter(|entry| entry.is_unclaimed() && entry.sender.is_none());
        let with: BTreeSet<PoolId> = free.filter_map(|entry| entry.pool).collect();
        Ok(with.into_iter().filter(|pool| pools.contains(pool)).collect())
    }

    async fn list_bound_singles(
        &mut self,
        senders: &[(SenderId, u32)],
        lane: Lane,
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<DueRow>> {
        let due = senders.iter().flat_map(|&(sender, most)| {
            let due = self.due_of(sender, due_before);
            first(due.filter(|entry| entry.campaign.is_none() && entry.lane == lane), most)
        });
        Ok(due.map(|entry| row(entry, None)).collect())
    }

    async fn list_bound_of_campaigns(
        &mut self,
        senders: &[(SenderId, u32)],
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<DueRow>> {
        let mut found = Vec::new();
        for entry in self.list_by_start(CampaignState::Running) {
            let campaign = Some(entry.campaign.id);
            for &(sender, most) in senders {
                let due = self.due_of(sender, due_before).filter(|entry| entry.campaign == campaign);
                found.extend(first(due, most).map(|entry| row(entry, None)));
            }
        }
        Ok(found)
    }

    async fn list_pool_singles(
        &mut self,
        pools: &[(PoolId, u32)],
        lane: Lane,
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<DueRow>> {
        let mut found = Vec::new();
        for &(pool, most) in pools {
            let due = self.due_for_any(None, due_before).filter(|entry| entry.pool == Some(pool) && entry.lane == lane);
            found.extend(first(due, most).map(|entry| row(entry, Some(pool))));
        }
        Ok(found)
    }

    async fn list_campaigns_with_due(&mut self, due_before: DateTime<Utc>) -> Fallible<Vec<(CampaignId, PoolId)>> {
        let with_due = self.list_by_start(CampaignState::Running).into_iter().filter_map(|entry| {
            let campaign = &entry.campaign;
            self.due_for_any(Some(campaign.id), due_before).next()?;
            Some((campaign.id, self.find_pool(campaign.workspace, &campaign.definition.pool)?))
        });
        Ok(with_due.collect())
    }

    async fn list_due_of_campaigns(
        &mut self,
        queries: &[DueQuery],
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<DueRow>> {
        let mut found = Vec::new();
        for query in queries {
            let due = self.due_for_any(Some(query.campaign), due_before);
            let due = due.filter(|entry| query.after.is_none_or(|after| (entry.not_before, entry.seq) > after));
            found.extend(first(due, query.most).map(|entry| row(entry, Some(query.pool))));
        }
        Ok(found)
    }

    async fn claim_messages(&mut self, due: &[(&DueRow, SenderId)], hold: Duration) -> Fallible<HashSet<i64>> {
        let until = self.after(hold);
        let mut claimed = HashSet::new();
        for &(due, sender) in due {
            let is_there = self.messages.get(&due.seq).is_some_and(|entry| {
                let is_free = entry.sender.is_none_or(|bound| bound == sender);
                is_free && entry.is_unclaimed() && entry.generation == due.generation
            });
            if is_there {
                self.messages.edit(due.seq, |entry| {
                    entry.sender = Some(sender);
                    entry.generation = Generation(entry.generation.0 + 1);
                    entry.release_deadline = Some(until);
                })?;
                claimed.insert(due.seq);
            }
        }
        Ok(claimed)
    }
}

#[async_trait]
impl ReleaseReads for Memory {
    async fn list_windows(&self) -> Fallible<Windows> {
        Ok(self.read().await?.windows(|_| true))
    }

    async fn list_windows_of(&self, senders: &[SenderId]) -> Fallible<Windows> {
        Ok(self.read().await?.windows(|sender| senders.contains(&sender)))
    }
}

impl Tables {
    fn windows(&self, is_meant: impl Fn(SenderId) -> bool) -> Windows {
        let tables = self;
        let window = |entry: &super::SenderEntry| {
            let theirs = tables.messages.open_of_sender(entry.sender.id);
            let held = theirs.filter(|message| message.release_deadline.is_some_and(|at| at > tables.now));
            let outstanding = u32::try_from(held.count()).unwrap_or(u32::MAX);
            SenderWindow { sender: tables.view_sender(entry), outstanding }
        };
        let takers = tables.senders.values().filter(|entry| entry.is_taker() && is_meant(entry.sender.id));
        let mut senders: Vec<SenderWindow> = takers.map(window).collect();
        senders.sort_by_key(|window| (window.sender.created_at, window.sender.id));
        Windows { round: tables.round(), senders }
    }
}
