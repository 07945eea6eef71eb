//! The whole control plane over the embedded store and queue, with workers that send to nobody: they record the intent and the
//! outcome, and report what the network would have.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::TimeDelta;
use paceline_control::{Control, ControlDeps, ControlOptions, SweepOptions};
use paceline_domain::{
    Account, CampaignId, CampaignMove, CampaignState, Inbound, Job, MessageId, MessageState, Outcome, PhoneNumber,
    ReceiptKind, ResultBody, WaId, WorkerResult,
};
use paceline_pacing::{Profile, Profiles};
use paceline_queue::{JobQueue as _, ResultQueue as _};
use paceline_queue_embedded::{EmbeddedOptions, EmbeddedQueue};
use paceline_store::{
    intents::{AttemptOutcome, IntentBatch, IntentVerdict},
    leases::{Fenced, Lease},
    messages::Route,
    recipients::UploadRow,
};
use paceline_telemetry::Metrics;
use paceline_testkit::{ManualClock, World, accepted, address, eventually, phone, receipt, seeded_minter, world};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::fakes::lock;

const SOON: Duration = Duration::from_secs(20);

/// A running control plane and its workers.
struct House {
    world: World,
    queue: Arc<EmbeddedQueue>,
    metrics: Arc<Metrics>,
    clock: ManualClock,
    sends: Arc<Sends>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    _folder: Box<dyn Send>,
}

/// What the workers sent, and how they behave.
#[derive(Default)]
struct Sends {
    /// How often each message left.
    counts: Mutex<HashMap<MessageId, u32>>,
    /// People who answer, and what.
    replies: Mutex<BTreeMap<PhoneNumber, &'static str>>,
    /// People whose outcome is recorded and never reported.
    unreported: Mutex<HashSet<PhoneNumber>>,
}

async fn house(options: ControlOptions) -> House {
    let (world, folder) = world().await;
    let metrics = Arc::new(Metrics::new());
    let queue =
        Arc::new(EmbeddedQueue::new(EmbeddedOptions { metrics: metrics.clone(), ..EmbeddedOptions::default() }));
    let clock = ManualClock::at(world.now);
    let deps = ControlDeps {
        store: world.store.clone(),
        queue: queue.clone(),
        clock: Arc::new(clock.clone()),
        minter: seeded_minter(2),
        profiles: Arc::new(Profiles::default()),
        metrics: metrics.clone(),
    };
    let (control, stop, mut tasks) = (Control::new(deps, options), CancellationToken::new(), JoinSet::new());
    let token = stop.clone();
    tasks.spawn(async move { control.run(token).await });
    House { world, queue, metrics, clock, sends: Arc::default(), stop, tasks, _folder: Box::new(folder) }
}

impl House {
    /// Adds senders to the pool `main`, each with a worker.
    async fn hire(&mut self, senders: std::ops::Range<u32>) {
        for number in senders {
            let sender = self.world.add_sender(number, "main").await;
            let lease = self.world.lease(sender).await;
            self.employ(lease);
        }
    }

    /// A worker for a sender that is leased.
    fn employ(&mut self, lease: Lease) {
        let (world, queue) = (self.world.clone(), self.queue.clone());
        let worker = Worker { lease, world, queue, sends: self.sends.clone(), stop: self.stop.clone() };
        self.tasks.spawn(worker.run());
    }

    async fn reaches(&self, campaign: CampaignId, state: CampaignState) {
        eventually(SOON, || async { self.world.campaign(campaign).await.state == state }).await;
    }

    async fn account_becomes(&self, campaign: CampaignId, reached: impl Fn(&Account) -> bool) {
        eventually(SOON, || async { reached(&self.world.campaign(campaign).await.account) }).await;
    }

    /// Stops everything; each role and worker ends by itself.
    async fn close(mut self) {
        self.stop.cancel();
        let all = async { while self.tasks.join_next().await.is_some() {} };
        tokio::time::timeout(SOON, all).await.expect("every role ends when it is told to");
    }
}

struct Worker {
    lease: Lease,
    world: World,
    queue: Arc<EmbeddedQueue>,
    sends: Arc<Sends>,
    stop: CancellationToken,
}

impl Worker {
    async fn run(self) {
        while !self.stop.is_cancelled() {
            let mut jobs = self.queue.consume_jobs(self.lease.sender.id, 64).await.expect("an embedded queue is there");
            while let Some(Some(job)) = self.stop.run_until_cancelled(jobs.next()).await {
                self.work(job.body()).await;
                job.ack().await.expect("an embedded queue is there");
            }
        }
    }

