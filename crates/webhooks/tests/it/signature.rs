//! What a receiver sees, and that it can verify it.

use paceline_store::deliveries::NextTry;
use standardwebhooks::Webhook;

use crate::{receiver::Receiver, world::*};

#[tokio::test]
async fn a_delivery_verifies_by_standard_webhooks() {
    let world = World::new();
    let receiver = Receiver::answering(204).await;
    let delivery = world.add(&receiver.url("/hook?token=abc"));
    let running = world.run();
    let outcomes = world.store.outcomes(1).await;
    running.stop().await;

    assert_eq!(outcomes[0].next, NextTry::Delivered);
    assert_eq!(outcomes[0].status, Some(204));
    let request = &receiver.received()[0];
    let webhook = Webhook::new(SECRET).unwrap();
    webhook.verify(&request.body, &request.headers).unwrap();
    assert_eq!(request.headers["webhook-id"], delivery.event.to_string());
    assert!(!delivery.event.to_string().contains('.'), "the id and the timestamp are joined by a full stop");
    assert_eq!(request.headers["content-type"], "application/json");
    assert!(request.headers["user-agent"].to_str().unwrap().starts_with("Paceline-Webhooks/"));
    assert_eq!(request.path, "/hook");
}

#[tokio::test]
async fn the_body_is_type_timestamp_and_data_in_campaign_time() {
    let world = World::new();
    let receiver = Receiver::answering(200).await;
    world.add(&receiver.url("/"));
    let running = world.run();
    world.store.outcomes(1).await;
    running.stop().await;

    let body = String::from_utf8(receiver.received()[0].body.to_vec()).unwrap();
    assert_eq!(
        body,
        r#"{"type":"message.delivered","timestamp":"2026-03-01T09:30:00.000250Z","data":{"message":"msg_1","note":"žluťoučký 🐎"}}"#
    );
}

#[tokio::test]
async fn a_changed_body_does_not_verify() {
    let world = World::new();
    let receiver = Receiver::answering(200).await;
    world.add(&receiver.url("/"));
    let running = world.run();
    world.store.outcomes(1).await;
    running.stop().await;

    let request = &receiver.received()[0];
    let forged = String::from_utf8(request.body.to_vec()).unwrap().replace("msg_1", "msg_2");
    assert!(Webhook::new(SECRET).unwrap().verify(forged.as_bytes(), &request.headers).is_err());
}

#[tokio::test]
async fn every_try_has_the_same_id_and_body() {
    let world = World::new();
    let receiver = Receiver::answering(500).await;
    world.add(&receiver.url("/"));
    let running = world.run();
    world.store.outcomes(3).await;
    running.stop().await;

    let requests = receiver.received();
    assert!(requests.iter().all(|one| one.headers["webhook-id"] == requests[0].headers["webhook-id"]));
    assert!(requests.iter().all(|one| one.body == requests[0].body));
}
