//! The worker's roles of the store in memory, deciding by the ledger's own `decide`, with a switch that takes it away.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{
    Address, AttemptNumber, CampaignState, ChannelKind, Content, Epoch, Generation, Lane, MessageId, MessageMove,
    MessageState, Outcome, ResultBody, SenderId, SenderState, SuppressionReason, SuppressionScope, WorkerId,
    WorkspaceKey,
};
use paceline_ledger::{IntentCandidate, IntentDecision, decide};
use paceline_pacing::Pace;
use paceline_store::{
    StoreError, StoreResult,
    fleet::{FleetStore, Which, WorkerReport, WorkerView},
    intents::{AttemptOutcome, Grant, IntentAnswer, IntentBatch, IntentStore, IntentVerdict, OpenAttempt},
    leases::{DeadHolder, Fenced, Lease, LeaseStore, LeaseWish, Renewal, SealedSession},
    release::{Claim, PutOff, ReleaseRound, ReleaseStore, ReleasedMessage, Room, Windows},
    results::{ApplySummary, OptOut, ResultStore, ResultToApply},
    senders::Sender,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::Instant,
};

use crate::house::Journal;

/// A store in memory.
pub(crate) struct TestStore {
    state: Mutex<State>,
    journal: Journal,
}

pub(crate) struct State {
    pub(crate) senders: BTreeMap<SenderId, Held>,
    pub(crate) messages: BTreeMap<MessageId, Message>,
    pub(crate) attempts: BTreeMap<(MessageId, AttemptNumber), Attempt>,
    pub(crate) given_back: Vec<(MessageId, PutOff)>,
    pub(crate) workers: Vec<WorkerView>,
    pub(crate) session: Option<SealedSession>,
    pub(crate) intents: Vec<IntentBatch>,
    /// The results that were applied, in order.
    pub(crate) applied: Vec<ResultToApply>,
    /// The store takes no incoming message with this text.
    pub(crate) unwanted: Option<&'static str>,
    pub(crate) down: bool,
    pub(crate) renewals_fail: bool,
    /// The connections that there are, when they are to be few.
    pub(crate) connections: Option<Arc<Semaphore>>,
    pub(crate) intent_takes: Duration,
    pub(crate) outcome_takes: Duration,
    pub(crate) lose_next_intent_answer: bool,
    /// The store will never take this message's outcome, nor an intent that names it.
    pub(crate) poison: Option<MessageId>,
}

pub(crate) struct Held {
    pub(crate) sender: Sender,
    pub(crate) epoch: Epoch,
    pub(crate) lease: Option<Instant>,
}

pub(crate) struct Message {
    pub(crate) state: MessageState,
    pub(crate) release: Option<Generation>,
    pub(crate) sender: SenderId,
    pub(crate) lane: Lane,
    pub(crate) attempts: AttemptNumber,
    pub(crate) suppressed: bool,
    pub(crate) campaign: CampaignState,
    pub(crate) to: Address,
    pub(crate) text: String,
}

#[derive(Clone)]
pub(crate) struct Attempt {
    pub(crate) message: MessageId,
    pub(crate) number: AttemptNumber,
    pub(crate) epoch: Epoch,
    pub(crate) sends: u32,
    pub(crate) outcome: Option<(Outcome, DateTime<Utc>)>,
}

pub(crate) const KEY: WorkspaceKey = WorkspaceKey::from_bytes([5; 32]);

impl TestStore {
    /// A connection, once one is free.
    async fn connect(&self) -> Option<OwnedSemaphorePermit> {
        let connections = self.rows(|state| state.connections.clone())?;
        Some(connections.acquire_owned().await.unwrap())
    }

    pub(crate) fn new(journal: Journal) -> Self {
        let state = State {
            senders: BTreeMap::new(),
            workers: Vec::new(),
            connections: None,
            messages: BTreeMap::new(),
            attempts: BTreeMap::new(),
            given_back: Vec::new(),
            session: None,
            intents: Vec::new(),
            applied: Vec::new(),
            unwanted: None,
            down: false,
            renewals_fail: false,
            intent_takes: Duration::ZERO,
            outcome_takes: Duration::ZERO,
            lose_next_intent_answer: false,
            poison: None,
        };
        Self { state: Mutex::new(state), journal }
    }

