//! One worker with everything around it, and what a test sees of it.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono_tz::Tz;
use paceline_channel::Channel;
use paceline_domain::{
    Address, AttemptNumber, CampaignState, ChannelKind, Epoch, Generation, Job, JobItem, Lane, MessageId, MessageState,
    Outcome, ResultBody, SenderId, SenderState, SessionState, WorkerId, WorkerResult, WorkspaceId,
};
use paceline_pacing::{Gap, PaceState, Profile, Profiles, Seed, Typing};
use paceline_queue::{JobQueue, Publication, RESULT_SHARDS, ResultConsumer, ResultQueue};
use paceline_store::senders::Sender;
use paceline_telemetry::Metrics;
use paceline_worker::{SessionKey, SessionKeyring, Worker, WorkerDeps, WorkerOptions};
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    channel::TestChannel,
    clock::{ManualClock, start},
    queue::TestQueue,
    store::{Held, Message, TestStore},
};

/// How long anything that must happen may take.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// How long to watch for what must not happen.
pub(crate) const A_WHILE: Duration = Duration::from_millis(150);

pub(crate) const SENDER: SenderId = SenderId::from_bytes([9; 16]);

/// What happened, in order, in the store and on the channel.
#[derive(Clone, Default)]
pub(crate) struct Journal(Arc<Mutex<Vec<String>>>);

impl Journal {
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    pub(crate) fn count(&self, prefix: &str) -> usize {
        self.lines().iter().filter(|line| line.starts_with(prefix)).count()
    }

    /// The first word of each line, without the lines of other words.
    pub(crate) fn order(&self, words: &[&str]) -> Vec<String> {
        let first = |line: &String| line.split(' ').next().unwrap_or("").to_owned();
        self.lines().iter().map(first).filter(|word| words.contains(&word.as_str())).collect()
    }
}

/// A worker and everything around it.
pub(crate) struct House {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) store: Arc<TestStore>,
    pub(crate) queue: Arc<TestQueue>,
    pub(crate) channel: Arc<TestChannel>,
    pub(crate) journal: Journal,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) options: WorkerOptions,
    results: mpsc::UnboundedReceiver<WorkerResult>,
    running: Option<(CancellationToken, JoinHandle<()>)>,
    messages: u8,
}

impl House {
    /// A house with one sender of this profile, and no worker yet.
    pub(crate) async fn new(profile: &str) -> Self {
        let (clock, journal, metrics) = (Arc::new(ManualClock::new()), Journal::default(), Arc::new(Metrics::new()));
        let store = Arc::new(TestStore::new(journal.clone()));
        let held = Held { sender: sender(profile), epoch: Epoch(0), lease: None };
        store.rows(|state| state.senders.insert(SENDER, held));
        let queue = Arc::new(TestQueue::new(&metrics));
        queue.declare_senders(&[SENDER]).await.unwrap();
        let mut options = WorkerOptions::new(WorkerId::from_bytes([1; 16]));
        options.claim_every = Duration::from_millis(10);
        options.renew_every = Duration::from_millis(30);
        options.reconnect_pause = Duration::from_millis(10);
        let shard = probe().shard(RESULT_SHARDS);
        Self {
            channel: TestChannel::new(journal.clone(), Arc::clone(&clock)),
            results: apply_results(queue.consume_results(shard).await.unwrap()),
            clock,
            store,
            queue,
            journal,
            metrics,
            options,
            running: None,
            messages: 0,
        }
    }

    /// The same, with the worker running.
    pub(crate) async fn running(profile: &str) -> Self {
        let mut house = Self::new(profile).await;
        house.start();
        house
    }

    pub(crate) fn start(&mut self) {
        let deps = WorkerDeps {
            store: Arc::clone(&self.store) as _,
            queue: Arc::clone(&self.queue) as _,
            channels: vec![Arc::clone(&self.channel) as Arc<dyn Channel>],
            clock: Arc::clone(&self.clock) as _,
            profiles: Arc::new(profiles()),
            keyring: SessionKeyring::new(SessionKey::new("now", &[3; 32]), Vec::new()),
            metrics: Arc::clone(&self.metrics),
        };
        let stop = CancellationToken::new();
        let task = tokio::spawn(Worker::new(deps, self.options.clone()).run(stop.clone()));
        self.running = Some((stop, task));
    }

    pub(crate) fn signal_stop(&self) {
        self.running.as_ref().expect("the worker runs").0.cancel();
    }

    pub(crate) fn has_stopped(&self) -> bool {
        self.running.as_ref().is_none_or(|(_, task)| task.is_finished())
    }

    pub(crate) async fn stop(&mut self) {
        self.signal_stop();
        let (_, task) = self.running.take().expect("the worker runs");
        timeout(SOON, task).await.expect("the worker drains soon").unwrap();
    }

    /// Ends the worker as a crash does: in the middle of whatever it does.
    pub(crate) async fn crash(&mut self) {
        let (_, task) = self.running.take().expect("the worker runs");
        task.abort();
        let _ = task.await;
        self.store.rows(|state| state.senders.get_mut(&SENDER).unwrap().lease = None);
    }

    /// Releases messages in one job; answers with their ids.
    pub(crate) async fn release(&mut self, lane: Lane, count: u8) -> Vec<MessageId> {
        let ids: Vec<_> = (0..count).map(|_| self.add_message(lane)).collect();
        self.publish(lane, &ids).await;
        ids
    }

