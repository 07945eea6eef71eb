//! Messages that wait: their claims, and what ties them to senders.

use std::collections::BTreeSet;

use async_trait::async_trait;
use paceline_ledger::{
    Fallible,
    locks::{Line, Locked},
    rows::{Binding, Waiting, WaitingRow, WaitingRows, WaitingWrite},
};
use paceline_store::release::Claim;

use super::{MessageEntry, Tables};

impl Tables {
    fn find_waiting(&self, which: Waiting<'_>) -> BTreeSet<i64> {
        let now = self.now;
        let is_claimed = |entry: &&MessageEntry| entry.release_deadline.is_some();
        let of_claims = |claims: &[Claim], is_meant: fn(&MessageEntry) -> bool| -> BTreeSet<i64> {
            let found = claims.iter().filter_map(|claim| {
                let entry = self.messages.find(claim.message)?;
                (entry.generation == claim.generation && entry.is_waiting() && is_meant(entry)).then_some(entry.seq)
            });
            found.collect()
        };
        match which {
            Waiting::Claimed(claims) => of_claims(claims, |entry| entry.release_deadline.is_some()),
            Waiting::GivenBack(claims) => of_claims(claims, |entry| entry.release_deadline.is_none()),
            Waiting::ClaimedFor(senders) => {
                let theirs = senders.iter().flat_map(|sender| self.messages.open_of_sender(*sender));
                theirs.filter(is_claimed).map(|entry| entry.seq).collect()
            }
            Waiting::ClaimedUntil { sender, left } => {
                let until = self.after(left);
                let theirs = self.messages.open_of_sender(sender);
                let soon = theirs.filter(|entry| entry.release_deadline.is_some_and(|at| at <= until));
                soon.map(|entry| entry.seq).collect()
            }
            Waiting::RunOut { limit } => {
                let all = self.messages.all_open();
                let late = all.filter(|entry| entry.release_deadline.is_some_and(|at| at <= now));
                late.take(limit as usize).map(|entry| entry.seq).collect()
            }
            Waiting::AnyClaimed { limit } => {
                self.messages.all_open().filter(is_claimed).take(limit as usize).map(|entry| entry.seq).collect()
            }
            Waiting::OutsidePools { sender, after, limit } => {
                let pool_of = |entry: &MessageEntry| match entry.campaign.and_then(|id| self.campaigns.get(&id)) {
                    Some(campaign) => self.find_pool(campaign.campaign.workspace, &campaign.campaign.definition.pool),
                    None => entry.pool,
                };
                let is_outside = |entry: &&MessageEntry| {
                    let pool = pool_of(entry);
                    entry.binding != Binding::Routed && self.pools_of(sender).all(|member| Some(member) != pool)
                };
                let waiting =
                    self.messages.open_of_sender(sender).filter(|entry| entry.is_waiting() && entry.seq > after);
                let all: BTreeSet<i64> = waiting.filter(is_outside).map(|entry| entry.seq).collect();
                all.into_iter().take(limit as usize).collect()
            }
            Waiting::BoundTo { senders, after, limit } => {
                let theirs = senders.iter().flat_map(|sender| self.messages.open_of_sender(*sender));
                let waiting = theirs.filter(|entry| entry.is_waiting() && entry.seq > after);
                let all: BTreeSet<i64> = waiting.map(|entry| entry.seq).collect();
                all.into_iter().take(limit as usize).collect()
            }
        }
    }
}

fn row(entry: &MessageEntry) -> WaitingRow {
    WaitingRow {
        seq: entry.seq,
        id: entry.id,
        sender: entry.sender,
        binding: entry.binding,
        not_before: entry.not_before,
        waits_for: entry.waits_for.clone(),
    }
}

#[async_trait]
impl WaitingRows for Tables {
    async fn lock_waiting(&mut self, which: Waiting<'_>) -> Fallible<Vec<Locked<WaitingRow>>> {
        if !matches!(which, Waiting::ClaimedUntil { .. } | Waiting::RunOut { .. }) {
            self.wait_for(Line::Messages);
        }
        let found = self.find_waiting(which);
        Ok(found.iter().filter_map(|seq| self.messages.get(seq)).map(|entry| Locked::new(row(entry))).collect())
    }

    async fn write_waiting(&mut self, writes: &[WaitingWrite<'_>]) -> Fallible<()> {
        for write in writes {
            self.messages.edit(write.message.seq, |entry| {
                entry.sender = write.sender;
                entry.binding = write.binding;
                entry.not_before = write.not_before;
                entry.waits_for = write.waits_for.map(ToOwned::to_owned);
                entry.release_deadline = None;
            })?;
        }
        Ok(())
    }
}