    /// Looks at the rows, or changes them.
    pub(crate) fn rows<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }

    fn up(&self) -> StoreResult<std::sync::MutexGuard<'_, State>> {
        let state = self.state.lock().unwrap();
        if state.down { Err(away()) } else { Ok(state) }
    }
}

fn away() -> StoreError {
    StoreError::Unavailable { reason: "taken away by the test".to_owned(), source: None }
}

fn refused() -> StoreError {
    StoreError::Refused { source: "a constraint that no one knows".into() }
}

impl State {
    fn holds(&self, sender: SenderId, epoch: Epoch) -> bool {
        self.senders
            .get(&sender)
            .is_some_and(|held| held.epoch == epoch && held.lease.is_some_and(|until| until > Instant::now()))
    }

    /// Someone else takes the sender.
    pub(crate) fn steal(&mut self, sender: SenderId) {
        let held = self.senders.get_mut(&sender).unwrap();
        held.epoch.0 += 1;
        held.lease = Some(Instant::now() + Duration::from_hours(1));
    }
}

#[async_trait]
impl ResultStore for TestStore {
    async fn apply_results(&self, results: &[ResultToApply], _: DateTime<Utc>) -> StoreResult<ApplySummary> {
        let mut state = self.up()?;
        let is_unwanted = |each: &ResultToApply| match &each.result.body {
            ResultBody::Inbound(inbound) => Some(inbound.text.as_str()) == state.unwanted,
            _ => false,
        };
        if results.iter().any(is_unwanted) {
            return Err(refused());
        }
        state.applied.extend_from_slice(results);
        let opted_out = results.iter().filter(|each| each.opt_out == OptOut::Yes).count() as u64;
        Ok(ApplySummary { applied: results.len() as u64, opted_out, ..ApplySummary::default() })
    }
}

#[async_trait]
impl FleetStore for TestStore {
    async fn report_worker(&self, report: WorkerReport, _: Duration) -> StoreResult<()> {
        let mut state = self.up()?;
        let now = DateTime::UNIX_EPOCH;
        state.workers.retain(|view| view.report.id != report.id);
        state.workers.insert(0, WorkerView { report, started_at: now, seen_at: now });
        Ok(())
    }

    async fn remove_worker(&self, worker: WorkerId) -> StoreResult<()> {
        self.up()?.workers.retain(|view| view.report.id != worker);
        Ok(())
    }

    async fn list_workers(&self) -> StoreResult<Vec<WorkerView>> {
        Ok(self.up()?.workers.clone())
    }

    async fn list_fleet_senders(&self, which: Which) -> StoreResult<Vec<Sender>> {
        let state = self.up()?;
        let senders = state.senders.values().map(|held| held.sender.clone());
        Ok(senders.filter(|sender| which == Which::Id(sender.id)).collect())
    }

    async fn count_leases(&self) -> StoreResult<Vec<(WorkerId, u32)>> {
        unreachable!("a worker counts nobody's leases")
    }

    async fn count_shared_senders(&self, _: &[ChannelKind]) -> StoreResult<u32> {
        let state = self.up()?;
        let active = state.senders.values().filter(|held| held.sender.state == SenderState::Active).count();
        Ok(u32::try_from(active).unwrap())
    }
}

#[async_trait]
impl LeaseStore for TestStore {
    async fn claim_leases(&self, wish: LeaseWish) -> StoreResult<Vec<Lease>> {
        let mut state = self.up()?;
        let free = state.senders.values_mut().filter(|held| {
            wish.pinned.is_none_or(|pinned| pinned == held.sender.id)
                && held.sender.state == SenderState::Active
                && held.lease.is_none_or(|until| until <= Instant::now())
        });
        let mut leases = Vec::new();
        for held in free.take(usize::try_from(wish.slots).unwrap()) {
            held.epoch.0 += 1;
            held.lease = Some(Instant::now() + wish.ttl);
            self.journal.note("claim");
            leases.push(Lease { sender: held.sender.clone(), key: KEY, epoch: held.epoch });
        }
        Ok(leases)
    }

