//! People, on a clock that is moved by hand.

use chrono::TimeDelta;
use paceline_simulator::{PeopleOptions, Simulator, SimulatorHandle, SimulatorOptions, StartError};

use crate::world::{Client, PERSON, Place, SENDER, say, until, world};

async fn world_with_delays(seed: u64) -> (SimulatorHandle, Place) {
    let place = Place::new();
    let people = PeopleOptions { reply: 0.3, ..PeopleOptions::default() };
    let options = SimulatorOptions { seed, people, ..place.options() };
    (Simulator::start(options).await.expect("starts"), place)
}

/// Sends to thirty people and lets two hours pass; everything that happened, in order, with its time.
async fn everything_that_happens(seed: u64) -> Vec<String> {
    let (simulator, place) = world_with_delays(seed).await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    for n in 35..65 {
        client.send_acked(&format!("+155502{n}"), &format!("A{n}")).await;
    }
    let mut happened = Vec::new();
    while let Some(next) = simulator.pending().next_at {
        place.clock.advance((next - paceline_domain::Clock::now(&*place.clock)).max(TimeDelta::zero()));
        until("it happened", async || (simulator.pending().next_at != Some(next)).then_some(())).await;
        let events = client.next_events(simulator.pending().unacknowledged).await;
        client.acknowledge(&events).await;
        happened.extend(events.iter().map(|event| format!("{} {}", event["at"], say(event))));
        until("they were acknowledged", async || (simulator.pending().unacknowledged == 0).then_some(())).await;
    }
    happened
}

#[tokio::test]
async fn the_same_seed_and_sends_give_the_same_receipts_and_replies() {
    let first = everything_that_happens(5).await;
    assert!(first.iter().filter(|line| line.contains(" delivered ")).count() == 30, "{first:#?}");
    assert!(first.iter().any(|line| line.contains(" inbound ")), "somebody answers");
    assert_eq!(first, everything_that_happens(5).await);
    assert_ne!(first, everything_that_happens(6).await);
}

#[tokio::test]
async fn nothing_happens_until_the_clock_moves() {
    let (simulator, place) = world_with_delays(1).await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    client.send_acked(PERSON, "A").await;
    let pending = simulator.pending();
    assert_eq!((pending.scheduled, pending.unacknowledged), (1, 0));
    assert!(!simulator.is_quiet());
    place.clock.advance(TimeDelta::hours(2));
    let events = client.next_events(1).await;
    assert_eq!(say(&events[0]), "delivered A");
}

#[tokio::test]
async fn the_network_is_quiet_once_everything_happened_and_was_acknowledged() {
    let (simulator, _place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    assert!(simulator.is_quiet());
    client.send_acked(PERSON, "A").await;
    let events = client.next_events(2).await;
    assert!(!simulator.is_quiet(), "two events are unacknowledged");
    client.acknowledge(&events).await;
    until("it is quiet", async || simulator.is_quiet().then_some(())).await;
}

#[tokio::test]
async fn the_last_digits_decide_who_opts_out_and_who_replies() {
    let (simulator, _place) = world().await;
    let (mut client, _) = Client::pair(&simulator, SENDER).await;
    for digits in ["05", "15", "35"] {
        client.send_acked(&format!("+155502{digits}"), digits).await;
    }
    let events = client.next_events(8).await;
    let said: Vec<_> = events.iter().map(say).collect();
    let replies: Vec<_> = said.iter().filter(|line| line.starts_with("inbound")).collect();
    assert_eq!(replies.len(), 2, "{said:?}");
    assert!(replies[0].contains("+15550205") && replies[1].contains("+15550215"), "{replies:?}");
}

#[tokio::test]
async fn shares_beyond_one_are_refused_by_name() {
    let place = Place::new();
    let people = PeopleOptions { offline: 1.2, ..PeopleOptions::default() };
    let refused = Simulator::start(SimulatorOptions { people, ..place.options() }).await.err();
    assert!(matches!(&refused, Some(StartError::People(why)) if why.contains("`offline`")), "{refused:?}");
}
