//! Stopping in order, and a store that comes and goes.

use paceline_store::{StoreError, deliveries::NextTry};

use crate::{receiver::Receiver, world::*};

fn away() -> StoreError {
    StoreError::Unavailable { reason: "locked".to_owned(), source: None }
}

#[tokio::test]
async fn a_stop_finishes_and_records_what_is_in_flight_and_claims_nothing_more() {
    let mut world = World::new();
    world.options.concurrency = 1;
    let receiver = Receiver::start(|_| None).await;
    world.add(&receiver.url("/first"));
    world.add(&receiver.url("/second"));
    let running = world.run();
    receiver.requests(1).await;
    running.stop.cancel();
    let stopping = tokio::spawn(running.stop());
    // The request may reach the receiver a moment before its handler waits; so release until the stop is done.
    while !stopping.is_finished() {
        receiver.release();
        tokio::task::yield_now().await;
    }
    stopping.await.unwrap();

    let outcomes = world.store.outcomes_so_far();
    assert_eq!(outcomes.len(), 1);
    assert_eq!(outcomes[0].next, NextTry::Delivered);
    assert_eq!((world.store.held(), receiver.received().len()), (0, 1));
}

#[tokio::test]
async fn an_outcome_is_kept_until_the_store_takes_it() {
    let world = World::new();
    world.store.refuse_records(vec![away(), away(), away()]);
    let receiver = Receiver::answering(200).await;
    world.add(&receiver.url("/"));
    let running = world.run();
    let outcomes = world.store.outcomes(1).await;
    running.stop().await;
    assert_eq!(outcomes[0].next, NextTry::Delivered);
    assert_eq!(receiver.received().len(), 1, "it was not sent again");
}

#[tokio::test]
async fn one_outcome_that_the_store_cannot_take_does_not_hold_up_the_others() {
    let world = World::new();
    let receiver = Receiver::answering(200).await;
    let bad = world.add(&receiver.url("/"));
    world.store.poison(bad.id);
    for _ in 0..5 {
        world.add(&receiver.url("/"));
    }
    let running = world.run();
    let outcomes = world.store.outcomes(5).await;
    running.stop().await;
    assert!(outcomes.iter().all(|outcome| outcome.id != bad.id));
}
