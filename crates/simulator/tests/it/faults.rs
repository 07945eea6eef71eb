//! Each fault, caused through the handle.

use chrono::TimeDelta;
use paceline_domain::{Clock, PhoneNumber};
use paceline_simulator::{FaultKind, FaultRequest, RefusalReason, Simulator, SimulatorOptions};
use serde_json::json;

use crate::world::{Client, OTHER_SENDER, PERSON, Place, SENDER, journal_lines, say, until, world};

fn fault(kind: FaultKind) -> FaultRequest {
    FaultRequest { sender: Some(SENDER.parse().expect("a number")), ..FaultRequest::new(kind) }
}

#[tokio::test]
async fn a_lost_acknowledgement_is_still_a_send() {
    let (simulator, place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    simulator.add_fault(FaultRequest { count: Some(1), ..fault(FaultKind::LoseAck) }).expect("a fault");
    client.send(PERSON, "A").await;
    let events: Vec<_> = client.next_events(2).await.iter().map(say).collect();
    assert_eq!(events, ["delivered A", "read A"], "it happened");
    client.send_acked(PERSON, "B").await;
    assert_eq!(journal_lines(&place).len(), 2);
    assert_eq!(simulator.list_faults()[0].struck, 1);
}

#[tokio::test]
async fn a_slow_acknowledgement_lets_a_later_one_pass() {
    let (simulator, _place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    let slow = FaultRequest { count: Some(1), delay_ms: Some(300), ..fault(FaultKind::SlowAck) };
    simulator.add_fault(slow).expect("a fault");
    let slow = client.send(PERSON, "A").await;
    let prompt = client.send(PERSON, "B").await;
    assert_eq!(client.next_with("acks").await["acks"], json!([prompt]));
    assert_eq!(client.next_with("acks").await["acks"], json!([slow]));
}

#[tokio::test]
async fn a_dropped_message_is_acknowledged_and_never_seen() {
    let (simulator, _place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    simulator.add_fault(FaultRequest { count: Some(1), ..fault(FaultKind::DropMessage) }).expect("a fault");
    client.send_acked(PERSON, "A").await;
    client.send_acked(PERSON, "B").await;
    let events: Vec<_> = client.next_events(2).await.iter().map(say).collect();
    assert_eq!(events, ["delivered B", "read B"]);
    let summary = simulator.summary();
    assert_eq!((summary.physical_sends, summary.messages_seen), (2, 1));
}

#[tokio::test]
async fn receipts_come_twice() {
    let (simulator, _place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    simulator.add_fault(fault(FaultKind::ReceiptsDoubled)).expect("a fault");
    client.send_acked(PERSON, "A").await;
    let events: Vec<_> = client.next_events(4).await.iter().map(say).collect();
    assert_eq!(events, ["delivered A", "delivered A", "read A", "read A"]);
}

#[tokio::test]
async fn receipts_come_out_of_order() {
    let (simulator, _place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    simulator.add_fault(fault(FaultKind::ReceiptsReordered)).expect("a fault");
    client.send_acked(PERSON, "A").await;
    let events: Vec<_> = client.next_events(2).await.iter().map(say).collect();
    assert_eq!(events, ["read A", "delivered A"]);
}

#[tokio::test]
async fn a_connection_breaks_at_once_without_a_word() {
    let (simulator, _place) = world().await;
    let (mut client, credentials) = Client::pair(&simulator, SENDER).await;
    simulator.add_fault(fault(FaultKind::Disconnect)).expect("a fault");
    assert_eq!(client.next_frame().await, None);
    assert!(simulator.list_faults().is_empty(), "it happens once");
    Client::hello(&simulator, SENDER, Some(&credentials)).await.next_with("welcome").await;
}

#[tokio::test]
async fn a_connection_breaks_behind_the_acknowledgement_of_the_nth_send() {
    let (simulator, place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    simulator.add_fault(FaultRequest { after_sends: Some(2), ..fault(FaultKind::Disconnect) }).expect("a fault");
    client.send_acked(PERSON, "A").await;
    client.send_acked(PERSON, "B").await;
    while let Some(frame) = client.next_frame().await {
        assert!(frame.get("over").is_none(), "without a word, not {frame}");
    }
    assert_eq!(journal_lines(&place).len(), 2);
}

#[tokio::test]
async fn a_suspension_refuses_sends_and_connections_until_its_end() {
    let (simulator, place) = world().await;
    let (mut client, credentials) = Client::pair(&simulator, SENDER).await;
    let until = place.clock.now() + TimeDelta::hours(1);
    simulator.add_fault(FaultRequest { until: Some(until), ..fault(FaultKind::TemporaryBan) }).expect("a fault");
    assert_eq!(client.next_with("over").await["over"], json!({"reason": "suspended", "until": until}));
    assert_eq!(client.send_refused(PERSON, "A").await["reason"], "suspended");
    let mut again = Client::hello(&simulator, SENDER, Some(&credentials)).await;
    assert_eq!(again.next_with("over").await["over"]["until"], json!(until));
    place.clock.advance(TimeDelta::hours(1));
    let mut again = Client::hello(&simulator, SENDER, Some(&credentials)).await;
    again.next_with("welcome").await;
    again.send_acked(PERSON, "A").await;
}

#[tokio::test]
async fn a_ban_is_for_good_and_survives_a_restart_until_it_is_removed() {
    let (simulator, place) = world().await;
    let (mut client, credentials) = Client::pair(&simulator, SENDER).await;
    simulator.add_fault(fault(FaultKind::PermanentBan)).expect("a fault");
    assert_eq!(client.next_with("over").await["over"], json!({"reason": "banned"}));
    drop(client);
    simulator.stop().await;
    let simulator = place.start_again().await;
    let mut client = Client::hello(&simulator, SENDER, Some(&credentials)).await;
    assert_eq!(client.next_with("over").await["over"]["reason"], "banned");
    simulator.clear_faults();
    Client::hello(&simulator, SENDER, Some(&credentials)).await.next_with("welcome").await;
}

#[tokio::test]
async fn a_fault_of_one_sender_leaves_the_others_alone() {
    let (simulator, _place) = world().await;
    let (mut struck, _) = Client::pair(&simulator, SENDER).await;
    let (mut spared, _) = Client::pair(&simulator, OTHER_SENDER).await;
    let reject = FaultRequest { reason: Some(RefusalReason::Blocked), ..fault(FaultKind::Reject) };
    let id = simulator.add_fault(reject).expect("a fault");
    assert_eq!(struck.send_refused(PERSON, "A").await["reason"], "blocked");
    spared.send_acked(PERSON, "B").await;
    assert!(simulator.remove_fault(id));
    struck.send_acked(PERSON, "A").await;
}

#[tokio::test]
async fn throttling_says_until_when() {
    let (simulator, place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    let (reason, seconds) = (Some(RefusalReason::Throttled), Some(90.0));
    simulator.add_fault(FaultRequest { reason, seconds, ..fault(FaultKind::Reject) }).expect("a fault");
    let refusal = client.send_refused(PERSON, "A").await;
    assert_eq!(refusal["until"], json!(place.clock.now() + TimeDelta::seconds(90)));
}

#[tokio::test]
async fn repeats_can_be_switched_while_sessions_are_up() {
    let (simulator, _place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    client.send_acked(PERSON, "A").await;
    let id = simulator.add_fault(fault(FaultKind::RepeatsDelivered)).expect("a fault");
    assert_eq!(client.next_with("welcome").await["welcome"]["repeats"], "delivered");
    client.send_acked(PERSON, "A").await;
    assert_eq!(simulator.summary().duplicates, 1);
    assert!(simulator.remove_fault(id));
    assert_eq!(client.next_with("welcome").await["welcome"]["repeats"], "dropped");
}

#[tokio::test]
async fn a_probability_draws_from_the_seed() {
    let strikes = async || {
        let (simulator, place) = world().await;
        let (mut client, _) = Client::pair(&simulator, SENDER).await;
        let dropping = FaultRequest { probability: Some(0.5), ..fault(FaultKind::DropMessage) };
        simulator.add_fault(dropping).expect("a fault");
        for n in 0..60 {
            client.send_acked(PERSON, &format!("A{n}")).await;
        }
        journal_lines(&place).iter().map(|line| line["seen"] == json!(true)).collect::<Vec<_>>()
    };
    let first = strikes().await;
    let seen = first.iter().filter(|seen| **seen).count();
    assert!((15..45).contains(&seen), "{seen} of 60 seen");
    assert_eq!(first, strikes().await);
}

#[tokio::test]
async fn a_script_causes_faults_at_their_times() {
    let place = Place::new();
    let script = place.files.path().join("faults.toml");
    let text = "[[fault]]\nkind = \"permanent_ban\"\nsender = \"+15550100\"\nafter_seconds = 60.0\n\
                [[fault]]\nkind = \"lose_ack\"\nafter_sends = 1\ncount = 1\n";
    std::fs::write(&script, text).expect("written");
    let options = SimulatorOptions { script: Some(script), ..place.options() };
    let simulator = Simulator::start(options).await.expect("starts");
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    client.send_acked(PERSON, "A").await;
    client.send(PERSON, "B").await;
    client.send_acked(PERSON, "C").await;
    let lose_ack = &simulator.list_faults()[1];
    assert_eq!((lose_ack.request.kind, lose_ack.struck), (FaultKind::LoseAck, 1));
    until("three were taken", async || (simulator.summary().physical_sends == 3).then_some(())).await;
    place.clock.advance(TimeDelta::seconds(61));
    assert_eq!(client.next_with("over").await["over"]["reason"], "banned");
}

#[tokio::test]
async fn a_script_with_a_mistake_is_refused_with_its_place() {
    let place = Place::new();
    for (name, text, expected) in [
        ("a.toml", "[[fault]]\nkind = \"lose_ack\"\nsurprise = 1\n", "unknown field `surprise`"),
        ("b.json", r#"{"fault": [{"kind": "lose_ack"}, {"kind": "slow_ack"}]}"#, "entry 2"),
    ] {
        let script = place.files.path().join(name);
        std::fs::write(&script, text).expect("written");
        let options = SimulatorOptions { script: Some(script), ..place.options() };
        let error = Simulator::start(options).await.err().expect("refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_number_can_be_banned_before_it_ever_connects() {
    let (simulator, _place) = world().await;
    let sender: Option<PhoneNumber> = Some(SENDER.parse().expect("a number"));
    simulator.add_fault(FaultRequest { sender, ..FaultRequest::new(FaultKind::PermanentBan) }).expect("a fault");
    let mut client = Client::hello(&simulator, SENDER, None).await;
    assert_eq!(client.next_with("over").await["over"]["reason"], "banned");
}
