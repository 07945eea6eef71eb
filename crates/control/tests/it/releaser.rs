//! The releaser: how much is claimed for whom, and what becomes of what the broker does not take.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, TimeDelta, Utc};
use paceline_control::{ReleaseOptions, Releaser, ReleaserDeps};
use paceline_domain::{Job, Lane, SenderState, SessionState};
use paceline_pacing::{PaceState, Profiles, Suspension};
use paceline_queue::Publication;
use paceline_store::{
    release::{Claim, Room},
    senders::Sender,
};

use crate::{
    builders::{broker_away, message_id, meters, noon, released, sender, sender_id, unavailable, window},
    fakes::{FakeJobs, FakeReleases, StillClock, lock, step},
};

struct Bench {
    store: Arc<FakeReleases>,
    queue: Arc<FakeJobs>,
    releaser: Releaser,
}

fn bench(speed: f64) -> Bench {
    let (store, queue) = (Arc::new(FakeReleases::default()), Arc::new(FakeJobs::default()));
    let deps = ReleaserDeps {
        store: store.clone(),
        queue: queue.clone(),
        clock: StillClock::at(noon(), speed),
        profiles: Arc::new(Profiles::default()),
        meters: meters().0,
    };
    Bench { store, queue, releaser: Releaser::new(deps, ReleaseOptions::default()) }
}

/// The rooms, as (sender, room, free), that a fleet is given.
async fn rooms(speed: f64, windows: Vec<(Sender, u32)>) -> Vec<(u8, u32, u32)> {
    let Bench { store, mut releaser, .. } = bench(speed);
    *lock(&store.windows) = windows.into_iter().map(|(sender, outstanding)| window(sender, outstanding)).collect();
    step(&mut releaser).await.expect("it releases");
    let claims = lock(&store.claims);
    let rooms = claims.first().map_or(&[][..], |claim| &claim.rooms);
    rooms.iter().map(|Room { sender, room, free }| (sender.to_bytes()[0], *room, *free)).collect()
}

fn paced(byte: u8, change: impl FnOnce(&mut Sender)) -> Sender {
    let mut sender = sender(byte, "gentle");
    change(&mut sender);
    sender
}

fn spent(count: u32) -> PaceState {
    PaceState { day: Some(noon().date_naive()), spent_today: count, next_slot: None }
}

fn after(seconds: i64) -> DateTime<Utc> {
    noon() + TimeDelta::seconds(seconds)
}

#[tokio::test]
async fn only_what_is_due_is_claimed_however_fast_the_clock_runs() {
    for speed in [1.0, 600.0, 0.5] {
        let Bench { store, mut releaser, .. } = bench(speed);
        *lock(&store.windows) = vec![window(sender(1, "gentle"), 0)];
        step(&mut releaser).await.expect("it releases");
        let claim = lock(&store.claims)[0].clone();
        assert_eq!((claim.due_before, claim.hold), (after(0), Duration::from_secs(150)), "at speed {speed}");
    }
}

#[tokio::test]
async fn a_queue_that_the_broker_refuses_holds_up_its_own_sender_only() {
    let Bench { store, queue, mut releaser } = bench(1.0);
    *lock(&store.windows) = (1..4).map(|byte| window(sender(byte, "gentle"), 0)).collect();
    lock(&queue.refused).insert(sender(2, "gentle").id);
    step(&mut releaser).await.expect("it releases for the others");
    let given: Vec<_> = lock(&store.claims)[0].rooms.iter().map(|room| room.sender.to_bytes()[0]).collect();
    assert_eq!(given, [1, 3]);
    lock(&queue.declared).clear();
    step(&mut releaser).await.expect("it releases for the others");
    assert!(lock(&queue.declared).is_empty(), "the refused one is left alone for a while");
}

#[tokio::test]
async fn a_paced_sender_is_given_what_leaves_within_two_minutes() {
    // At 1.5 s, then one each 40 s: 41.5 s and 81.5 s; the next would leave after 121.5 s.
    assert_eq!(rooms(1.0, vec![(sender(1, "gentle"), 0)]).await, [(1, 3, 200)]);
    assert_eq!(rooms(1.0, vec![(sender(1, "gentle"), 2)]).await, [(1, 1, 198)]);
    assert_eq!(rooms(1.0, vec![(sender(1, "gentle"), 3)]).await, []);
}

#[tokio::test]
async fn however_fast_the_clock_a_paced_sender_is_given_eight() {
    assert_eq!(rooms(600.0, vec![(sender(1, "gentle"), 0)]).await, [(1, 8, 200)]);
    assert_eq!(rooms(600.0, vec![(sender(1, "gentle"), 5)]).await, [(1, 3, 195)]);
    assert_eq!(rooms(600.0, vec![(sender(1, "gentle"), 9)]).await, []);
    assert_eq!(rooms(1.0, vec![(sender(1, "brisk"), 0)]).await, [(1, 8, 1_000)]);
}