    async fn work(&self, job: &Job) {
        let sender = self.lease.sender.id;
        let answer = self.world.store.record_intents(self.intent(job)).await.expect("the store is there");
        let Fenced::Done(answer) = answer else { panic!("the lease holds for an hour") };
        let mut results = Vec::new();
        for (message, verdict) in answer.items {
            let IntentVerdict::Granted(grant) = verdict else { continue };
            *lock(&self.sends.counts).entry(message).or_default() += 1;
            let (epoch, outcome) = (self.lease.epoch, Outcome::Sent { provider_id: None });
            let attempt = AttemptOutcome { message, attempt: grant.attempt, epoch, outcome, at: self.world.now };
            self.world.store.record_outcomes(&[attempt]).await.expect("the store is there");
            let person = grant.to.phone.clone().expect("people have phones here");
            if lock(&self.sends.unreported).contains(&person) {
                continue;
            }
            let body = ResultBody::Attempt { message, attempt: grant.attempt, epoch, outcome: accepted() };
            results.push(WorkerResult { sender, at: self.world.now, body });
            results.push(receipt(sender, &grant.wa_id, ReceiptKind::Delivered, self.world.now));
            if let Some(&text) = lock(&self.sends.replies).get(&person) {
                let id = WaId::from_network(&format!("re-{}", grant.wa_id));
                let body = ResultBody::Inbound(Inbound { id, from: grant.to, text: text.to_owned() });
                results.push(WorkerResult { sender, at: self.world.now, body });
            }
        }
        let _ = self.stop.run_until_cancelled(self.queue.publish_results(results)).await;
    }

