//! Sessions: pairing, credentials under lock, endings, and events that are acknowledged only when they are safe.

use chrono::Duration;
use paceline_channel::{Credentials, EventBody, OpenError};
use paceline_domain::{Clock, Inbound, Lane, Receipt, ReceiptKind, ResultBody, SessionState, WaId};
use paceline_store::results::{OptOut, ResultToApply};

use crate::{
    clock::start,
    house::{House, eventually, recipient, stays},
};

fn receipt(id: &str) -> EventBody {
    EventBody::Receipt(Receipt { id: WaId::from_network(id), kind: ReceiptKind::Delivered })
}

#[tokio::test]
async fn a_new_sender_is_paired_and_its_credentials_are_sealed_and_used_again() {
    let mut house = House::new("single").await;
    house.channel.pair_by_hand();
    house.start();
    eventually("the session opens", || house.journal.count("open") == 1).await;
    house.channel.emit("code", EventBody::PairingCode("2@abc".to_owned()));
    let ResultBody::Session(change) = house.next_any_result().await.body else { panic!("a session result comes") };
    assert_eq!((change.state, change.pairing_code.as_deref()), (SessionState::Pairing, Some("2@abc")));
    house.release(Lane::Campaign, 1).await;
    stays("nothing is sent while pairing", || house.sends() == 0).await;
    house.channel.emit("paired", EventBody::Paired(Credentials(b"secret".to_vec())));
    house.channel.emit("connected", EventBody::Connected);
    house.next_outcome().await;
    let lines = house.journal.lines();
    let place = |line: &str| lines.iter().position(|other| other == line).unwrap();
    assert!(place("session stored") < place("ack paired"));
    let blob = house.store.rows(|state| state.session.clone()).unwrap().blob;
    assert!(!blob.windows(6).any(|window| window == b"secret"));
    house.stop().await;
    house.start();
    eventually("the session opens again", || house.journal.count("open") == 2).await;
    assert_eq!(house.channel.openings(), [None, Some(Credentials(b"secret".to_vec()))]);
    house.stop().await;
}

#[tokio::test]
async fn credentials_that_cannot_be_opened_are_reported_and_paired_anew() {
    let mut house = House::new("single").await;
    let junk = paceline_store::leases::SealedSession { blob: vec![1, 2, 3], key_id: "now".to_owned() };
    house.store.rows(|state| state.session = Some(junk));
    house.start();
    let ResultBody::Session(change) = house.next_any_result().await.body else { panic!("a session result comes") };
    assert_eq!(change.state, SessionState::Unpaired);
    assert_eq!(change.detail.as_deref(), Some("the stored session cannot be opened"));
    eventually("the session opens", || house.channel.openings() == [None]).await;
    house.stop().await;
}

#[tokio::test]
async fn events_are_acknowledged_only_after_their_results_are_confirmed() {
    let mut house = House::running("single").await;
    house.connected().await;
    house.next_any_result().await;
    house.queue.cut_results();
    house.channel.emit("receipt", receipt("3EB0AA"));
    stays("the receipt is not acknowledged", || house.journal.count("ack") == 0).await;
    house.queue.mend_results();
    assert!(matches!(house.next_result().await.body, ResultBody::Receipt(_)));
    eventually("it is acknowledged", || house.journal.count("ack receipt") == 1).await;
    house.stop().await;
}

fn inbound(id: &str, text: &str) -> EventBody {
    EventBody::Inbound(Inbound { id: WaId::from_network(id), from: recipient(), text: text.to_owned() })
}

#[tokio::test]
async fn incoming_messages_are_rows_before_the_network_hears_that_they_came_whatever_the_broker_does() {
    let mut house = House::running("single").await;
    house.connected().await;
    house.next_any_result().await;
    house.queue.cut_results();
    house.store.rows(|state| state.down = true);
    house.channel.emit("inbound", inbound("AB", " stop! "));
    stays("nothing is acknowledged without a row", || house.journal.count("ack") == 0).await;
    house.store.rows(|state| state.down = false);
    eventually("it is acknowledged, without the broker", || house.journal.count("ack inbound") == 1).await;
    let applied = house.store.rows(|state| state.applied.clone());
    let [ResultToApply { result, opt_out: OptOut::Yes }] = applied.as_slice() else { panic!("{applied:?}") };
    let ResultBody::Inbound(kept) = &result.body else { panic!("{result:?}") };
    assert_eq!((kept.text.as_str(), &kept.from, result.at), (" stop! ", &recipient(), house.clock.now()));
    house.shown("paceline_opt_outs_total", 1).await;
    house.queue.mend_results();
    house.stop().await;
}

