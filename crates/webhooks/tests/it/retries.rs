//! The schedule, its jitter, and what endpoints ask for.

use std::time::Duration;

use paceline_store::deliveries::{DeliveryOutcome, NextTry};

use crate::{
    receiver::{Receiver, answer},
    world::*,
};

fn delay(outcome: &DeliveryOutcome) -> Duration {
    match &outcome.next {
        NextTry::Retry { after, .. } => *after,
        other => panic!("expected another try, got {other:?}"),
    }
}

#[tokio::test]
async fn a_failing_endpoint_is_tried_seven_times_by_the_schedule_and_then_given_up() {
    let world = World::new();
    let receiver = Receiver::answering(500).await;
    world.add(&receiver.url("/"));
    let running = world.run();
    let outcomes = world.store.outcomes(7).await;
    running.stop().await;

    let scheduled = [5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0];
    for (outcome, scheduled) in outcomes.iter().zip(scheduled) {
        let share = delay(outcome).as_secs_f64() / scheduled;
        assert!((0.85..=1.15).contains(&share), "{share} of {scheduled} s");
    }
    assert_eq!(outcomes[6].next, NextTry::Exhausted { error: "the webhook endpoint answered 500".to_owned() });
    assert_eq!((outcomes[6].status, receiver.received().len()), (Some(500), 7));
}

#[tokio::test]
async fn the_jitter_is_a_function_of_delivery_and_attempt() {
    let receiver = Receiver::answering(500).await;
    let mut delays = Vec::new();
    for _ in 0..2 {
        // Two worlds mint the same ids.
        let world = World::new();
        world.add(&receiver.url("/"));
        world.add(&receiver.url("/"));
        let running = world.run();
        let mut outcomes = world.store.outcomes(2).await;
        running.stop().await;
        outcomes.truncate(2);
        outcomes.sort_by_key(|outcome| outcome.id);
        delays.push(outcomes.iter().map(delay).collect::<Vec<_>>());
    }
    assert_eq!(delays[0], delays[1]);
    assert_ne!(delays[0][0], delays[0][1]);
}

/// The delay after a first try that was answered so, and its error.
async fn first_delay(status: u16, retry_after: &'static str) -> Duration {
    let world = World::new();
    let receiver = Receiver::start(move |_| Some(answer(status, &[("retry-after", retry_after)]))).await;
    world.add(&receiver.url("/"));
    let running = world.run();
    let outcomes = world.store.outcomes(1).await;
    running.stop().await;
    delay(&outcomes[0])
}

#[tokio::test]
async fn retry_after_in_seconds_is_never_undercut() {
    for status in [429, 503] {
        let delay = first_delay(status, "120").await.as_secs_f64();
        assert!((120.0..=138.0).contains(&delay), "{delay}");
    }
}

#[tokio::test]
async fn retry_after_does_not_hasten_the_schedule() {
    assert!(first_delay(429, "0").await > Duration::from_secs(4));
}

#[tokio::test]
async fn retry_after_is_bounded_by_a_day() {
    assert_eq!(first_delay(429, "99999999999").await, Duration::from_hours(24));
    assert_eq!(first_delay(503, "Fri, 01 Jan 2100 00:00:00 GMT").await, Duration::from_hours(24));
}

#[tokio::test]
async fn retry_after_that_is_past_or_nonsense_or_of_another_status_is_not_heeded() {
    for (status, retry_after) in
        [(503, "Thu, 01 Jan 2015 00:00:00 GMT"), (429, "soon"), (429, "-5"), (500, "3600"), (404, "3600")]
    {
        assert!(first_delay(status, retry_after).await < Duration::from_secs(6), "{status} {retry_after}");
    }
}