    fn intent(&self, job: &Job) -> IntentBatch {
        IntentBatch {
            sender: self.lease.sender.id,
            epoch: self.lease.epoch,
            worker: self.world.worker,
            now: self.world.now,
            profile: Profile::unlimited(),
            items: job.items.iter().map(|item| (item.message, item.generation)).collect(),
            pace_inputs: serde_json::Value::Null,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campaign_goes_from_rows_to_receipts() {
    let mut house = house(ControlOptions::default()).await;
    house.hire(1..4).await;
    let world = house.world.clone();
    lock(&house.sends.replies).extend([(phone(4), "Thanks!"), (phone(5), "Stop."), (phone(6), "don't stop")]);
    world.store.add_suppression(world.suppression(3), world.now).await.expect("person 3 is suppressed");
    let campaign = world.draft(world.definition("main")).await;
    let upload = world.open_upload(campaign).await;
    let mut rows = world.rows(upload.first_row, 1..300);
    let nameless =
        UploadRow::Recipient { row: 300, address: address(300), hash: world.hash(300), variables: "{}".into() };
    rows.extend([nameless, world.row(301, 7)]);
    world.store.append_recipients(upload, rows, Duration::from_mins(5)).await.expect("the rows are taken");
    world.store.commit_upload(upload, vec!["name".to_owned()]).await.expect("the upload is taken");
    world.move_campaign(campaign, CampaignMove::Start).await;

    house.reaches(campaign, CampaignState::Completed).await;
    house.account_becomes(campaign, |account| account.replied == 3 && account.delivered == 298).await;
    let account = world.balanced(campaign).await;
    let expected = Account { planned: 298, sent: 298, delivered: 298, replied: 3, opted_out: 1, ..Account::default() };
    assert_eq!(account, expected);
    let excluded = world.campaign(campaign).await.excluded;
    let expected = [("duplicate", 1), ("missing_variable", 1), ("suppressed", 1)];
    assert_eq!(excluded, expected.map(|(reason, count)| (reason.to_owned(), count)).into());
    assert!(world.store.find_suppression(world.workspace, world.hash(5)).await.expect("it can be read").is_some());
    let counts = lock(&house.sends.counts).clone();
    assert!(counts.len() == 298 && counts.values().all(|&count| count == 1), "each left once");

    let shares = world.store.list_sender_shares(world.workspace, campaign).await.expect("shares");
    assert!(
        shares.len() == 3 && shares.iter().all(|share| share.account.planned > 50),
        "all senders carry: {shares:?}"
    );
    eventually(SOON, || async { house.metrics.render().contains("paceline_messages{bucket=\"sent\"} 298") }).await;
    assert!(house.metrics.render().lines().any(|line| line == "paceline_account_imbalance 0"));
    eventually(SOON, || async { world.store.figures().await.is_ok_and(|figures| figures.events_unnumbered == 0) })
        .await;
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_that_never_arrives_is_applied_by_the_sweeper() {
    let quick =
        SweepOptions { unapplied_age: Duration::ZERO, slow: Duration::from_millis(50), ..SweepOptions::default() };
    let mut house = house(ControlOptions { sweep: quick, ..ControlOptions::default() }).await;
    house.hire(1..2).await;
    lock(&house.sends.unreported).extend((1..20).map(phone));
    let campaign = house.world.started(house.world.definition("main"), 1..40).await;
    house.reaches(campaign, CampaignState::Completed).await;
    house.account_becomes(campaign, |account| account.sent == 39).await;
    house.world.balanced(campaign).await;
    assert!(lock(&house.sends.counts).values().all(|&count| count == 1));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deleting_every_queue_loses_no_message() {
    let mut options = ControlOptions::default();
    options.release.hold = Duration::from_millis(500);
    options.sweep.steady = Duration::from_millis(50);
    let mut house = house(options).await;
    let world = house.world.clone();
    // The sender's jobs go to a queue that nobody reads, and then it is deleted with all of them.
    let sender = world.add_sender(1, "main").await;
    let lease = world.lease(sender).await;
    let campaign = world.started(world.definition("main"), 1..200).await;
    eventually(SOON, || async {
        let windows = world.store.list_windows().await.expect("windows");
        windows.senders.iter().any(|window| window.outstanding > 0)
    })
    .await;
    house.queue.remove_sender(sender).await.expect("the queue goes");
    house.employ(lease);
    house.reaches(campaign, CampaignState::Completed).await;
    assert_eq!(world.balanced(campaign).await.sent, 199);
    assert!(lock(&house.sends.counts).values().all(|&count| count == 1));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_waits_ends_when_its_campaign_is_cancelled_or_its_time_passes() {
    let house = house(ControlOptions::default()).await;
    let world = house.world.clone();
    // Nobody works for this sender, so that everything waits.
    world.add_sender(1, "main").await;
    let cancelled = world.started(world.definition("main"), 1..2_500).await;
    let mut definition = world.definition("main");
    definition.expires_at = Some(world.now + TimeDelta::hours(1));
    let expired = world.started(definition, 1..2_500).await;
    for campaign in [cancelled, expired] {
        house.account_becomes(campaign, |account| account.planned == 2_499).await;
    }
    world.move_campaign(cancelled, CampaignMove::Cancel).await;
    house.account_becomes(cancelled, |account| account.cancelled == 2_499).await;
    house.clock.advance(Duration::from_hours(1));
    house.account_becomes(expired, |account| account.expired == 2_499).await;
    house.reaches(expired, CampaignState::Completed).await;
    for campaign in [cancelled, expired] {
        world.balanced(campaign).await;
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scheduled_campaign_starts_by_itself_when_its_time_comes() {
    let mut house = house(ControlOptions::default()).await;
    let world = house.world.clone();
    house.hire(1..2).await;
    let mut definition = world.definition("main");
    definition.start_at = Some(world.now + TimeDelta::hours(1));
    let campaign = world.started(definition, 1..10).await;
    assert_eq!(world.campaign(campaign).await.state, CampaignState::Scheduled);
    house.clock.advance(Duration::from_hours(1));
    house.reaches(campaign, CampaignState::Completed).await;
    assert_eq!(world.balanced(campaign).await.sent, 9);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_paused_campaign_waits_while_other_messages_go_and_then_goes_on() {
    let mut house = house(ControlOptions::default()).await;
    let world = house.world.clone();
    let sender = world.add_sender(1, "main").await;
    let campaign = world.started(world.definition("main"), 1..10).await;
    house.account_becomes(campaign, |account| account.planned == 9).await;
    world.move_campaign(campaign, CampaignMove::Pause).await;
    let lease = world.lease(sender).await;
    house.employ(lease);
    let message = world.accept(world.new_message(900, Route::Sender(sender))).await;
    eventually(SOON, || async { world.message(message.id).await.state == MessageState::Delivered }).await;
    assert_eq!(world.balanced(campaign).await.waiting, 9);
    world.move_campaign(campaign, CampaignMove::Resume).await;
    house.reaches(campaign, CampaignState::Completed).await;
    assert_eq!(lock(&house.sends.counts).len(), 10);
    house.close().await;
}
