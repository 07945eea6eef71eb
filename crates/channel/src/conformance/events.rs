//! Cases about events and their acknowledgement.

use paceline_domain::Inbound;

use super::{Fixture, connect, next_event, pair};
use crate::{EventAck, EventBody, OpenedSession};

/// What was not acknowledged comes again when the session is opened again.
pub async fn an_unacknowledged_event_comes_again(fixture: &dyn Fixture) {
    let (mut first, credentials) = pair(fixture).await;
    fixture.write_as_person("Who is this?").await;
    let (heard, ack) = next_inbound(&mut first).await;
    assert_eq!(heard.text, "Who is this?");
    assert_eq!(heard.from.phone, Some(fixture.person()));
    drop(ack);
    first.session.close().await;
    let mut second = connect(fixture, &credentials).await;
    let (again, _) = next_inbound(&mut second).await;
    assert_eq!(again, heard);
}

/// What was acknowledged does not come again.
pub async fn an_acknowledged_event_does_not_come_again(fixture: &dyn Fixture) {
    let (mut first, credentials) = pair(fixture).await;
    fixture.write_as_person("first").await;
    let (heard, ack) = next_inbound(&mut first).await;
    ack.expect("a network that repeats gives something to acknowledge by").acknowledge().await;
    first.session.close().await;
    let mut second = connect(fixture, &credentials).await;
    fixture.write_as_person("second").await;
    let (next, _) = next_inbound(&mut second).await;
    assert_eq!(next.text, "second");
    assert_ne!(next.id, heard.id);
}

async fn next_inbound(opened: &mut OpenedSession) -> (Inbound, Option<Box<dyn EventAck>>) {
    loop {
        if let (_, EventBody::Inbound(inbound), ack) = next_event(&mut *opened.events).await.split() {
            return (inbound, ack);
        }
    }
}
