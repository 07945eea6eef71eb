//! What the oracle writes down while a run goes on, from what passes the ports, and what it finds wrong at once.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use paceline_channel::SendRequest;
use paceline_domain::{
    Account, AddressHash, CampaignId, Epoch, Lane, MessageId, MessageState, SenderId, SuppressionScope, WaId,
    WorkspaceId, WorkspaceKey,
};
use paceline_ledger::NO_CAMPAIGN;
use paceline_store::{
    intents::{IntentAnswer, IntentBatch, IntentVerdict},
    leases::Fenced,
    results::{ApplySummary, OptOut, ResultToApply},
};

use crate::{memory::Tables, trace::Short};

/// The oracle's books.
pub(crate) struct Books {
    /// The secret of the one workspace.
    key: WorkspaceKey,
    /// What is wrong, in the order in which it was found.
    pub(crate) wrongs: Vec<String>,
    /// The newest epoch that was given out.
    epochs: BTreeMap<SenderId, Epoch>,
    states: BTreeMap<MessageId, MessageState>,
    /// Which message an id is of, by the one lawful function.
    ids: BTreeMap<WaId, MessageId>,
    /// Who must not be contacted, since the transaction that said so.
    forbidden: BTreeMap<AddressHash, SuppressionScope>,
    /// Grants by sender and day.
    granted: BTreeMap<(SenderId, NaiveDate), u32>,
    /// The results that were applied.
    pub(crate) applied: BTreeSet<[u8; 16]>,
    /// How many intents were granted.
    pub(crate) intents: u64,
    /// Results that the inbox dropped.
    pub(crate) duplicates: u64,
    /// How often bytes left.
    pub(crate) sends: u64,
    /// Intents and other writes that were refused for their epoch.
    pub(crate) fenced: u64,
}

impl Books {
    /// Empty books about the workspace of a secret.
    pub(crate) fn new(key: WorkspaceKey) -> Self {
        Self {
            key,
            wrongs: Vec::new(),
            epochs: BTreeMap::new(),
            states: BTreeMap::new(),
            ids: BTreeMap::new(),
            forbidden: BTreeMap::new(),
            granted: BTreeMap::new(),
            applied: BTreeSet::new(),
            intents: 0,
            duplicates: 0,
            sends: 0,
            fenced: 0,
        }
    }

    pub(crate) fn wrong(&mut self, what: String) {
        // The first ones tell the story; what follows is their consequence.
        if self.wrongs.len() < 20 {
            self.wrongs.push(what);
        }
    }

    /// A lease was given out.
    pub(crate) fn lease(&mut self, sender: SenderId, epoch: Epoch) {
        let newest = self.epochs.entry(sender).or_insert(Epoch(0));
        if epoch <= *newest {
            let newest = newest.0;
            self.wrong(format!("{} was leased under epoch {} after {newest}", Short(sender), epoch.0));
        } else {
            *newest = epoch;
        }
    }

    /// A person must not be contacted from now on.
    pub(crate) fn forbid(&mut self, hash: AddressHash, scope: SuppressionScope) {
        let known = self.forbidden.entry(hash).or_insert(scope);
        if scope == SuppressionScope::All {
            *known = scope;
        }
    }

    /// Intents were answered.
    pub(crate) fn intend(&mut self, tables: &Tables, batch: &IntentBatch, epoch: Epoch, answer: &Fenced<IntentAnswer>) {
        let Fenced::Done(answer) = answer else {
            self.fenced += 1;
            return;
        };
        for (message, verdict) in &answer.items {
            let IntentVerdict::Granted(grant) = verdict else { continue };
            self.intents += 1;
            if self.epochs.get(&batch.sender) != Some(&epoch) {
                self.wrong(format!("{} was intended under the old epoch {}", Short(message), epoch.0));
            }
            let Some(row) = tables.messages.find(*message) else { continue };
            let forbids = self.forbidden.get(&row.hash).copied();
            if forbids.is_some_and(|scope| scope == SuppressionScope::All || row.lane == Lane::Campaign) {
                self.wrong(format!("{} was intended although its person is suppressed", Short(message)));
            }
            if grant.wa_id != self.key.wa_id(*message) {
                self.wrong(format!("{} was granted with another id than its own", Short(message)));
            }
        }
        self.spend(batch, answer);
    }

    fn spend(&mut self, batch: &IntentBatch, answer: &IntentAnswer) {
        let granted = answer.items.iter().filter(|(_, verdict)| matches!(verdict, IntentVerdict::Granted(_))).count();
        let day = batch.now.date_naive();
        let spent = self.granted.entry((batch.sender, day)).or_default();
        *spent += u32::try_from(granted).unwrap_or(u32::MAX);
        let (spent, cap) = (*spent, batch.profile.daily_cap);
        if cap.is_some_and(|cap| spent > cap) {
            self.wrong(format!("{} has spent {spent} on {day}, more than its cap", Short(batch.sender)));
        }
    }

