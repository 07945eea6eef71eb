//! The suite that every channel adapter expands whole: `channel_conformance!(fixture)` in its integration tests, where
//! `fixture` is an async function that brings up a fresh network and gives a [`Fixture`] to it.
//!
//! Each case runs on a network of its own. A case panics when the channel breaks the port's promises.

#![expect(clippy::missing_panics_doc, reason = "a case fails by panicking")]

use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{Address, Content, PhoneNumber, SenderId, WaId};

use crate::{
    Accepted, Channel, ChannelEvent, Credentials, EventBody, OpenError, OpenedSession, SendError, SendRequest,
    SessionEvents, SessionSetup,
};

mod events;
mod sends;
mod sessions;

pub use events::{an_acknowledged_event_does_not_come_again, an_unacknowledged_event_comes_again};
pub use sends::{
    a_lost_acknowledgement_is_unknown_and_the_same_id_is_seen_once, a_message_is_accepted_under_our_id_and_seen_once,
    a_number_that_is_not_on_whatsapp_is_rejected, after_a_lost_connection_nothing_is_sent,
    concurrent_sends_are_each_answered, receipts_name_our_id,
};
pub use sessions::{
    a_banned_number_cannot_be_opened, a_closed_session_sends_nothing_and_its_events_end,
    a_second_connection_replaces_the_first, a_suspended_number_tells_until_when,
    logged_out_credentials_cannot_be_opened, opening_without_credentials_pairs, resuming_needs_no_pairing,
};

/// How long a case waits for something to happen.
const PATIENCE: Duration = Duration::from_secs(15);

/// An adapter under test and the network behind it, with one sender.
#[async_trait]
pub trait Fixture: Send + Sync {
    /// The channel under test.
    fn channel(&self) -> &dyn Channel;
    /// The sender's number.
    fn sender(&self) -> PhoneNumber;
    /// Somebody on WhatsApp, who takes and reads every message at once.
    fn person(&self) -> PhoneNumber;
    /// A number that is not on WhatsApp.
    fn stranger(&self) -> PhoneNumber;
    /// The campaign time of the network.
    fn now(&self) -> DateTime<Utc>;
    /// The sender's phone accepts a pairing code.
    async fn accept_pairing(&self, code: &str);
    /// The next send happens, but its acknowledgement never comes.
    async fn lose_next_ack(&self);
    /// The sender's connection breaks.
    async fn disconnect(&self);
    /// The sender is suspended, until a campaign time or for good.
    async fn bar(&self, until: Option<DateTime<Utc>>);
    /// The sender's phone ends the session.
    async fn log_out(&self);
    /// The person writes to the sender.
    async fn write_as_person(&self, text: &str);
    /// How often the person sees the message with this id.
    async fn count_seen(&self, id: &WaId) -> usize;
}

/// Expands every case of the suite as a test. `$fixture` names an async function without arguments that returns a
/// [`Fixture`](crate::conformance::Fixture).
#[macro_export]
macro_rules! channel_conformance {
    ($fixture:path) => {
        $crate::channel_conformance! { @cases $fixture:
            opening_without_credentials_pairs,
            resuming_needs_no_pairing,
            a_second_connection_replaces_the_first,
            a_suspended_number_tells_until_when,
            a_banned_number_cannot_be_opened,
            logged_out_credentials_cannot_be_opened,
            a_closed_session_sends_nothing_and_its_events_end,
            an_unacknowledged_event_comes_again,
            an_acknowledged_event_does_not_come_again,
            a_message_is_accepted_under_our_id_and_seen_once,
            receipts_name_our_id,
            concurrent_sends_are_each_answered,
            a_number_that_is_not_on_whatsapp_is_rejected,
            a_lost_acknowledgement_is_unknown_and_the_same_id_is_seen_once,
            after_a_lost_connection_nothing_is_sent,
        }
    };
    (@cases $fixture:path: $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::conformance::$case(&$fixture().await).await;
            }
        )+
    };
}

fn setup(fixture: &dyn Fixture, credentials: Option<&Credentials>) -> SessionSetup {
    SessionSetup { sender: SenderId::from_bytes([7; 16]), phone: fixture.sender(), credentials: credentials.cloned() }
}

async fn open(fixture: &dyn Fixture, credentials: Option<&Credentials>) -> Result<OpenedSession, OpenError> {
    within("opening", fixture.channel().open(setup(fixture, credentials))).await
}

/// Opens a session with credentials and waits until it is up.
async fn connect(fixture: &dyn Fixture, credentials: &Credentials) -> OpenedSession {
    let mut opened = open(fixture, Some(credentials)).await.expect("the session opens");
    expect_event(&mut *opened.events, &EventBody::Connected).await;
    opened
}

/// Pairs and waits until the session is up.
async fn pair(fixture: &dyn Fixture) -> (OpenedSession, Credentials) {
    let mut opened = open(fixture, None).await.expect("pairing begins");
    let credentials = loop {
        match next_event(&mut *opened.events).await.split().1 {
            EventBody::PairingCode(code) => fixture.accept_pairing(&code).await,
            EventBody::Paired(credentials) => break credentials,
            other => panic!("while pairing came {other:?}"),
        }
    };
    expect_event(&mut *opened.events, &EventBody::Connected).await;
    (opened, credentials)
}

async fn next_event(events: &mut dyn SessionEvents) -> ChannelEvent {
    within("an event", events.next()).await.expect("an event before the end of the session")
}

async fn expect_event(events: &mut dyn SessionEvents, expected: &EventBody) {
    let (_, body, _) = next_event(events).await.split();
    assert_eq!(body, *expected);
}

/// Skips receipts and messages until the session is over; how it ended. Nothing may come behind it.
async fn end_of(events: &mut dyn SessionEvents) -> EventBody {
    loop {
        let (_, body, _) = next_event(events).await.split();
        if matches!(body, EventBody::Receipt(_) | EventBody::Inbound(_)) {
            continue;
        }
        let behind = within("the end of events", events.next()).await;
        assert!(behind.is_none(), "behind {body:?} came {behind:?}");
        return body;
    }
}

async fn send(opened: &OpenedSession, to: PhoneNumber, id: &str, timeout: Duration) -> Result<Accepted, SendError> {
    let request = SendRequest {
        id: WaId::from_network(id),
        to: Address::phone(to),
        content: Content::Text { body: format!("Hello, this is {id}.\n\"quoted\" \u{1F44B}") },
        timeout,
    };
    within("an answer", opened.session.send(request)).await
}

fn assert_nothing_was_sent(answer: &Result<Accepted, SendError>) {
    assert!(
        matches!(answer, Err(SendError::SessionOver | SendError::Unsent { .. })),
        "a session that is over must prove that nothing was sent, not say {answer:?}"
    );
}

async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} took longer than {PATIENCE:?}"))
}