#[tokio::test]
async fn an_incoming_message_that_the_store_refuses_goes_to_the_results_role_and_holds_up_no_other() {
    let mut house = House::running("single").await;
    house.connected().await;
    house.store.rows(|state| state.unwanted = Some("poison"));
    house.channel.emit("first", inbound("AA", "poison"));
    house.channel.emit("second", inbound("AB", "Thank you"));
    let result = house.next_result().await;
    assert!(matches!(&result.body, ResultBody::Inbound(inbound) if inbound.text == "poison"), "{result:?}");
    eventually("both are acknowledged", || house.journal.count("ack") >= 2).await;
    let applied = house.store.rows(|state| state.applied.clone());
    assert_eq!(applied.len(), 1, "{applied:?}");
    house.stop().await;
}

#[tokio::test]
async fn a_session_that_was_logged_out_is_forgotten_and_paired_anew() {
    let mut house = House::running("single").await;
    house.connected().await;
    house.channel.emit("paired", EventBody::Paired(Credentials(b"old".to_vec())));
    eventually("it is stored", || house.journal.count("session stored") == 1).await;
    house.channel.end(EventBody::LoggedOut);
    eventually("it opens again", || house.journal.count("open") == 2).await;
    assert_eq!(house.journal.count("session deleted"), 1);
    assert_eq!(house.channel.openings(), [None, None]);
    assert_eq!(house.next_session_state().await, SessionState::Connected);
    assert_eq!(house.next_session_state().await, SessionState::LoggedOut);
    house.stop().await;
}

#[tokio::test]
async fn credentials_that_the_network_refuses_are_deleted() {
    let mut house = House::running("single").await;
    house.connected().await;
    house.channel.emit("paired", EventBody::Paired(Credentials(b"old".to_vec())));
    eventually("it is stored", || house.journal.count("session stored") == 1).await;
    house.stop().await;
    house.channel.refuse_open(OpenError::LoggedOut);
    house.start();
    eventually("it pairs anew", || house.channel.openings().len() == 3).await;
    assert_eq!(house.channel.openings()[2], None);
    house.stop().await;
}

#[tokio::test]
async fn a_suspended_sender_lets_others_have_its_messages_and_comes_back_when_it_may() {
    let mut house = House::running("steady").await;
    house.release(Lane::Campaign, 2).await;
    eventually("typing shows", || house.journal.count("typing") == 1).await;
    let until = start() + Duration::hours(1);
    house.channel.end(EventBody::Suspended { until: Some(until) });
    eventually("both go back", || house.store.rows(|state| state.given_back.len()) == 2).await;
    house.shown("paceline_worker_sessions{state=\"suspended\"}", 1).await;
    stays("it stays away", || house.journal.count("open") == 1).await;
    house.clock.advance(Duration::hours(1));
    eventually("it comes back", || house.journal.count("open") == 2).await;
    house.stop().await;
}

#[tokio::test]
async fn a_banned_sender_is_reported_and_not_opened_again() {
    let mut house = House::new("single").await;
    house.channel.refuse_open(OpenError::Banned);
    house.start();
    assert_eq!(house.next_session_state().await, SessionState::Banned);
    house.clock.advance(Duration::days(100));
    stays("it stays away", || house.journal.count("open") == 1).await;
    house.stop().await;
}

#[tokio::test]
async fn a_session_that_was_taken_over_is_left_alone_for_long() {
    let mut house = House::new("single").await;
    house.options.replaced_pause = std::time::Duration::from_millis(400);
    house.start();
    house.connected().await;
    house.channel.end(EventBody::Replaced);
    stays("it stays away", || house.journal.count("open") == 1).await;
    eventually("it comes back", || house.journal.count("open") == 2).await;
    assert_eq!(house.next_session_state().await, SessionState::Connected);
    assert_eq!(house.next_session_state().await, SessionState::Replaced);
    house.stop().await;
}

#[tokio::test]
async fn a_network_that_cannot_be_reached_is_tried_again() {
    let mut house = House::new("single").await;
    for _ in 0..3 {
        house.channel.refuse_open(OpenError::Unavailable { reason: "no route".to_owned() });
    }
    house.start();
    house.release(Lane::Campaign, 1).await;
    house.next_outcome().await;
    assert_eq!(house.journal.count("open"), 4);
    house.stop().await;
}

#[tokio::test]
async fn a_stop_reports_the_session_as_down() {
    let mut house = House::running("single").await;
    assert_eq!(house.next_session_state().await, SessionState::Connected);
    house.stop().await;
    assert_eq!(house.next_session_state().await, SessionState::Disconnected);
}