#[tokio::test]
async fn a_sender_gets_no_more_than_its_cap_leaves() {
    let left = |count| (paced(1, |sender| sender.pace = spent(count)), 0);
    assert_eq!(rooms(1.0, vec![left(198)]).await, [(1, 2, 2)]);
    assert_eq!(rooms(1.0, vec![left(200)]).await, []);
    assert_eq!(rooms(1.0, vec![(left(199).0, 1)]).await, [], "what it has spends the rest");
    // Two real minutes at this speed reach beyond midnight: tomorrow's first messages, after everybody else's.
    assert_eq!(rooms(600.0, vec![left(200)]).await, [(1, 8, 0)]);
}

#[tokio::test]
async fn a_sender_whose_slot_or_bar_lies_beyond_the_horizon_gets_nothing() {
    let slot = |seconds| (paced(1, |sender| sender.pace.next_slot = Some(after(seconds))), 0);
    let barred = |until| (paced(1, |sender| sender.suspension = Some(Suspension { until })), 0);
    assert_eq!(rooms(1.0, vec![slot(119)]).await, [(1, 1, 200)]);
    assert_eq!(rooms(1.0, vec![slot(121)]).await, []);
    assert_eq!(rooms(1.0, vec![barred(None)]).await, []);
    assert_eq!(rooms(1.0, vec![barred(Some(after(121)))]).await, []);
    assert_eq!(rooms(1.0, vec![barred(Some(after(-1)))]).await, [(1, 3, 200)]);
}

#[tokio::test]
async fn a_sender_that_cannot_take_a_job_gets_nothing() {
    let fleet = vec![
        (paced(1, |sender| sender.lease = None), 0),
        (paced(2, |sender| sender.session = SessionState::Disconnected), 0),
        (paced(3, |sender| sender.session = SessionState::LoggedOut), 0),
        (paced(4, |sender| sender.state = SenderState::Paused), 0),
        (paced(5, |sender| sender.profile = "unheard of".to_owned()), 0),
        (sender(6, "gentle"), 0),
    ];
    assert_eq!(rooms(1.0, fleet).await, [(6, 3, 200)]);
}

#[tokio::test]
async fn unpaced_senders_share_what_one_transaction_claims() {
    assert_eq!(rooms(1.0, vec![(sender(1, "unlimited"), 0)]).await, [(1, 4_096, u32::MAX)]);
    assert_eq!(rooms(1.0, vec![(sender(1, "unlimited"), 9_990)]).await, [(1, 10, u32::MAX - 9_990)]);
    let fleet = (1..=16).map(|byte| (sender(byte, "unlimited"), 0)).collect();
    assert!(rooms(1.0, fleet).await.iter().all(|&(_, room, _)| room == 256));
}

#[tokio::test]
async fn jobs_are_of_one_sender_and_lane_and_paced_ones_of_one_message() {
    let Bench { store, queue, mut releaser } = bench(1.0);
    *lock(&store.windows) = vec![window(sender(1, "gentle"), 0), window(sender(2, "unlimited"), 0)];
    let mut due =
        vec![released(1, 1, Lane::Transactional), released(2, 2, Lane::Reply), released(3, 1, Lane::Campaign)];
    due.extend((100..170).map(|number| released(number, 2, Lane::Campaign)));
    lock(&store.due).push_back(due);
    step(&mut releaser).await.expect("it releases");
    let published = lock(&queue.published).clone();
    let shape: Vec<_> =
        published.iter().map(|Job { sender, lane, items }| (sender.to_bytes()[0], *lane, items.len())).collect();
    assert_eq!(
        shape,
        [
            (1, Lane::Transactional, 1),
            (2, Lane::Reply, 1),
            (1, Lane::Campaign, 1),
            (2, Lane::Campaign, 64),
            (2, Lane::Campaign, 6),
        ]
    );
    let order: Vec<_> = published[3..].iter().flat_map(|job| job.items.iter().map(|item| item.message)).collect();
    assert_eq!(order, (100..170).map(message_id).collect::<Vec<_>>());
    assert!(lock(&store.given_back).is_empty());
}

#[tokio::test]
async fn a_sender_s_queue_is_declared_once_and_again_when_a_job_comes_back() {
    let Bench { store, queue, mut releaser } = bench(1.0);
    *lock(&store.windows) = vec![window(sender(1, "gentle"), 0), window(sender(2, "gentle"), 0)];
    step(&mut releaser).await.expect("nothing is due");
    lock(&queue.answers).insert(sender_id(2), Publication::Returned);
    lock(&store.due).push_back(vec![released(1, 1, Lane::Campaign), released(2, 2, Lane::Campaign)]);
    step(&mut releaser).await.expect("one comes back");
    let given_back = lock(&store.given_back).clone();
    let [(claims, put_off)] = &given_back[..] else { panic!("one call") };
    assert_eq!(claims[..], [Claim { message: message_id(2), generation: paceline_domain::Generation(1) }]);
    assert_eq!((put_off.not_before, put_off.waits_for), (None, "queue_missing"));
    step(&mut releaser).await.expect("it goes on");
    assert_eq!(*lock(&queue.declared), [vec![sender_id(1), sender_id(2)], vec![sender_id(2)]]);
}