    async fn renew_leases(&self, leases: &[(SenderId, Epoch)], ttl: Duration) -> StoreResult<Vec<(SenderId, Renewal)>> {
        let mut state = self.up()?;
        if state.renewals_fail {
            return Err(away());
        }
        let renewed = leases.iter().map(|&(sender, epoch)| {
            if !state.holds(sender, epoch) {
                return (sender, Renewal::Lost);
            }
            let held = state.senders.get_mut(&sender).unwrap();
            held.lease = Some(Instant::now() + ttl);
            (sender, Renewal::Held(Box::new(held.sender.clone())))
        });
        Ok(renewed.collect())
    }

    async fn release_lease(&self, sender: SenderId, epoch: Epoch) -> StoreResult<()> {
        let mut state = self.up()?;
        if state.holds(sender, epoch) {
            self.journal.note("release");
            state.senders.get_mut(&sender).unwrap().lease = None;
        }
        Ok(())
    }

    async fn end_leases(&self, _of: DeadHolder) -> StoreResult<u64> {
        unreachable!("a worker ends no other's leases")
    }

    async fn find_session(&self, _sender: SenderId, device: i32) -> StoreResult<Option<SealedSession>> {
        assert_eq!(device, 0);
        Ok(self.up()?.session.clone())
    }

    async fn store_session(
        &self,
        sender: SenderId,
        _device: i32,
        epoch: Epoch,
        session: Option<SealedSession>,
    ) -> StoreResult<Fenced<()>> {
        let mut state = self.up()?;
        if !state.holds(sender, epoch) {
            return Ok(Fenced::LeaseLost);
        }
        self.journal.note(if session.is_some() { "session stored" } else { "session deleted" });
        state.session = session;
        Ok(Fenced::Done(()))
    }
}

#[async_trait]
impl IntentStore for TestStore {
    async fn record_intents(&self, batch: IntentBatch) -> StoreResult<Fenced<IntentAnswer>> {
        self.journal.note("asked for an intent");
        let _connection = self.connect().await;
        let (takes, answer) = self.intend(batch)?;
        tokio::time::sleep(takes).await;
        answer
    }

    async fn record_outcomes(&self, outcomes: &[AttemptOutcome]) -> StoreResult<()> {
        let _connection = self.connect().await;
        tokio::time::sleep(self.rows(|state| state.outcome_takes)).await;
        let mut state = self.up()?;
        if outcomes.iter().any(|outcome| Some(outcome.message) == state.poison) {
            return Err(refused());
        }
        for outcome in outcomes {
            let key = (outcome.message, outcome.attempt);
            let attempt = state.attempts.get_mut(&key).unwrap();
            attempt.outcome.get_or_insert((outcome.outcome.clone(), outcome.at));
            self.journal.note(format!("outcome {} {}", outcome.outcome.as_str(), KEY.wa_id(outcome.message)));
        }
        Ok(())
    }

    async fn adopt_attempts(
        &self,
        sender: SenderId,
        epoch: Epoch,
        _worker: WorkerId,
        _now: DateTime<Utc>,
    ) -> StoreResult<Fenced<Vec<OpenAttempt>>> {
        let mut state = self.up()?;
        if !state.holds(sender, epoch) {
            return Ok(Fenced::LeaseLost);
        }
        self.journal.note("adopt");
        let State { attempts, messages, .. } = &mut *state;
        // As after the results role: what has an outcome is applied and not open any more, unless the epoch is an old one.
        let open = attempts.values_mut().filter(|attempt| attempt.outcome.is_none() || attempt.epoch != epoch);
        let adopted = open
            .map(|attempt| {
                attempt.epoch = epoch;
                attempt.sends += 1;
                let message = &messages[&attempt.message];
                OpenAttempt {
                    message: attempt.message,
                    attempt: attempt.number,
                    epoch,
                    wa_id: KEY.wa_id(attempt.message),
                    to: message.to.clone(),
                    content: Content::Text { body: message.text.clone() },
                    outcome: attempt.outcome.clone(),
                }
            })
            .collect();
        Ok(Fenced::Done(adopted))
    }
}

