//! What a send may say when things go wrong in the middle of it.

use std::time::Duration;

use chrono::TimeDelta;
use paceline_channel::{
    Accepted, Channel, Credentials, EventBody, OpenError, OpenedSession, SendError, SendRequest, SessionSetup,
    conformance::Fixture,
};
use paceline_channel_simulator::SimulatorChannel;
use paceline_domain::{Address, Content, Repeats, SenderId, WaId};
use paceline_simulator::{FaultKind, FaultRequest, RefusalReason};

use crate::world::{World, world};

fn setup(world: &World, credentials: Option<Credentials>) -> SessionSetup {
    SessionSetup { sender: SenderId::from_bytes([1; 16]), phone: world.sender(), credentials }
}

async fn pair(world: &World) -> OpenedSession {
    let mut opened = world.channel().open(setup(world, None)).await.expect("pairing begins");
    loop {
        match opened.events.next().await.expect("an event").split().1 {
            EventBody::PairingCode(code) => world.accept_pairing(&code).await,
            EventBody::Connected => return opened,
            _ => {}
        }
    }
}

async fn send(world: &World, opened: &OpenedSession, id: &str, limit_ms: u64) -> Result<Accepted, SendError> {
    let request = SendRequest {
        id: WaId::from_network(id),
        to: Address::phone(world.person()),
        content: Content::Text { body: "hello".to_owned() },
        timeout: Duration::from_millis(limit_ms),
    };
    opened.session.send(request).await
}

#[tokio::test]
async fn an_answer_that_comes_after_the_timeout_is_unknown_and_does_not_answer_the_next_send() {
    let world = world().await;
    let opened = pair(&world).await;
    let (count, delay_ms) = (Some(1), Some(400));
    let slow = FaultRequest { count, delay_ms, ..FaultRequest::new(FaultKind::SlowAck) };
    world.simulator.add_fault(slow).expect("a fault");
    assert_eq!(send(&world, &opened, "A", 100).await, Err(SendError::Unknown));
    let reason = Some(RefusalReason::Unavailable);
    world.simulator.add_fault(FaultRequest { reason, ..FaultRequest::new(FaultKind::Reject) }).expect("a fault");
    assert!(matches!(send(&world, &opened, "A", 5000).await, Err(SendError::Unsent { .. })));
}

#[tokio::test]
async fn sends_without_an_answer_are_unknown_when_the_connection_breaks() {
    let world = world().await;
    let mut opened = pair(&world).await;
    world.simulator.add_fault(FaultRequest::new(FaultKind::LoseAck)).expect("a fault");
    let (answer, ()) = tokio::join!(send(&world, &opened, "A", 10_000), async {
        while world.count_seen(&WaId::from_network("A")).await == 0 {
            tokio::task::yield_now().await;
        }
        world.disconnect().await;
    });
    assert_eq!(answer, Err(SendError::Unknown));
    let mut last = None;
    while let Some(event) = opened.events.next().await {
        last = Some(event.split().1);
    }
    assert_eq!(last, Some(EventBody::Disconnected));
}

#[tokio::test]
async fn throttling_says_until_when() {
    let world = world().await;
    let opened = pair(&world).await;
    let until = world.now() + TimeDelta::minutes(5);
    let reason = Some(RefusalReason::Throttled);
    let reject = FaultRequest { reason, until: Some(until), ..FaultRequest::new(FaultKind::Reject) };
    world.simulator.add_fault(reject).expect("a fault");
    assert_eq!(send(&world, &opened, "A", 5000).await, Err(SendError::Throttled { until }));
}

#[tokio::test]
async fn a_session_learns_when_repeats_are_treated_differently() {
    let world = world().await;
    let opened = pair(&world).await;
    assert_eq!(opened.session.repeats(), Repeats::Dropped);
    world.simulator.add_fault(FaultRequest::new(FaultKind::RepeatsDelivered)).expect("a fault");
    let learned = async {
        while opened.session.repeats() == Repeats::Dropped {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), learned).await.expect("learned in time");
}

#[tokio::test]
async fn a_session_that_pairs_sends_nothing_yet() {
    let world = world().await;
    let opened = world.channel().open(setup(&world, None)).await.expect("pairing begins");
    assert!(matches!(send(&world, &opened, "A", 5000).await, Err(SendError::Unsent { .. })));
    assert_eq!(world.simulator.summary().physical_sends, 0);
}

#[tokio::test]
async fn a_simulator_that_is_not_there_is_unavailable() {
    let world = world().await;
    let setup = setup(&world, None);
    let url = world.simulator.url();
    world.simulator.stop().await;
    let refused = SimulatorChannel::new(&url).open(setup).await.err();
    assert!(matches!(refused, Some(OpenError::Unavailable { .. })), "{refused:?}");
}

#[tokio::test]
async fn credentials_that_are_not_text_are_logged_out() {
    let world = world().await;
    let setup = setup(&world, Some(Credentials(vec![0xff, 0xfe])));
    assert_eq!(world.channel().open(setup).await.err(), Some(OpenError::LoggedOut));
}

#[tokio::test]
async fn dropping_a_session_ends_its_connection() {
    let world = world().await;
    drop(pair(&world).await);
    let gone = async {
        while world.simulator.list_senders()[0].state == paceline_domain::SessionState::Connected {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), gone).await.expect("gone in time");
}