#[tokio::test(start_paused = true)]
async fn what_a_full_queue_rejects_is_given_back_and_its_sender_left_alone_for_a_second() {
    let Bench { store, queue, mut releaser } = bench(1.0);
    *lock(&store.windows) = vec![window(sender(1, "gentle"), 0), window(sender(2, "gentle"), 0)];
    lock(&queue.answers).insert(sender_id(1), Publication::Rejected);
    lock(&store.due).push_back(vec![released(1, 1, Lane::Campaign), released(2, 2, Lane::Campaign)]);
    step(&mut releaser).await.expect("one is rejected");
    assert_eq!(lock(&store.given_back)[0].1.waits_for, "queue_full");
    step(&mut releaser).await.expect("it goes on");
    tokio::time::sleep(Duration::from_millis(1_001)).await;
    step(&mut releaser).await.expect("it goes on");
    let asked: Vec<Vec<_>> =
        lock(&store.claims).iter().map(|claim| claim.rooms.iter().map(|room| room.sender).collect()).collect();
    assert_eq!(asked, [vec![sender_id(1), sender_id(2)], vec![sender_id(2)], vec![sender_id(1), sender_id(2)]]);
}

#[tokio::test]
async fn what_may_not_have_been_published_is_given_back_and_nothing_claimed_until_the_broker_is_there() {
    let Bench { store, queue, mut releaser } = bench(1.0);
    *lock(&store.windows) = vec![window(sender(1, "gentle"), 0)];
    queue.publish_failures.push(broker_away());
    lock(&store.due).extend([vec![released(1, 1, Lane::Campaign)], vec![released(2, 1, Lane::Campaign)]]);
    step(&mut releaser).await.expect_err("the broker is away");
    let given_back = lock(&store.given_back).clone();
    let [(claims, put_off)] = &given_back[..] else { panic!("one call") };
    assert_eq!(claims[..], [Claim { message: message_id(1), generation: paceline_domain::Generation(1) }]);
    assert_eq!((put_off.not_before, put_off.waits_for), (None, "broker_away"));
    queue.declare_failures.push(broker_away());
    step(&mut releaser).await.expect_err("the broker is away still");
    assert_eq!(lock(&store.claims).len(), 1, "nothing was claimed for a broker that is away");
    step(&mut releaser).await.expect("the broker is back");
    assert_eq!(lock(&queue.published).len(), 1);
}

#[tokio::test]
async fn nothing_is_claimed_while_queues_cannot_be_declared_or_windows_read() {
    let Bench { store, queue, mut releaser } = bench(1.0);
    *lock(&store.windows) = vec![window(sender(1, "gentle"), 0)];
    queue.declare_failures.push(broker_away());
    step(&mut releaser).await.expect_err("the broker is away");
    store.failures.push(unavailable());
    step(&mut releaser).await.expect_err("the database is away");
    assert!(lock(&store.claims).is_empty());
    step(&mut releaser).await.expect("both are back");
    assert_eq!(lock(&store.claims).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_pause_grows_while_nothing_is_due_and_shrinks_with_the_first_release() {
    let Bench { store, mut releaser, .. } = bench(1.0);
    *lock(&store.windows) = vec![window(sender(1, "gentle"), 0)];
    let mut pauses = Vec::new();
    for _ in 0..4 {
        pauses.push(step(&mut releaser).await.expect("nothing is due").as_millis());
    }
    lock(&store.due).push_back(vec![released(1, 1, Lane::Campaign)]);
    pauses.push(step(&mut releaser).await.expect("it releases").as_millis());
    pauses.push(step(&mut releaser).await.expect("nothing is due").as_millis());
    assert_eq!(pauses, [50, 100, 200, 250, 50, 50]);
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_was_cut_is_followed_by_the_next_at_once() {
    let Bench { store, mut releaser, .. } = bench(1.0);
    *lock(&store.windows) = vec![window(sender(1, "unlimited"), 0)];
    lock(&store.due).push_back(vec![released(1, 1, Lane::Campaign)]);
    assert_eq!(step(&mut releaser).await.expect("it releases"), Duration::ZERO);
    assert!(step(&mut releaser).await.expect("nothing is due") > Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn between_two_looks_at_the_whole_fleet_only_those_are_looked_at_that_may_have_room() {
    let Bench { store, mut releaser, .. } = bench(1.0);
    // The second is full, the third works in batches and is full for a moment only.
    *lock(&store.windows) =
        vec![window(sender(1, "gentle"), 0), window(sender(2, "gentle"), 8), window(sender(3, "unlimited"), u32::MAX)];
    for _ in 0..3 {
        step(&mut releaser).await.expect("it looks");
    }
    let looked_at: Vec<Vec<u8>> = lock(&store.partial_looks)
        .iter()
        .map(|look| look.iter().map(|sender| sender.to_bytes()[0]).collect())
        .collect();
    assert_eq!(looked_at, [[1, 3], [1, 3]], "after one look at all");
    tokio::time::advance(Duration::from_secs(1)).await;
    step(&mut releaser).await.expect("it looks");
    assert_eq!(lock(&store.partial_looks).len(), 2, "all again");
}
