//! Releasing: where anything is due, and the claims on it. Sources are read each by its index, and only as far as there is room.

use std::{collections::HashSet, time::Duration};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{Address, CampaignId, Generation, Lane, MessageId, PoolId, SenderId};
use paceline_store::release::{ReleaseRound, Windows};

use crate::Fallible;

/// A sender that may take messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakerRow {
    /// The sender.
    pub sender: SenderId,
    /// Its pools.
    pub pools: Vec<PoolId>,
    /// Whether messages wait that are bound to it and not claimed.
    pub has_bound: bool,
}

/// A message that may be claimed, not locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueRow {
    /// The row.
    pub seq: i64,
    /// The message.
    pub id: MessageId,
    /// Its campaign.
    pub campaign: Option<CampaignId>,
    /// Its lane.
    pub lane: Lane,
    /// The sender it is bound to.
    pub bound_to: Option<SenderId>,
    /// Not to be sent before this.
    pub not_before: DateTime<Utc>,
    /// The generation of its last claim.
    pub generation: Generation,
    /// The recipient.
    pub to: Address,
    /// How many characters a person would have typed.
    pub chars: u32,
    /// The pool whose senders may take it, unless it is bound.
    pub pool: Option<PoolId>,
}

/// A question for a campaign's free messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DueQuery {
    /// The campaign.
    pub campaign: CampaignId,
    /// Its pool.
    pub pool: PoolId,
    /// The most messages.
    pub most: u32,
    /// The last one that was given before: its `not_before` and its row.
    pub after: Option<(DateTime<Utc>, i64)>,
}

/// Statements of a transaction. What is due is unclaimed, waits, and is not to be sent after `due_before` at the earliest.
#[async_trait]
pub trait ReleaseRows {
    /// Locks the row of the rounds. Answers the present one.
    async fn lock_round(&mut self) -> Fallible<ReleaseRound>;

    /// Makes it the next round.
    async fn advance_round(&mut self) -> Fallible<()>;

    /// Those of the senders that are active and connected.
    async fn list_takers(&mut self, senders: &[SenderId]) -> Fallible<Vec<TakerRow>>;

    /// Those of the pools for whose senders messages without campaign wait, by id.
    async fn list_pools_with_singles(&mut self, pools: &[PoolId]) -> Fallible<Vec<PoolId>>;

    /// What is due without campaign and bound to senders, in a lane; of each sender the first by `not_before` and row, as many as stand
    /// beside it.
    async fn list_bound_singles(
        &mut self,
        senders: &[(SenderId, u32)],
        lane: Lane,
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<DueRow>>;

    /// What is due of running campaigns and bound to senders: campaigns by start, creation and id; of each campaign and sender the first by
    /// `not_before` and row, as many as stand beside it.
    async fn list_bound_of_campaigns(
        &mut self,
        senders: &[(SenderId, u32)],
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<DueRow>>;

    /// What is due without campaign and for any sender of a pool, in a lane; of each pool the first by `not_before` and row, as many
    /// as stand beside it.
    async fn list_pool_singles(
        &mut self,
        pools: &[(PoolId, u32)],
        lane: Lane,
        due_before: DateTime<Utc>,
    ) -> Fallible<Vec<DueRow>>;

    /// Running campaigns of which something is due for any sender, with their pools, by start, creation and id.
    async fn list_campaigns_with_due(&mut self, due_before: DateTime<Utc>) -> Fallible<Vec<(CampaignId, PoolId)>>;

    /// What is due of campaigns for any sender, in the order of the questions, each by `not_before` and row.
    async fn list_due_of_campaigns(&mut self, queries: &[DueQuery], due_before: DateTime<Utc>)
    -> Fallible<Vec<DueRow>>;

    /// Claims messages for senders under the next generation, for `hold` from now; in the order of `seq`. Those that have moved since, are bound to
    /// another, or are held locked are passed over. Answers the rows that were claimed.
    async fn claim_messages(&mut self, due: &[(&DueRow, SenderId)], hold: Duration) -> Fallible<HashSet<i64>>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait ReleaseReads {
    /// The senders that are active and connected, by id, with how many of their claims hold; and the round, which is read first.
    async fn list_windows(&self) -> Fallible<Windows>;

    /// The same of those of these senders.
    async fn list_windows_of(&self, senders: &[SenderId]) -> Fallible<Windows>;
}