impl TestStore {
    /// The transaction, how long it takes, and what the worker hears of it.
    fn intend(&self, batch: IntentBatch) -> StoreResult<(Duration, StoreResult<Fenced<IntentAnswer>>)> {
        let mut state = self.up()?;
        let takes = state.intent_takes;
        if batch.items.iter().any(|(id, _)| Some(*id) == state.poison) {
            return Err(refused());
        }
        if !state.holds(batch.sender, batch.epoch) {
            return Ok((takes, Ok(Fenced::LeaseLost)));
        }
        let candidates: Vec<_> = batch.items.iter().map(|(id, _)| candidate(&state, *id)).collect();
        let sender = &state.senders[&batch.sender].sender;
        let pace = Pace { profile: &batch.profile, zone: sender.zone, seed: sender.seed };
        let (decisions, spent) = decide(&batch, &candidates, sender.state, pace, &sender.pace);
        let mut items = Vec::new();
        for (&(id, _), decision) in batch.items.iter().zip(decisions) {
            items.push((id, state.follow(id, decision, batch.epoch)));
            self.journal.note(format!("intent {}", KEY.wa_id(id)));
        }
        state.senders.get_mut(&batch.sender).unwrap().sender.pace = spent.clone();
        state.intents.push(batch);
        let lost = std::mem::take(&mut state.lose_next_intent_answer);
        let answer = if lost { Err(away()) } else { Ok(Fenced::Done(IntentAnswer { pace: spent, items })) };
        Ok((takes, answer))
    }
}

fn candidate(state: &State, id: MessageId) -> Option<IntentCandidate> {
    state.messages.get(&id).map(|message| IntentCandidate {
        message: id,
        state: message.state,
        release: message.release,
        sender: Some(message.sender),
        lane: message.lane,
        campaign: Some(message.campaign),
        expires_at: None,
        suppression: message.suppressed.then_some((SuppressionScope::All, SuppressionReason::OptedOut)),
        attempts: message.attempts,
    })
}

impl State {
    fn follow(&mut self, id: MessageId, decision: IntentDecision, epoch: Epoch) -> IntentVerdict {
        if let Some(refusal) = decision.refusal() {
            return IntentVerdict::Refused(refusal);
        }
        let message = self.messages.get_mut(&id).unwrap();
        message.state = message.state.after(MessageMove::Intend).unwrap();
        message.attempts += 1;
        let attempt = message.attempts;
        self.attempts.insert((id, attempt), Attempt { message: id, number: attempt, epoch, sends: 1, outcome: None });
        let content = Content::Text { body: message.text.clone() };
        IntentVerdict::Granted(Grant { attempt, wa_id: KEY.wa_id(id), to: message.to.clone(), content })
    }
}

#[async_trait]
impl ReleaseStore for TestStore {
    async fn list_windows(&self) -> StoreResult<Windows> {
        unreachable!("a worker releases nothing")
    }

    async fn list_windows_of(&self, _: &[SenderId]) -> StoreResult<Windows> {
        unreachable!("a worker releases nothing")
    }

    async fn claim_due(
        &self,
        _: ReleaseRound,
        _: &[Room],
        _: DateTime<Utc>,
        _: Duration,
    ) -> StoreResult<Vec<ReleasedMessage>> {
        unreachable!("a worker releases nothing")
    }

    async fn give_back(&self, claims: &[Claim], put_off: PutOff) -> StoreResult<()> {
        let _connection = self.connect().await;
        let mut state = self.up()?;
        for claim in claims {
            let message = state.messages.get_mut(&claim.message).unwrap();
            if message.release == Some(claim.generation) {
                message.release = None;
            }
            self.journal.note(format!("give back {}", put_off.waits_for));
            state.given_back.push((claim.message, put_off));
        }
        Ok(())
    }

    async fn reclaim_lost(&self, sender: SenderId, epoch: Epoch, _left: Duration) -> StoreResult<Fenced<u64>> {
        let _connection = self.connect().await;
        let mut state = self.up()?;
        if !state.holds(sender, epoch) {
            return Ok(Fenced::LeaseLost);
        }
        let mut reclaimed = 0;
        for message in state.messages.values_mut().filter(|message| message.release.is_some()) {
            message.release = None;
            reclaimed += 1;
        }
        self.journal.note(format!("reclaim {reclaimed}"));
        Ok(Fenced::Done(reclaimed))
    }

    async fn void_releases(&self) -> StoreResult<u64> {
        unreachable!("a worker releases nothing")
    }
}
