//! Pairing, resuming, replacing, logging out, and what a client may not say.

use std::time::Duration;

use paceline_simulator::{Acceptance, PairingOptions, Simulator, SimulatorOptions};
use serde_json::json;

use crate::world::{Client, PERSON, Place, SENDER, world};

#[tokio::test]
async fn a_number_is_paired_by_itself_and_resumes_by_its_credentials() {
    let (simulator, _place) = world().await;
    let (mut first, credentials) = Client::pair(&simulator, SENDER).await;
    first.send_acked(PERSON, "A").await;
    drop(first);
    let mut second = Client::hello(&simulator, SENDER, Some(&credentials)).await;
    assert_eq!(second.next_with("welcome").await["welcome"]["repeats"], "dropped");
    second.send_acked(PERSON, "B").await;
}

#[tokio::test]
async fn a_pairing_code_rotates_and_only_the_latest_is_good() {
    let place = Place::new();
    let pairing = PairingOptions { acceptance: Acceptance::ByCall, rotation: Duration::from_millis(150) };
    let simulator = Simulator::start(SimulatorOptions { pairing, ..place.options() }).await.expect("starts");
    let phone = SENDER.parse().expect("a number");
    let mut client = Client::hello(&simulator, SENDER, None).await;
    let first = client.next_with("pairing").await["pairing"]["code"].as_str().expect("a code").to_owned();
    // The code may rotate once more between reading it and accepting it.
    let mut stale = first.clone();
    loop {
        let code = client.next_with("pairing").await["pairing"]["code"].as_str().expect("a code").to_owned();
        assert_ne!(code, stale);
        assert!(simulator.accept_code(&phone, &stale).await.is_err(), "a code that was replaced is void");
        if simulator.accept_code(&phone, &code).await.is_ok() {
            break;
        }
        stale = code;
    }
    client.next_with("welcome").await;
}

#[tokio::test]
async fn wrong_credentials_are_logged_out() {
    let (simulator, _place) = world().await;
    let mut client = Client::hello(&simulator, SENDER, Some("made up")).await;
    assert_eq!(client.next_frame().await, Some(json!({"over": {"reason": "logged_out"}})));
    assert_eq!(client.next_frame().await, None);
}

#[tokio::test]
async fn the_second_connection_replaces_the_first() {
    let (simulator, _place) = world().await;
    let (mut first, credentials) = Client::pair(&simulator, SENDER).await;
    let mut second = Client::hello(&simulator, SENDER, Some(&credentials)).await;
    second.next_with("welcome").await;
    assert_eq!(first.next_with("over").await["over"]["reason"], "replaced");
    assert_eq!(first.send_refused(PERSON, "A").await["reason"], "over");
    second.send_acked(PERSON, "A").await;
    assert_eq!(simulator.summary().physical_sends, 1);
}

#[tokio::test]
async fn pairing_anew_makes_the_older_credentials_void() {
    let (simulator, _place) = world().await;
    let (mut first, older) = Client::pair(&simulator, SENDER).await;
    let (_second, newer) = Client::pair(&simulator, SENDER).await;
    assert_eq!(first.next_with("over").await["over"]["reason"], "logged_out");
    assert_ne!(older, newer);
    let mut third = Client::hello(&simulator, SENDER, Some(&older)).await;
    assert_eq!(third.next_with("over").await["over"]["reason"], "logged_out");
}

#[tokio::test]
async fn a_client_that_pairs_cannot_send_yet() {
    let place = Place::new();
    let pairing = PairingOptions { acceptance: Acceptance::ByCall, ..PairingOptions::default() };
    let simulator = Simulator::start(SimulatorOptions { pairing, ..place.options() }).await.expect("starts");
    let mut client = Client::hello(&simulator, SENDER, None).await;
    assert_eq!(client.send_refused(PERSON, "A").await["reason"], "unpaired");
    assert_eq!(simulator.summary().physical_sends, 0);
}

#[tokio::test]
async fn a_frame_that_is_not_of_the_protocol_ends_the_connection() {
    let (simulator, _place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    client.say(&json!({"sends": [], "surprise": 1})).await;
    assert_eq!(client.next_frame().await, None);
    let mut client = Client::hello(&simulator, "not a number", None).await;
    assert_eq!(client.next_with("over").await["over"]["reason"], "protocol");
}

#[tokio::test]
async fn no_more_events_are_written_than_the_window_holds() {
    let (simulator, _place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    let sender = SENDER.parse().expect("a number");
    for n in 0..130 {
        let person = PERSON.parse().expect("a number");
        simulator.write_as_person(&person, &sender, &format!("text {n}")).expect("written");
    }
    let first = client.next_events(100).await;
    client.send_acked(PERSON, "A").await;
    assert!(client.heard.is_empty(), "the window is 100");
    client.acknowledge(&first).await;
    let rest = client.next_events(32).await;
    assert_eq!(rest[29]["inbound"]["text"], "text 129");
}
