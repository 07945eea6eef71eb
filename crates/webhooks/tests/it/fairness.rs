//! Endpoints do not hold up each other.

use std::time::Duration;

use paceline_store::deliveries::NextTry;

use crate::{
    receiver::{Receiver, answer},
    world::*,
};

#[tokio::test]
async fn an_endpoint_that_hangs_does_not_starve_another() {
    let mut world = World::new();
    world.options.concurrency = 4;
    world.options.per_endpoint = 2;
    let receiver = Receiver::start(|request| if request.path == "/slow" { None } else { Some(answer(200, &[])) }).await;
    let (slow, fast) = (world.endpoint(), world.endpoint());
    for _ in 0..50 {
        world.store.add(world.delivery(slow, &receiver.url("/slow")));
    }
    for _ in 0..20 {
        world.store.add(world.delivery(fast, &receiver.url("/fast")));
    }
    let running = world.run();
    let outcomes = world.store.outcomes(20).await;
    assert!(outcomes.iter().all(|outcome| outcome.next == NextTry::Delivered));
    let hanging = receiver.received().iter().filter(|request| request.path == "/slow").count();
    assert_eq!(hanging, 2, "the slow endpoint has its two places and no more");
    drop(running);
}

#[tokio::test]
async fn tries_run_side_by_side_up_to_the_limit() {
    let mut world = World::new();
    world.options.concurrency = 6;
    world.options.per_endpoint = 6;
    let receiver = Receiver::start(|_| None).await;
    for _ in 0..10 {
        world.add(&receiver.url("/"));
    }
    let running = world.run();
    receiver.requests(6).await;
    assert_eq!(world.store.held(), 6);
    receiver.release();
    world.store.outcomes(6).await;
    receiver.requests(10).await;
    receiver.release();
    world.store.outcomes(10).await;
    tokio::time::timeout(Duration::from_secs(5), running.stop()).await.unwrap();
}
