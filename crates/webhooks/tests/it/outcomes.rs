//! What counts as delivered, failed and given up; and what is counted and said about it.

use std::time::Duration;

use paceline_store::deliveries::{DeliveryOutcome, NextTry};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    receiver::{Receiver, answer},
    world::*,
};

async fn first_outcome(world: &World) -> DeliveryOutcome {
    let running = world.run();
    let outcomes = world.store.outcomes(1).await;
    running.stop().await;
    outcomes[0].clone()
}

fn error(outcome: &DeliveryOutcome) -> &str {
    match &outcome.next {
        NextTry::Delivered => panic!("it was delivered"),
        NextTry::Retry { error, .. } | NextTry::Exhausted { error } | NextTry::Gone { error } => error,
    }
}

#[tokio::test]
async fn redirects_are_failures_and_are_not_followed() {
    let world = World::new();
    let receiver = Receiver::start(|request| {
        Some(if request.path == "/other" { answer(200, &[]) } else { answer(307, &[("location", "/other")]) })
    })
    .await;
    world.add(&receiver.url("/"));
    let outcome = first_outcome(&world).await;
    assert_eq!(outcome.status, Some(307));
    assert!(matches!(outcome.next, NextTry::Retry { .. }));
    assert!(receiver.received().iter().all(|request| request.path == "/"));
}

#[tokio::test]
async fn an_endpoint_that_is_gone_is_given_up_at_once_and_switched_off() {
    let world = World::new();
    let receiver = Receiver::answering(410).await;
    world.add(&receiver.url("/"));
    let outcome = first_outcome(&world).await;
    assert_eq!(outcome.status, Some(410));
    assert!(matches!(outcome.next, NextTry::Gone { .. }));
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn an_endpoint_that_hangs_has_timed_out() {
    let mut world = World::new();
    world.options.timeout = Duration::from_millis(200);
    let receiver = Receiver::start(|_| None).await;
    world.add(&receiver.url("/"));
    let outcome = first_outcome(&world).await;
    assert_eq!((outcome.status, error(&outcome)), (None, "no answer within 0.2 s"));
}

#[tokio::test]
async fn an_endpoint_that_refuses_is_tried_again_and_its_url_is_not_repeated() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    world.add(&format!("http://user:hunter1@{address}/?token=hunter2"));
    let outcome = first_outcome(&world).await;
    assert!(matches!(outcome.next, NextTry::Retry { .. }));
    assert!(error(&outcome).starts_with("no connection: "), "{}", error(&outcome));
    assert!(!error(&outcome).contains("hunter"), "{}", error(&outcome));
}

#[tokio::test]
async fn what_can_never_be_sent_is_given_up_with_the_reason() {
    let world = World::new();
    let mut delivery = world.delivery(world.endpoint(), "http://127.0.0.1:9/");
    delivery.secret = "whsec_not base64!".to_owned();
    world.store.add(delivery);
    world.add("ftp://127.0.0.1/");
    world.add("not a url");
    let running = world.run();
    let outcomes = world.store.outcomes(3).await;
    running.stop().await;
    for (outcome, word) in outcomes.iter().zip(["secret", "neither http nor https", "not a URL"]) {
        assert!(matches!(outcome.next, NextTry::Exhausted { .. }));
        assert!(error(outcome).contains(word), "{}", error(outcome));
    }
}

#[tokio::test]
async fn an_endless_answer_is_a_success_whose_body_is_not_read() {
    let world = World::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let flood = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4_096];
        let _ = stream.read(&mut request).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n").await.unwrap();
        let mut written = 0_usize;
        while let Ok(more) = stream.write(&[b'x'; 8_192]).await {
            written += more;
        }
        written
    });
    world.add(&format!("http://{address}/"));
    assert_eq!(first_outcome(&world).await.next, NextTry::Delivered);
    let written = tokio::time::timeout(Duration::from_secs(20), flood).await.expect("we hang up").unwrap();
    assert!(written < 32 << 20, "only the sockets' own buffers filled: {written} bytes");
}

#[tokio::test]
async fn tries_are_counted_by_outcome() {
    let world = World::new();
    let receiver = Receiver::start(|request| Some(answer(request.path[1..].parse().unwrap(), &[]))).await;
    for path in ["/200", "/410"] {
        world.add(&receiver.url(path));
    }
    let running = world.run();
    world.store.outcomes(2).await;
    world.add(&receiver.url("/302"));
    world.store.outcomes(9).await;
    running.stop().await;
    let page = world.metrics.render();
    for line in [
        "paceline_webhook_tries_total{outcome=\"delivered\"} 1",
        "paceline_webhook_tries_total{outcome=\"retry\"} 6",
        "paceline_webhook_tries_total{outcome=\"exhausted\"} 2",
        "paceline_webhook_retries_total{reason=\"redirect\"} 6",
        "paceline_webhook_exhausted_total 2",
        "paceline_webhook_endpoints_disabled_total{reason=\"gone\"} 1",
        "paceline_webhook_duration_seconds_count 9",
        "paceline_webhook_in_flight 0",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} is not in\n{page}");
    }
}
