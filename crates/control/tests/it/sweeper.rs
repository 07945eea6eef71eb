//! The sweeper: each duty moves what is due, again while there is more, whatever the others meet.

use std::{sync::Arc, time::Duration};

use paceline_control::{Applier, Duty, Outages, SweepOptions, Sweeper, run_role};
use tokio_util::sync::CancellationToken;

use crate::{
    builders::{meters, noon, refused, sent, unavailable},
    fakes::{FakeResults, FakeSweeps, StillClock, lock, step},
};

fn sweeper(duty: Duty, store: &Arc<FakeSweeps>, results: &Arc<FakeResults>) -> Sweeper {
    let (meters, _) = meters();
    let clock = StillClock::at(noon(), 1.0);
    let applier = Arc::new(Applier::new(results.clone(), clock.clone(), meters));
    Sweeper::new(duty, store.clone(), clock, applier)
}

#[tokio::test]
async fn each_duty_repeats_while_a_full_batch_is_found_and_then_rests() {
    let cadences = [
        ("start_scheduled", 200),
        ("complete_campaigns", 200),
        ("expire_messages", 1_000),
        ("cancel_messages", 200),
        ("reclaim_releases", 1_000),
        ("abort_stale_uploads", 5_000),
        ("lose_abandoned", 5_000),
        ("settle_unknown", 5_000),
        ("end_deliveries", 1_000),
        ("purge", 3_600_000),
    ];
    for duty in Duty::ALL.into_iter().filter(|duty| *duty != Duty::ApplyLostResults) {
        let store = Arc::new(FakeSweeps::default());
        lock(&store.due).insert(duty.as_str(), 2_500);
        let mut sweeper = sweeper(duty, &store, &Arc::default());
        assert_eq!(step(&mut sweeper).await.unwrap(), Duration::ZERO);
        assert_eq!(step(&mut sweeper).await.unwrap(), Duration::ZERO);
        let cadence = step(&mut sweeper).await.unwrap();
        assert_eq!(store.calls_of(duty.as_str()), [1_000, 1_000, 500]);
        let expected = cadences.iter().find(|(word, _)| *word == duty.as_str()).expect("each has a cadence").1;
        assert_eq!(cadence, Duration::from_millis(expected), "{}", duty.as_str());
    }
}

#[tokio::test]
async fn an_outcome_whose_result_was_lost_is_applied() {
    let (store, results) = (Arc::new(FakeSweeps::default()), Arc::new(FakeResults::default()));
    *lock(&store.lost) = vec![sent(1), sent(2)];
    step(&mut sweeper(Duty::ApplyLostResults, &store, &results)).await.expect("they are applied");
    assert_eq!(results.results(), [sent(1), sent(2)]);
    assert_eq!(lock(&results.applied).len(), 1, "in one transaction");
}

#[tokio::test]
async fn one_outcome_that_the_store_refuses_does_not_keep_the_others() {
    let (store, results) = (Arc::new(FakeSweeps::default()), Arc::new(FakeResults::default()));
    *lock(&store.lost) = vec![sent(1), sent(2), sent(3)];
    lock(&results.poison).insert(sent(2).id());
    let refused = step(&mut sweeper(Duty::ApplyLostResults, &store, &results)).await;
    assert!(refused.is_err(), "an operator is told");
    assert_eq!(results.results(), [sent(1), sent(3)]);
}

#[tokio::test(start_paused = true)]
async fn trouble_with_one_duty_never_stops_another_and_it_goes_on_by_itself() {
    let (meters, _) = meters();
    let (store, outages) = (Arc::new(FakeSweeps::default()), Arc::new(Outages::new(&meters)));
    for error in [unavailable(), refused(), unavailable()] {
        store.expire_failures.push(error);
    }
    let stop = CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    for duty in [Duty::ExpireMessages, Duty::CompleteCampaigns] {
        let sweeper = sweeper(duty, &store, &Arc::default()).with_options(SweepOptions::default());
        let (outages, stop) = (Arc::clone(&outages), stop.clone());
        tasks.spawn(async move { run_role(sweeper, &outages, &stop).await });
    }
    // Three failures take 100, 200 and 400 ms.
    tokio::time::sleep(Duration::from_millis(650)).await;
    assert_eq!(store.calls_of("expire_messages").len(), 0);
    assert_eq!(store.calls_of("complete_campaigns").len(), 4, "every 200 ms");
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(store.calls_of("expire_messages").len(), 1);
    stop.cancel();
    while tasks.join_next().await.is_some() {}
}