    /// Bytes leave.
    pub(crate) fn send(&mut self, tables: &Tables, sender: SenderId, request: &SendRequest) {
        self.sends += 1;
        let Some(message) = self.ids.get(&request.id).copied() else {
            return self.wrong(format!("bytes left under {}, the id of no message", request.id));
        };
        let attempt = tables.attempts.of(message).next_back().map(|(_, attempt)| attempt);
        let current = self.epochs.get(&sender).copied();
        match attempt {
            None => self.wrong(format!("bytes of {} left without an intent", Short(message))),
            Some(attempt) if attempt.sender != sender || Some(attempt.epoch) != current => {
                let (epoch, current) = (attempt.epoch.0, current.map_or(0, |epoch| epoch.0));
                let message = Short(message);
                self.wrong(format!("bytes of {message} left under epoch {epoch} while {current} is the newest"));
            }
            Some(_) => {}
        }
    }

    /// Results were applied in one transaction.
    pub(crate) fn apply(&mut self, results: &[ResultToApply], summary: &ApplySummary) {
        self.duplicates += summary.duplicates;
        for ResultToApply { result, opt_out } in results {
            self.applied.insert(result.id().to_bytes());
            if let (OptOut::Yes, paceline_domain::ResultBody::Inbound(inbound)) = (opt_out, &result.body) {
                self.forbid(self.key.hash_address(&inbound.from), SuppressionScope::All);
            }
        }
    }

    /// A transaction is over: every move must go forward, and every account balance.
    pub(crate) fn follow(&mut self, tables: &mut Tables) {
        self.learn_messages(tables);
        for (message, from, to) in tables.messages.take_moves() {
            let known = self.states.insert(message, to).unwrap_or(MessageState::Waiting);
            if known != from {
                self.wrong(format!("{} was {known} and moved as if it were {from}", Short(message)));
            }
            let back = from == MessageState::Sending && to == MessageState::Waiting;
            if !back && rank(to) <= rank(from) {
                self.wrong(format!("{} went back from {from} to {to}", Short(message)));
            }
        }
        for (campaign, account) in kept_accounts(tables) {
            if !account.is_balanced() {
                self.wrong(format!("the account of {} is out by {}", name(campaign), account.imbalance()));
            }
        }
    }

    fn learn_messages(&mut self, tables: &Tables) {
        if self.ids.len() == tables.messages.len() {
            return;
        }
        for message in tables.messages.values() {
            self.ids.insert(self.key.wa_id(message.id), message.id);
        }
    }

    /// The kept accounts against the rows, and the rows against what moved.
    pub(crate) fn recount(&mut self, tables: &Tables) {
        for (campaign, kept) in kept_accounts(tables) {
            let counted = recount(tables, campaign);
            if kept != counted {
                self.wrong(format!("the account of {} says {kept:?}, the rows {counted:?}", name(campaign)));
            }
        }
        for message in tables.messages.values() {
            let known = self.states.get(&message.id).copied().unwrap_or(MessageState::Waiting);
            if known != message.state {
                self.wrong(format!("{} is {} and never moved there from {known}", Short(message.id), message.state));
            }
        }
    }
}

/// The kept accounts: of each campaign, and of each workspace's messages without one.
fn kept_accounts(tables: &Tables) -> Vec<(Option<CampaignId>, Account)> {
    // A bucket that nobody knows shows as an account that is empty.
    let kept = |workspace: WorkspaceId, campaign: CampaignId| {
        tables.counted(workspace, campaign).map(|counts| counts.account).unwrap_or_default()
    };
    let campaigns = tables.campaigns.values().map(|entry| &entry.campaign);
    let campaigns = campaigns.map(|campaign| (Some(campaign.id), kept(campaign.workspace, campaign.id)));
    let singles = tables.workspaces.keys().map(|workspace| (None, kept(*workspace, NO_CAMPAIGN)));
    campaigns.chain(singles).collect()
}

/// The account counted from the messages themselves, to be compared with the kept one.
fn recount(tables: &Tables, campaign: Option<CampaignId>) -> Account {
    let mut account = Account::default();
    for message in tables.messages.values().filter(|message| message.campaign == campaign) {
        account.planned += 1;
        account.add(message.state, 1);
        account.replied += i64::from(message.replied_at.is_some());
        account.opted_out += i64::from(message.opted_out_at.is_some());
    }
    account
}

/// How far a state is; only `sending → waiting` may go back.
const fn rank(state: MessageState) -> u8 {
    match state {
        MessageState::Waiting => 0,
        MessageState::Sending => 1,
        MessageState::Unknown => 2,
        MessageState::Sent => 3,
        MessageState::Delivered => 4,
        MessageState::Read => 5,
        MessageState::Failed | MessageState::Expired | MessageState::Cancelled => 6,
    }
}

fn name(campaign: Option<CampaignId>) -> String {
    campaign.map_or_else(|| "single messages".to_owned(), |campaign| Short(campaign).to_string())
}
