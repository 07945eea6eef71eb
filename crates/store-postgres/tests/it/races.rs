//! Many servers at once: sending, suppressing, pausing, cancelling, applying and sweeping meet on one database.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use chrono::TimeDelta;
use paceline_domain::{
    CampaignId, CampaignMove, MessageId, MessageState, Outcome, ReceiptKind, SenderState, SessionState, WorkerResult,
};
use paceline_pacing::Profile;
use paceline_store::{
    StoreResult,
    conformance::builders::{HOUR, World, accepted, first, inbound, receipt, room, session},
    intents::{IntentAnswer, IntentBatch, IntentVerdict},
    leases::{Fenced, Lease},
    messages::MessageFilter,
    release::ReleasedMessage,
    results::{OptOut, ResultToApply},
};
use tokio::task::JoinHandle;

use crate::{
    database, open, options,
    witness::{HoldUp, Witness},
};

const PEOPLE: u32 = 240;

/// One database as two servers see it.
struct Stage {
    servers: [World; 2],
    leases: Vec<Lease>,
    campaigns: Vec<CampaignId>,
    /// Set when nothing is left to do.
    over: AtomicBool,
    granted: AtomicU32,
}

impl Stage {
    async fn new(database: &paceline_store_postgres::testing::TestDatabase) -> Self {
        let one = World::new(Arc::new(open(options(database)).await)).await;
        let two = World { store: Arc::new(open(options(database)).await), ..one.clone() };
        let mut leases = Vec::new();
        for number in 0..4 {
            let sender = one.add_sender(number, "main").await;
            leases.push(one.lease(sender).await);
        }
        Self {
            servers: [one, two],
            leases,
            campaigns: Vec::new(),
            over: AtomicBool::new(false),
            granted: AtomicU32::new(0),
        }
    }

