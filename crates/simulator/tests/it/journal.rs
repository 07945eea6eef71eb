//! The journal: what is in it, when, and what it adds up to.

use paceline_domain::Repeats;
use paceline_simulator::{Simulator, SimulatorOptions};
use serde_json::json;

use crate::world::{Client, OTHER_SENDER, PERSON, Place, SENDER, journal_lines, world};

#[tokio::test]
async fn a_send_is_in_the_file_by_the_time_it_is_acknowledged() {
    let (simulator, place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    for n in 1..=20_usize {
        client.send_acked(PERSON, &format!("A{n}")).await;
        let lines = journal_lines(&place);
        assert_eq!(lines.len(), n);
        assert_eq!(lines[n - 1]["id"], format!("A{n}"));
    }
    let expected = json!({
        "n": 1, "at": "2025-10-09T08:53:20.000000Z", "sender": SENDER, "recipient": PERSON, "id": "A1",
        "text_hash": "c475d813b8c8a367528c459a1e9e6c28", "repeat": false, "seen": true
    });
    assert_eq!(journal_lines(&place)[0], expected);
}

#[tokio::test]
async fn equal_texts_have_equal_hashes_and_others_do_not() {
    let (simulator, place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    for (n, text) in [(1, "same"), (2, "same"), (3, "other")] {
        client.say(&json!({"sends": [{"n": n, "id": format!("A{n}"), "to": PERSON, "text": text}]})).await;
        client.next_with("acks").await;
    }
    let hashes: Vec<_> = journal_lines(&place).iter().map(|line| line["text_hash"].clone()).collect();
    assert_eq!(hashes[0], hashes[1]);
    assert_ne!(hashes[0], hashes[2]);
}

#[tokio::test]
async fn a_repeated_id_is_journalled_and_dropped() {
    let (simulator, place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    client.send_acked(PERSON, "A").await;
    client.send_acked(PERSON, "A").await;
    let summary = simulator.summary();
    assert_eq!((summary.physical_sends, summary.distinct_messages, summary.messages_seen), (2, 1, 1));
    assert_eq!((summary.repeats_dropped, summary.duplicates), (1, 0));
    let lines = journal_lines(&place);
    assert_eq!((&lines[1]["repeat"], &lines[1]["seen"]), (&json!(true), &json!(false)));
    let inbox = simulator.list_inbox(&PERSON.parse().expect("a number")).await.expect("the inbox");
    assert_eq!(inbox.len(), 1);
    assert_eq!(inbox[0].text.as_deref(), Some("text of A"));
}

#[tokio::test]
async fn a_network_that_delivers_repeats_shows_them_twice_and_says_so() {
    let place = Place::new();
    let options = SimulatorOptions { repeats: Repeats::Delivered, ..place.options() };
    let simulator = Simulator::start(options).await.expect("starts");
    let mut client = Client::hello(&simulator, SENDER, None).await;
    assert_eq!(client.next_with("welcome").await["welcome"]["repeats"], "delivered");
    client.send_acked(PERSON, "A").await;
    client.send_acked(PERSON, "A").await;
    let summary = simulator.summary();
    assert_eq!((summary.duplicates, summary.repeats, summary.repeats_dropped), (1, 1, 0));
    assert_eq!(client.next_events(4).await.len(), 4, "receipts of both");
}

#[tokio::test]
async fn the_same_id_from_two_numbers_is_a_duplicate() {
    let (simulator, _place) = world().await;
    let (mut one, _) = Client::pair(&simulator, SENDER).await;
    let (mut two, _) = Client::pair(&simulator, OTHER_SENDER).await;
    one.send_acked(PERSON, "A").await;
    two.send_acked(PERSON, "A").await;
    let summary = simulator.summary();
    assert_eq!((summary.distinct_messages, summary.duplicates, summary.repeats), (1, 1, 0));
}

#[tokio::test]
async fn refused_sends_are_not_in_the_journal() {
    let (simulator, place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    assert_eq!(client.send_refused("+15550104", "A").await["reason"], "not_on_whatsapp");
    assert_eq!(client.send_refused("5550177", "B").await["reason"], "refused");
    assert_eq!(client.send_refused(PERSON, "an id with spaces").await["reason"], "refused");
    assert!(journal_lines(&place).is_empty());
}

#[tokio::test]
async fn many_sends_in_one_frame_are_each_answered_and_journalled_in_order() {
    let (simulator, place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    let sends: Vec<_> = (0..200).map(|n| json!({"n": n, "id": format!("A{n}"), "to": PERSON, "text": "hi"})).collect();
    client.say(&json!({"sends": sends})).await;
    let mut acks = Vec::new();
    while acks.len() < 200 {
        acks.append(client.next_with("acks").await["acks"].as_array_mut().expect("acks"));
    }
    let ids: Vec<_> = journal_lines(&place).iter().map(|line| line["id"].clone()).collect();
    assert_eq!(ids, (0..200).map(|n| json!(format!("A{n}"))).collect::<Vec<_>>());
}
