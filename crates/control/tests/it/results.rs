//! The results role: applied first, acknowledged after, and nothing lost in between.

use std::{sync::Arc, time::Duration};

use paceline_control::{Applier, DeadLetterRecorder, Outages, ResultOptions, ResultsRole, run_role};
use paceline_domain::{DeathReason, WorkerResult};
use paceline_store::{
    dead_letters::DeadBody,
    results::{OptOut, ResultToApply},
};
use paceline_telemetry::Metrics;
use tokio_util::sync::CancellationToken;

use crate::{
    builders::{broker_away, delivered, inbound, meters, noon, refused, sent, unavailable},
    fakes::{FakeDeadLetters, FakeResultQueue, FakeResults, StillClock, lock, step},
};

struct Bench {
    queue: Arc<FakeResultQueue>,
    store: Arc<FakeResults>,
    dead_letters: Arc<FakeDeadLetters>,
    role: ResultsRole,
    metrics: Metrics,
}

fn bench() -> Bench {
    bench_with(ResultOptions::default())
}

fn bench_with(options: ResultOptions) -> Bench {
    let (meters, metrics) = meters();
    let (queue, store) = (Arc::new(FakeResultQueue::default()), Arc::new(FakeResults::default()));
    let (clock, dead_letters) = (StillClock::at(noon(), 1.0), Arc::new(FakeDeadLetters::default()));
    let applier = Arc::new(Applier::new(store.clone(), clock.clone(), Arc::clone(&meters)));
    let recorder = Arc::new(DeadLetterRecorder::new(dead_letters.clone(), clock, meters));
    let role = ResultsRole::new(0, queue.clone(), applier, recorder, options);
    Bench { queue, store, dead_letters, role, metrics }
}

#[tokio::test]
async fn what_has_arrived_is_applied_in_one_transaction_and_then_acknowledged() {
    let Bench { queue, store, mut role, metrics, .. } = bench();
    queue.deliver(1, vec![sent(1), sent(2)]);
    queue.deliver(2, vec![delivered(1)]);
    step(&mut role).await.expect("they are applied");
    assert_eq!(lock(&store.applied).len(), 1);
    assert_eq!(store.results(), [sent(1), sent(2), delivered(1)]);
    assert_eq!(queue.acked(), [1, 2]);
    let shown = metrics.render();
    for line in [
        "paceline_results_total{kind=\"sent\"} 2",
        "paceline_results_total{kind=\"receipt_delivered\"} 1",
        "paceline_result_effects_total{effect=\"applied\"} 3",
        "paceline_result_batch_size_sum 3",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
    }
}

#[tokio::test]
async fn a_batch_ends_at_about_its_limit() {
    let Bench { queue, store, mut role, .. } = bench_with(ResultOptions { batch: 10, ..ResultOptions::default() });
    for number in 0..6 {
        queue.deliver(usize::try_from(number).expect("small"), (0..4).map(|part| sent(number * 10 + part)).collect());
    }
    for _ in 0..2 {
        step(&mut role).await.expect("they are applied");
    }
    let sizes: Vec<_> = lock(&store.applied).iter().map(Vec::len).collect();
    assert_eq!(sizes, [12, 12]);
}

#[tokio::test]
async fn only_an_incoming_message_that_is_an_opt_out_word_opts_out() {
    let Bench { queue, store, mut role, metrics, .. } = bench();
    let texts = ["STOP", " stop. ", "please stop calling me", "Hello", "unsubscribe"];
    let results: Vec<WorkerResult> =
        (1_u64..).zip(texts).map(|(number, text)| inbound(number, text)).chain([sent(1)]).collect();
    queue.deliver(1, results);
    step(&mut role).await.expect("they are applied");
    let verdicts: Vec<_> = lock(&store.applied).iter().flatten().map(|result| result.opt_out).collect();
    assert_eq!(verdicts, [OptOut::Yes, OptOut::Yes, OptOut::No, OptOut::No, OptOut::Yes, OptOut::No]);
    assert!(metrics.render().lines().any(|line| line == "paceline_opt_outs_total 3"));
}

#[tokio::test]
async fn while_the_database_is_away_nothing_is_acknowledged_and_nothing_lost() {
    let Bench { queue, store, mut role, .. } = bench();
    for _ in 0..3 {
        store.failures.push(unavailable());
    }
    queue.deliver(1, vec![sent(1)]);
    for _ in 0..3 {
        step(&mut role).await.expect_err("the database is away");
        assert!(queue.acked().is_empty());
    }
    queue.deliver(2, vec![sent(2)]);
    step(&mut role).await.expect("the batch in hand first");
    assert_eq!((queue.acked(), store.results()), (vec![1], vec![sent(1)]));
    step(&mut role).await.expect("then the next");
    assert_eq!((queue.acked(), store.results()), (vec![1, 2], vec![sent(1), sent(2)]));
}