    fn server(&self, number: u32) -> &World {
        &self.servers[usize::from(number % 2 == 1)]
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    async fn waiting(&self) -> i64 {
        let mut waiting = 0;
        for &campaign in &self.campaigns {
            let account = self.servers[0].campaign(campaign).await.account;
            assert!(account.is_balanced(), "at every moment: {account:?}");
            waiting += account.waiting;
        }
        waiting
    }
}

/// Repeats what met another transaction, as every caller of the port does.
async fn patiently<T, F: Future<Output = StoreResult<T>>>(call: impl Fn() -> F) -> T {
    for _ in 0..1_000 {
        match call().await {
            Ok(done) => return done,
            Err(error) => assert!(error.is_transient(), "{error:?}"),
        }
        tokio::task::yield_now().await;
    }
    panic!("a thousand tries in vain");
}

fn to_apply(results: Vec<WorkerResult>, opt_out: OptOut) -> Vec<ResultToApply> {
    results.into_iter().map(|result| ResultToApply { result, opt_out }).collect()
}

fn granted(answer: Fenced<IntentAnswer>) -> HashMap<MessageId, i32> {
    let Fenced::Done(answer) = answer else { panic!("the lease holds") };
    let granted = answer.items.into_iter().filter_map(|(message, verdict)| match verdict {
        IntentVerdict::Granted(grant) => Some((message, grant.attempt)),
        IntentVerdict::Refused(_) => None,
    });
    granted.collect()
}

/// Claims for one sender and asks both servers for the same intent: each message is granted once at most. What was granted ends in
/// one way or another, and both servers apply the results.
async fn work(stage: Arc<Stage>, number: usize) {
    let lease = &stage.leases[number];
    let sender = lease.sender.id;
    let [one, two] = &stage.servers;
    let mut turn = 0_u32;
    while !stage.is_over() {
        turn += 1;
        let seen = patiently(|| one.store.list_windows()).await;
        let (rooms, due) = ([room(sender, 1 + turn % 12)], one.now + TimeDelta::minutes(2));
        let released = patiently(|| two.store.claim_due(seen.round, &rooms, due, HOUR)).await;
        let batch = one.intent(lease, &released);
        let both = tokio::join!(
            patiently(|| one.store.record_intents(batch.clone())),
            patiently(|| two.store.record_intents(batch.clone()))
        );
        let mut sending = granted(both.0);
        for (message, attempt) in granted(both.1) {
            assert_eq!(sending.insert(message, attempt), None, "a message was granted twice");
        }
        stage.granted.fetch_add(u32::try_from(sending.len()).unwrap(), Ordering::Relaxed);
        let not_before = one.now;
        let outcomes = [accepted(), Outcome::Interrupted { not_before }, accepted(), Outcome::Unsent { not_before }];
        let mut results = Vec::new();
        for (place, (message, attempt)) in (turn..).zip(sending) {
            let outcome = outcomes[place as usize % outcomes.len()].clone();
            results.push(one.conclude(sender, message, attempt, outcome).await);
        }
        let forth = to_apply(results.clone(), OptOut::No);
        let back: Vec<_> = forth.iter().rev().cloned().collect();
        let (forth, back) = tokio::join!(
            patiently(|| one.store.apply_results(&forth, one.now)),
            patiently(|| two.store.apply_results(&back, two.now))
        );
        assert_eq!(forth.applied + back.applied, u64::try_from(results.len()).unwrap(), "each counts once");
    }
}

/// Suppresses every fifth person, by hand or by their own word.
async fn suppress(stage: Arc<Stage>) {
    for person in (0..PEOPLE).step_by(5) {
        let server = stage.server(person);
        if person % 2 == 0 {
            patiently(|| server.store.add_suppression(server.suppression(person), server.now)).await;
        } else {
            let sender = stage.leases[person as usize % stage.leases.len()].sender.id;
            let stop = to_apply(vec![inbound(sender, person, &format!("stop-{person}"), server.now)], OptOut::Yes);
            patiently(|| server.store.apply_results(&stop, server.now)).await;
        }
    }
}

/// Pauses and resumes a campaign, a sender and a session, again and again.
async fn interrupt(stage: Arc<Stage>) {
    let (campaign, sender) = (stage.campaigns[0], stage.leases[0].sender.id);
    let mut turn = 0;
    while !stage.is_over() {
        let world = stage.server(turn).later(TimeDelta::microseconds(i64::from(2 * turn)));
        turn += 1;
        let campaign_moves = [CampaignMove::Pause, CampaignMove::Resume];
        let sender_moves = [SenderState::Paused, SenderState::Active];
        let sessions = [SessionState::Disconnected, SessionState::Connected];
        for (step, later) in (0..2).zip(1..) {
            let (workspace, now) = (world.workspace, world.now + TimeDelta::microseconds(later));
            patiently(|| world.store.move_campaign(workspace, campaign, campaign_moves[step], now)).await;
            patiently(|| world.store.move_sender(workspace, sender, sender_moves[step], now)).await;
            let change = to_apply(vec![session(sender, sessions[step], now)], OptOut::No);
            patiently(|| world.store.apply_results(&change, now)).await;
        }
    }
}

/// Cancels a campaign once a part of it is sent.
async fn cancel(stage: Arc<Stage>) {
    let campaign = stage.campaigns[1];
    let world = stage.server(1);
    while world.campaign(campaign).await.account.sent < 20 {
        tokio::task::yield_now().await;
    }
    world.move_campaign(campaign, CampaignMove::Cancel).await;
}

/// Two sweepers at everything, and readers of receipts.
async fn sweep(stage: Arc<Stage>, number: u32) {
    let world = stage.server(number);
    while !stage.is_over() {
        patiently(|| world.store.cancel_messages(world.now, 7)).await;
        patiently(|| world.store.expire_messages(world.now, 7)).await;
        patiently(|| world.store.reclaim_releases(7)).await;
        patiently(|| world.store.complete_campaigns(world.now, 7)).await;
        let filter = MessageFilter { state: Some(MessageState::Sent), ..MessageFilter::default() };
        let sent = patiently(|| world.store.list_messages(world.workspace, filter, first(9))).await.items;
        let read = sent.iter().filter_map(|it| Some(receipt(it.sender?, &it.wa_id, ReceiptKind::Read, world.now)));
        let read = to_apply(read.collect(), OptOut::No);
        patiently(|| world.store.apply_results(&read, world.now)).await;
    }
}

async fn all(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_intent_commits_after_what_forbids_it_whoever_else_is_at_work() {
    let database = database().await;
    let mut stage = Stage::new(&database).await;
    for _ in 0..2 {
        stage.campaigns.push(stage.servers[0].planned("main", 0..PEOPLE).await.0);
    }
    let mut witness = Witness::look_on(&database, HoldUp::Moment).await;
    let stage = Arc::new(stage);
    let mut roles = vec![tokio::spawn(interrupt(Arc::clone(&stage)))];
    roles.extend((0..4).map(|number| tokio::spawn(work(Arc::clone(&stage), number))));
    roles.extend((0..2).map(|number| tokio::spawn(sweep(Arc::clone(&stage), number))));
    let causes = vec![tokio::spawn(suppress(Arc::clone(&stage))), tokio::spawn(cancel(Arc::clone(&stage)))];

    let done = async {
        all(causes).await;
        while stage.waiting().await > 0 {}
        stage.over.store(true, Ordering::Relaxed);
        all(roles).await;
    };
    tokio::time::timeout(Duration::from_mins(2), done).await.expect("everything ends in time");

    assert_eq!(witness.testify().await, [] as [&str; 0]);
    let attempts = witness.count_attempts().await;
    assert_eq!(attempts, i64::from(stage.granted.load(Ordering::Relaxed)), "every grant has its attempt, and no other");
    let world = &stage.servers[0];
    for &campaign in &stage.campaigns {
        let account = world.balanced(campaign).await;
        assert_eq!((account.planned, account.waiting), (i64::from(PEOPLE), 0));
        assert!(account.sent > 0 && account.cancelled > 0, "{account:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn intents_at_once_never_spend_more_than_the_cap() {
    let database = database().await;
    let mut stage = Stage::new(&database).await;
    stage.campaigns.push(stage.servers[0].planned("main", 0..40).await.0);
    let lease = stage.leases[0].clone();
    let released = stage.servers[0].claim_for(lease.sender.id, 40).await;
    assert_eq!(released.len(), 40);
    let profile = Profile { daily_cap: Some(17), ..Profile::unlimited() };
    let intents: Vec<_> = released
        .chunks(4)
        .zip(0..)
        .map(|(released, number): (&[ReleasedMessage], u32)| {
            let world = stage.server(number).clone();
            let batch = IntentBatch { profile: profile.clone(), ..world.intent(&lease, released) };
            tokio::spawn(async move { granted(patiently(|| world.store.record_intents(batch.clone())).await).len() })
        })
        .collect();
    let mut spent = 0;
    for intent in intents {
        spent += intent.await.unwrap();
    }
    assert_eq!(spent, 17);
    assert_eq!(stage.servers[0].sender(lease.sender.id).await.pace.spent_today, 17);
    assert_eq!(stage.waiting().await, 40);
    assert_eq!(stage.servers[0].balanced(stage.campaigns[0]).await.sending, 17);
}

/// Orphans are handed out again by one holder after another, while their recipients are suppressed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_orphan_is_handed_out_again_after_a_suppression() {
    let database = database().await;
    let stage = Arc::new(Stage::new(&database).await);
    let world = &stage.servers[0];
    let (campaign, messages) = world.planned("main", 0..40).await;
    for lease in &stage.leases {
        let released = world.claim_for(lease.sender.id, 10).await;
        assert_eq!(world.intend(lease, &released).await.len(), 10);
    }
    let mut witness = Witness::look_on(&database, HoldUp::Moment).await;
    let suppressor = tokio::spawn({
        let stage = Arc::clone(&stage);
        async move {
            for person in 0..40 {
                let server = stage.server(person);
                patiently(|| server.store.add_suppression(server.suppression(person), server.now)).await;
            }
        }
    });
    let adopters: Vec<_> = (0..4).map(|number| tokio::spawn(adopt(Arc::clone(&stage), number))).collect();
    suppressor.await.unwrap();
    all(adopters).await;
    assert_eq!(witness.testify().await, [] as [&str; 0]);
    for message in messages {
        assert_eq!(world.story(message).await.attempts[0].outcome, Some(Outcome::Unknown));
    }
    assert_eq!(world.balanced(campaign).await.sending, 40, "until the results are applied");
}

/// Adopts until nothing may be sent again.
async fn adopt(stage: Arc<Stage>, number: u32) {
    let lease = &stage.leases[number as usize];
    let mut turn = number;
    loop {
        turn += 1;
        let world = stage.server(turn);
        let open =
            patiently(|| world.store.adopt_attempts(lease.sender.id, lease.epoch, world.worker, world.now)).await;
        let Fenced::Done(open) = open else { panic!("the lease holds") };
        assert_eq!(open.len(), 10);
        if open.iter().all(|attempt| attempt.outcome == Some((Outcome::Unknown, world.now))) {
            return;
        }
    }
}