    pub(crate) fn add_message(&mut self, lane: Lane) -> MessageId {
        self.messages += 1;
        let id = MessageId::from_bytes([self.messages; 16]);
        let message = Message {
            state: MessageState::Waiting,
            release: Some(Generation(1)),
            sender: SENDER,
            lane,
            attempts: 0,
            suppressed: false,
            campaign: CampaignState::Running,
            to: recipient(),
            text: format!("Hello {}", self.messages),
        };
        self.store.rows(|state| state.messages.insert(id, message));
        id
    }

    pub(crate) async fn publish(&self, lane: Lane, ids: &[MessageId]) {
        let item = |&message| JobItem { message, generation: Generation(1), to: recipient(), chars: 6 };
        let job = Job { sender: SENDER, lane, items: ids.iter().map(item).collect() };
        assert_eq!(self.queue.publish_jobs(vec![job]).await.unwrap(), [Publication::Confirmed]);
    }

    /// Waits for the next result that is no change of the session.
    pub(crate) async fn next_result(&mut self) -> WorkerResult {
        loop {
            let result = self.next_any_result().await;
            if !matches!(result.body, ResultBody::Session(_)) {
                return result;
            }
        }
    }

    /// Waits for the next result of the session.
    pub(crate) async fn next_session_state(&mut self) -> SessionState {
        loop {
            if let ResultBody::Session(change) = self.next_any_result().await.body {
                return change.state;
            }
        }
    }

    /// Waits for the outcome of an attempt.
    pub(crate) async fn next_outcome(&mut self) -> (MessageId, AttemptNumber, Outcome) {
        match self.next_result().await.body {
            ResultBody::Attempt { message, attempt, outcome, .. } => (message, attempt, outcome),
            other => panic!("expected an outcome, not {other:?}"),
        }
    }

    pub(crate) async fn next_any_result(&mut self) -> WorkerResult {
        timeout(SOON, self.results.recv()).await.expect("a result comes soon").expect("the results role runs")
    }

    /// Waits until the worker is idle on a session that is up.
    pub(crate) async fn connected(&self) {
        self.shown("paceline_worker_sessions{state=\"connected\"}", 1).await;
    }

    /// Waits until a metric has a value.
    pub(crate) async fn shown(&self, metric: &str, value: i64) {
        let line = format!("{metric} {value}");
        eventually(&line, || self.metrics.render().lines().any(|shown| shown == line)).await;
    }

    /// Waits until every job was answered.
    pub(crate) async fn all_jobs_answered(&self) {
        self.shown("paceline_queue_deliveries{queue=\"jobs\",state=\"waiting\"}", 0).await;
        self.shown("paceline_queue_deliveries{queue=\"jobs\",state=\"unanswered\"}", 0).await;
    }

    pub(crate) fn sends(&self) -> usize {
        self.channel.sent().len()
    }
}

/// A results role that applies whatever comes.
fn apply_results(mut consumer: Box<dyn ResultConsumer>) -> mpsc::UnboundedReceiver<WorkerResult> {
    let (applied, results) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        while let Some(batch) = consumer.next_batch(64).await {
            for delivery in batch {
                let (results, acker) = delivery.split();
                for result in results {
                    // A test that has seen enough does not listen any more.
                    let _ = applied.send(result);
                }
                acker.ack().await.unwrap();
            }
        }
    });
    results
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let all = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(SOON, all).await.unwrap_or_else(|_| panic!("this never came to be: {what}"));
}

/// Watches that something stays so for a while.
pub(crate) async fn stays(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = tokio::time::Instant::now() + A_WHILE;
    while tokio::time::Instant::now() < until {
        assert!(is_so(), "this did not stay so: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn recipient() -> Address {
    Address::phone("+15550123".parse().unwrap())
}

fn sender(profile: &str) -> Sender {
    Sender {
        id: SENDER,
        workspace: WorkspaceId::from_bytes([2; 16]),
        phone: "+15550100".parse().unwrap(),
        channel: ChannelKind::Simulator,
        name: "one".to_owned(),
        account: None,
        pools: vec!["default".to_owned()],
        profile: profile.to_owned(),
        zone: Tz::UTC,
        seed: Seed(4),
        state: SenderState::Active,
        pace: PaceState::default(),
        session: SessionState::Unpaired,
        session_at: None,
        session_detail: None,
        pairing_code: None,
        suspension: None,
        lease: None,
        created_at: start(),
        last_sent_at: None,
    }
}

/// The built-in profiles and `steady`: ten seconds between sends, four of them typing, three a day.
fn profiles() -> Profiles {
    let steady = Profile {
        version: 1,
        gap: Some(Gap { median_seconds: 10.0, sigma: 0.0, min_seconds: 10.0, max_seconds: 10.0 }),
        typing: Some(Typing { chars_per_second: 1.0, min_seconds: 4.0, max_seconds: 4.0 }),
        daily_cap: Some(3),
        per_second: 1,
    };
    // Nothing in the way but one message at a time.
    let single = Profile {
        gap: Some(Gap { median_seconds: 1.0, sigma: 0.0, min_seconds: 0.0, max_seconds: 0.0 }),
        typing: None,
        daily_cap: None,
        per_second: 1_000,
        ..steady.clone()
    };
    let mut named = BTreeMap::from([("steady".to_owned(), steady), ("single".to_owned(), single)]);
    for name in ["gentle", "unlimited"] {
        named.insert(name.to_owned(), Profiles::default().find(name).unwrap().clone());
    }
    Profiles::new(named).unwrap()
}

fn probe() -> WorkerResult {
    let message = MessageId::from_bytes([0; 16]);
    let body = ResultBody::Attempt { message, attempt: 1, epoch: Epoch(1), outcome: Outcome::Unknown };
    WorkerResult { sender: SENDER, at: start(), body }
}
