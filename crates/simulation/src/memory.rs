//! The store in memory: the roles that the control plane and the workers play, as strict as the port asks. Each method is one
//! transaction: it decides first and writes then, so that it happens as a whole or not at all.

mod campaigns;
mod dead_letters;
mod events;
mod fleet;
mod intents;
mod leases;
mod moves;
mod plan;
mod release;
mod results;
mod rows;
mod sweep;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use paceline_domain::{
    Account, AddressHash, CampaignId, MessageId, MessageState, SenderId, WorkerId, WorkspaceId, WorkspaceKey,
};
use paceline_store::{campaigns::Campaign, fleet::WorkerView, recipients::RecipientRow, suppressions::Suppression};

pub(crate) use rows::{AttemptRow, Binding, EventRow, Lease, MessageRow, SenderRow};

/// Everything that is stored.
pub(crate) struct Memory {
    /// The database's own clock: leases and claims are reckoned in it.
    pub(crate) now: DateTime<Utc>,
    pub(crate) workspace: WorkspaceId,
    pub(crate) key: WorkspaceKey,
    pub(crate) senders: BTreeMap<SenderId, SenderRow>,
    pub(crate) campaigns: BTreeMap<CampaignId, Campaign>,
    pub(crate) recipients: BTreeMap<CampaignId, Vec<RecipientRow>>,
    pub(crate) messages: BTreeMap<MessageId, MessageRow>,
    pub(crate) workers: BTreeMap<WorkerId, (WorkerView, DateTime<Utc>)>,
    pub(crate) suppressions: BTreeMap<AddressHash, Suppression>,
    /// Results that were applied, and when.
    pub(crate) inbox: BTreeMap<[u8; 16], DateTime<Utc>>,
    /// The digests of dead letters.
    pub(crate) dead_letters: BTreeSet<[u8; 16]>,
    pub(crate) events: Vec<EventRow>,
    pub(crate) numbered: i64,
    pub(crate) round: i64,
    /// The kept account of messages without a campaign.
    pub(crate) singles: Account,
    /// What the transactions since the last look moved, for whoever watches.
    pub(crate) moved: Vec<(MessageId, MessageState, MessageState)>,
}

impl Memory {
    /// An empty store.
    pub(crate) fn new(now: DateTime<Utc>, workspace: WorkspaceId, key: WorkspaceKey) -> Self {
        Self {
            now,
            workspace,
            key,
            senders: BTreeMap::new(),
            campaigns: BTreeMap::new(),
            recipients: BTreeMap::new(),
            messages: BTreeMap::new(),
            workers: BTreeMap::new(),
            suppressions: BTreeMap::new(),
            inbox: BTreeMap::new(),
            dead_letters: BTreeSet::new(),
            events: Vec::new(),
            numbered: 0,
            round: 0,
            singles: Account::default(),
            moved: Vec::new(),
        }
    }

    /// The kept account that a message is counted in.
    pub(crate) fn account_of(&mut self, campaign: Option<CampaignId>) -> &mut Account {
        match campaign.and_then(|campaign| self.campaigns.get_mut(&campaign)) {
            Some(campaign) => &mut campaign.account,
            None => &mut self.singles,
        }
    }

    /// The account counted from the messages themselves, to be compared with the kept one.
    pub(crate) fn recount(&self, campaign: Option<CampaignId>) -> Account {
        let mut account = Account::default();
        for message in self.messages.values().filter(|message| message.campaign == campaign) {
            account.planned += 1;
            account.add(message.state, 1);
            account.replied += i64::from(message.replied_at.is_some());
            account.opted_out += i64::from(message.opted_out_at.is_some());
        }
        account
    }

    pub(crate) fn after(&self, span: std::time::Duration) -> DateTime<Utc> {
        self.now + TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX)
    }

    pub(crate) fn before(&self, span: std::time::Duration) -> DateTime<Utc> {
        TimeDelta::from_std(span)
            .ok()
            .and_then(|span| self.now.checked_sub_signed(span))
            .unwrap_or(DateTime::<Utc>::MIN_UTC)
    }
}
