//! What survives when a worker or the simulator itself goes away.

use std::io::Write;

use paceline_simulator::{Simulator, StartError};
use serde_json::json;

use crate::world::{Client, PERSON, SENDER, journal_lines, say, until, world};

#[tokio::test]
async fn unacknowledged_events_come_again_and_acknowledged_ones_do_not() {
    let (simulator, _place) = world().await;
    let (mut first, credentials) = Client::pair(&simulator, SENDER).await;
    first.send_acked(PERSON, "A").await;
    first.send_acked(PERSON, "B").await;
    drop(first);
    let mut second = Client::hello(&simulator, SENDER, Some(&credentials)).await;
    let events = second.next_events(4).await;
    let said: Vec<_> = events.iter().map(say).collect();
    assert_eq!(said, ["delivered A", "read A", "delivered B", "read B"]);
    second.acknowledge(&[events[0].clone(), events[2].clone()]).await;
    until("the network forgot two", async || (simulator.pending().unacknowledged == 2).then_some(())).await;
    drop(second);
    let mut third = Client::hello(&simulator, SENDER, Some(&credentials)).await;
    let said: Vec<_> = third.next_events(2).await.iter().map(say).collect();
    assert_eq!(said, ["read A", "read B"]);
}

#[tokio::test]
async fn a_simulator_that_crashed_knows_numbers_and_ids_again() {
    let (simulator, place) = world().await;
    let (mut client, credentials) = Client::pair(&simulator, SENDER).await;
    client.send_acked(PERSON, "A").await;
    drop(simulator);
    while client.next_frame().await.is_some() {}

    let simulator = place.start_again().await;
    assert_eq!(simulator.summary().physical_sends, 1);
    let mut client = Client::hello(&simulator, SENDER, Some(&credentials)).await;
    client.next_with("welcome").await;
    client.send_acked(PERSON, "A").await;
    assert_eq!(simulator.summary().repeats_dropped, 1);
    assert_eq!(journal_lines(&place)[1]["n"], json!(2));
}

#[tokio::test]
async fn a_line_that_a_crash_left_unfinished_does_not_count() {
    let (simulator, place) = world().await;
    let (mut client, credentials) = Client::pair(&simulator, SENDER).await;
    client.send_acked(PERSON, "A").await;
    simulator.stop().await;
    let mut file = std::fs::OpenOptions::new().append(true).open(place.journal()).expect("the journal");
    file.write_all(br#"{"n":2,"at":"2025-"#).expect("torn");
    drop(file);

    let simulator = place.start_again().await;
    let mut client = Client::hello(&simulator, SENDER, Some(&credentials)).await;
    client.next_with("welcome").await;
    client.send_acked(PERSON, "B").await;
    let ids: Vec<_> = journal_lines(&place).iter().map(|line| line["id"].clone()).collect();
    assert_eq!(ids, ["A", "B"]);
}

#[tokio::test]
async fn a_damaged_journal_refuses_to_start_and_names_the_line() {
    let (simulator, place) = world().await;
    simulator.stop().await;
    std::fs::write(place.journal(), "{}\n").expect("written");
    let error = Simulator::start(place.options()).await.err().expect("refused");
    assert!(matches!(&error, StartError::File { .. }), "{error}");
    assert!(error.to_string().contains("line 1"), "{error}");
}

#[tokio::test]
async fn two_simulators_cannot_share_a_journal() {
    let (_simulator, place) = world().await;
    let error = Simulator::start(place.options()).await.err().expect("refused");
    assert!(matches!(error, StartError::File { source, .. } if source.kind() == std::io::ErrorKind::ResourceBusy));
}

#[tokio::test]
async fn stopping_tells_the_sessions() {
    let (simulator, _place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    let stopping = tokio::spawn(simulator.stop());
    assert_eq!(client.next_with("over").await["over"]["reason"], "stopping");
    drop(client);
    stopping.await.expect("stopped");
}
