//! Cases about how sessions begin and end.

use std::time::Duration;

use chrono::TimeDelta;

use super::{Fixture, PATIENCE, assert_nothing_was_sent, connect, end_of, open, pair, send, within};
use crate::{EventBody, OpenError, SendError};

/// Opening without credentials shows a code; once a phone accepts it, there are credentials and the session is up.
pub async fn opening_without_credentials_pairs(fixture: &dyn Fixture) {
    let (opened, credentials) = pair(fixture).await;
    assert!(!credentials.0.is_empty(), "credentials are something");
    send(&opened, fixture.person(), "3EB0A1", PATIENCE).await.expect("a paired session sends");
}

/// Credentials open the session again, without a code.
pub async fn resuming_needs_no_pairing(fixture: &dyn Fixture) {
    let (opened, credentials) = pair(fixture).await;
    opened.session.close().await;
    let opened = connect(fixture, &credentials).await;
    send(&opened, fixture.person(), "3EB0A2", PATIENCE).await.expect("a resumed session sends");
}

/// A second connection of the same number takes the session over: the first one ends and proves that it sends nothing.
pub async fn a_second_connection_replaces_the_first(fixture: &dyn Fixture) {
    let (mut first, credentials) = pair(fixture).await;
    let second = connect(fixture, &credentials).await;
    assert_eq!(end_of(&mut *first.events).await, EventBody::Replaced);
    assert_nothing_was_sent(&send(&first, fixture.person(), "3EB0A3", PATIENCE).await);
    send(&second, fixture.person(), "3EB0A4", PATIENCE).await.expect("the second session sends");
}

/// A suspension ends the session, and says until when, then and at opening.
pub async fn a_suspended_number_tells_until_when(fixture: &dyn Fixture) {
    let (mut opened, credentials) = pair(fixture).await;
    let until = fixture.now() + TimeDelta::days(3);
    fixture.bar(Some(until)).await;
    assert_eq!(end_of(&mut *opened.events).await, EventBody::Suspended { until: Some(until) });
    assert_nothing_was_sent(&send(&opened, fixture.person(), "3EB0A5", PATIENCE).await);
    let refused = open(fixture, Some(&credentials)).await.err();
    assert_eq!(refused, Some(OpenError::Suspended { until }));
}

/// A ban for good ends the session; the number cannot be opened any more.
pub async fn a_banned_number_cannot_be_opened(fixture: &dyn Fixture) {
    let (mut opened, credentials) = pair(fixture).await;
    fixture.bar(None).await;
    assert_eq!(end_of(&mut *opened.events).await, EventBody::Suspended { until: None });
    assert_eq!(open(fixture, Some(&credentials)).await.err(), Some(OpenError::Banned));
}

/// A phone that ends the session makes its credentials void.
pub async fn logged_out_credentials_cannot_be_opened(fixture: &dyn Fixture) {
    let (mut opened, credentials) = pair(fixture).await;
    fixture.log_out().await;
    assert_eq!(end_of(&mut *opened.events).await, EventBody::LoggedOut);
    assert_nothing_was_sent(&send(&opened, fixture.person(), "3EB0A6", PATIENCE).await);
    assert_eq!(open(fixture, Some(&credentials)).await.err(), Some(OpenError::LoggedOut));
}

/// A session that we close ends its events, and sends nothing any more.
pub async fn a_closed_session_sends_nothing_and_its_events_end(fixture: &dyn Fixture) {
    let (mut opened, _) = pair(fixture).await;
    opened.session.close().await;
    let answer = send(&opened, fixture.person(), "3EB0A7", Duration::from_secs(5)).await;
    assert_eq!(answer, Err(SendError::SessionOver));
    within("the end of events", async { while opened.events.next().await.is_some() {} }).await;
}