#[tokio::test(start_paused = true)]
async fn a_result_that_the_store_refuses_does_not_keep_the_others_and_is_taken_later() {
    let Bench { queue, store, mut role, metrics, .. } = bench();
    lock(&store.poison).insert(sent(2).id());
    queue.deliver(1, vec![sent(1)]);
    queue.deliver(2, vec![sent(2), sent(3)]);
    queue.deliver(3, vec![sent(4)]);
    step(&mut role).await.expect("it goes on");
    assert_eq!(store.results(), [sent(1), sent(3), sent(4)]);
    assert_eq!(queue.acked(), [1, 3]);
    let shown = metrics.render();
    for line in ["paceline_results_refused_total{kind=\"sent\"} 1", "paceline_refused_deliveries{shard=\"0\"} 1"] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
    }
    lock(&store.poison).clear();
    step(&mut role).await.expect("the time to try again comes");
    assert_eq!(store.results(), [sent(1), sent(3), sent(4), sent(2)]);
    assert_eq!(queue.acked(), [1, 3, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_refused_to_the_end_is_a_dead_letter() {
    let Bench { queue, store, dead_letters, role, metrics } = bench();
    lock(&store.poison).insert(sent(1).id());
    dead_letters.failures.push(refused());
    dead_letters.failures.push(unavailable());
    queue.deliver(1, vec![sent(1)]);
    queue.deliver(2, vec![sent(2)]);
    let (outages, stop) = (Arc::new(Outages::new(&meters().0)), CancellationToken::new());
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { run_role(role, &outages, &stop).await }
    });
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert_eq!(queue.acked(), [2], "it is still tried");
    queue.deliver(3, vec![sent(3)]);
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(queue.acked(), [2, 3, 1]);
    let kept: Vec<_> = lock(&dead_letters.kept).iter().map(|letter| (letter.reason, letter.body.clone())).collect();
    let body = DeadBody::Result(Box::new(ResultToApply { result: sent(1), opt_out: OptOut::No }));
    assert_eq!(kept, [(DeathReason::Refused, body)], "it is kept before it is acknowledged");
    assert!(metrics.render().lines().any(|line| line == "paceline_results_given_up_total{kind=\"sent\"} 1"));
    stop.cancel();
    running.await.expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn a_store_that_refuses_everything_costs_nothing_and_stops_the_intake() {
    let Bench { queue, store, role, .. } = bench_with(ResultOptions { refused_limit: 3, ..ResultOptions::default() });
    let numbers: Vec<u64> = (1..=6).collect();
    for &number in &numbers {
        lock(&store.poison).insert(sent(number).id());
    }
    let (outages, stop) = (Arc::new(Outages::new(&meters().0)), CancellationToken::new());
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { run_role(role, &outages, &stop).await }
    });
    for &number in &numbers {
        queue.deliver(usize::try_from(number).expect("small"), vec![sent(number)]);
        tokio::time::sleep(Duration::from_secs(10)).await;
    }
    assert_eq!((queue.acked(), queue.left()), (vec![], 3), "three set aside, three not taken");
    lock(&store.poison).clear();
    tokio::time::sleep(Duration::from_secs(20)).await;
    let mut acked = queue.acked();
    acked.sort_unstable();
    assert_eq!(acked, [1, 2, 3, 4, 5, 6]);
    stop.cancel();
    running.await.expect("it ends");
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_ends_is_made_again() {
    let Bench { queue, store, mut role, .. } = bench();
    queue.deliver(1, vec![sent(1)]);
    step(&mut role).await.expect("the first consumer");
    queue.end_consumer();
    assert!(step(&mut role).await.expect("the consumer ends") > Duration::ZERO, "not at once");
    queue.deliver(2, vec![sent(2)]);
    step(&mut role).await.expect("the second consumer");
    assert_eq!((store.results(), *lock(&queue.consumers)), (vec![sent(1), sent(2)], 2));
}

#[tokio::test(start_paused = true)]
async fn a_consumer_that_hears_nothing_for_long_is_made_again() {
    let Bench { queue, store, mut role, .. } = bench();
    queue.deliver(1, vec![sent(1)]);
    step(&mut role).await.expect("the first consumer");
    let begun = tokio::time::Instant::now();
    assert!(step(&mut role).await.expect("it hears nothing") > Duration::ZERO, "not at once");
    let silence = begun.elapsed();
    assert!((Duration::from_secs(20)..Duration::from_mins(1)).contains(&silence), "{silence:?}");
    queue.deliver(2, vec![sent(2)]);
    step(&mut role).await.expect("the second consumer");
    assert_eq!((store.results(), *lock(&queue.consumers)), (vec![sent(1), sent(2)], 2));
}

#[tokio::test]
async fn a_broker_that_is_away_is_an_error_of_the_step_only() {
    let Bench { queue, store, mut role, .. } = bench();
    queue.failures.push(broker_away());
    step(&mut role).await.expect_err("no consumer");
    queue.deliver(1, vec![sent(1)]);
    step(&mut role).await.expect("now there is one");
    assert_eq!(store.results(), [sent(1)]);
}

#[tokio::test]
async fn a_stop_ends_the_waiting_for_results() {
    let Bench { role, .. } = bench();
    let (outages, stop) = (Arc::new(Outages::new(&meters().0)), CancellationToken::new());
    let running = tokio::spawn({
        let stop = stop.clone();
        async move { run_role(role, &outages, &stop).await }
    });
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(5), running).await.expect("it ends at once").expect("without panic");
}
