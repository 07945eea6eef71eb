//! Cases about sends and what may be said of them.

use std::time::Duration;

use paceline_domain::{Address, Content, FailureReason, Receipt, ReceiptKind, Repeats, WaId};

use super::{Fixture, PATIENCE, assert_nothing_was_sent, connect, end_of, next_event, pair, send, within};
use crate::{EventBody, SendError, SendRequest, TypingState};

/// A send is accepted, and the person sees that id once. The typing indicator before it changes nothing.
pub async fn a_message_is_accepted_under_our_id_and_seen_once(fixture: &dyn Fixture) {
    let (opened, _) = pair(fixture).await;
    let person = Address::phone(fixture.person());
    opened.session.show_typing(&person, TypingState::Composing).await.expect("typing shows");
    opened.session.show_typing(&person, TypingState::Paused).await.expect("typing hides");
    send(&opened, fixture.person(), "3EB0B1", PATIENCE).await.expect("accepted");
    assert_eq!(fixture.count_seen(&WaId::from_network("3EB0B1")).await, 1);
}

/// Receipts name the id that we chose: delivered, then read.
pub async fn receipts_name_our_id(fixture: &dyn Fixture) {
    let (mut opened, _) = pair(fixture).await;
    send(&opened, fixture.person(), "3EB0B2", PATIENCE).await.expect("accepted");
    for kind in [ReceiptKind::Delivered, ReceiptKind::Read] {
        let (_, body, ack) = next_event(&mut *opened.events).await.split();
        assert_eq!(body, EventBody::Receipt(Receipt { id: WaId::from_network("3EB0B2"), kind }));
        if let Some(ack) = ack {
            ack.acknowledge().await;
        }
    }
}

/// Sends at the same time on one session are each answered with what became of them.
pub async fn concurrent_sends_are_each_answered(fixture: &dyn Fixture) {
    let (opened, _) = pair(fixture).await;
    let mut sends = Vec::new();
    for n in 0..100 {
        let id = WaId::from_network(&format!("3EB0C{n:03}"));
        let to = if n % 10 == 0 { fixture.stranger() } else { fixture.person() };
        let content = Content::Text { body: format!("number {n}") };
        let request = SendRequest { id: id.clone(), to: Address::phone(to), content, timeout: PATIENCE };
        let session = opened.session.clone();
        sends.push((n, id, tokio::spawn(async move { session.send(request).await })));
    }
    for (n, id, sending) in sends {
        let answer = within("an answer", sending).await.expect("the send does not panic");
        let expected = if n % 10 == 0 { Some(SendError::Rejected(FailureReason::NotOnWhatsapp)) } else { None };
        assert_eq!(answer.err(), expected, "send {n}");
        assert_eq!(fixture.count_seen(&id).await, usize::from(n % 10 != 0), "send {n}");
    }
}

/// A number that is not on WhatsApp is refused for good.
pub async fn a_number_that_is_not_on_whatsapp_is_rejected(fixture: &dyn Fixture) {
    let (opened, _) = pair(fixture).await;
    let answer = send(&opened, fixture.stranger(), "3EB0B3", PATIENCE).await;
    assert_eq!(answer, Err(SendError::Rejected(FailureReason::NotOnWhatsapp)));
}

/// A send whose answer never comes is unknown, although it happened. Where the network drops repeats, sending the same
/// id again is accepted and not seen twice.
pub async fn a_lost_acknowledgement_is_unknown_and_the_same_id_is_seen_once(fixture: &dyn Fixture) {
    let (opened, _) = pair(fixture).await;
    fixture.lose_next_ack().await;
    let answer = send(&opened, fixture.person(), "3EB0B4", Duration::from_millis(700)).await;
    assert_eq!(answer, Err(SendError::Unknown));
    let id = WaId::from_network("3EB0B4");
    assert_eq!(fixture.count_seen(&id).await, 1);
    if opened.session.repeats() == Repeats::Dropped {
        send(&opened, fixture.person(), "3EB0B4", PATIENCE).await.expect("accepted again");
        assert_eq!(fixture.count_seen(&id).await, 1);
    }
}

/// After the connection was lost, a send proves that nothing was sent; a new session sends.
pub async fn after_a_lost_connection_nothing_is_sent(fixture: &dyn Fixture) {
    let (mut opened, credentials) = pair(fixture).await;
    fixture.disconnect().await;
    assert_eq!(end_of(&mut *opened.events).await, EventBody::Disconnected);
    assert_nothing_was_sent(&send(&opened, fixture.person(), "3EB0B5", PATIENCE).await);
    assert_eq!(fixture.count_seen(&WaId::from_network("3EB0B5")).await, 0);
    let opened = connect(fixture, &credentials).await;
    send(&opened, fixture.person(), "3EB0B5", PATIENCE).await.expect("the new session sends");
}
