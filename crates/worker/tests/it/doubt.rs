//! What nobody knows is never guessed: the same id again where repeats are dropped, unknown where they are not.

use paceline_channel::{EventBody, SendError};
use paceline_domain::{Lane, Outcome};

use crate::{
    channel::Answer,
    clock::start,
    house::{House, eventually},
    store::KEY,
};

const SENT: Outcome = Outcome::Sent { provider_id: None };

fn unknown() -> Answer {
    Answer::Fail(SendError::Unknown)
}

#[tokio::test]
async fn an_unknown_send_is_repeated_with_the_same_id_within_the_same_attempt() {
    for profile in ["single", "unlimited"] {
        let mut house = House::new(profile).await;
        house.channel.answer([unknown()]);
        house.start();
        let ids = house.release(Lane::Campaign, 1).await;
        assert_eq!(house.next_outcome().await, (ids[0], 1, SENT));
        house.all_jobs_answered().await;
        let sent = house.channel.sent();
        assert_eq!(sent.len(), 2);
        assert_eq!(sent[0].1, sent[1].1);
        house.shown("paceline_worker_resends_total{channel=\"simulator\"}", 1).await;
        house.stop().await;
    }
}

#[tokio::test]
async fn an_unknown_send_stays_unknown_where_repeats_are_delivered() {
    for profile in ["single", "unlimited"] {
        let mut house = House::new(profile).await;
        house.channel.deliver_repeats();
        house.channel.answer([unknown()]);
        house.start();
        let ids = house.release(Lane::Campaign, 1).await;
        assert_eq!(house.next_outcome().await, (ids[0], 1, Outcome::Unknown));
        house.all_jobs_answered().await;
        assert_eq!(house.sends(), 1);
        house.stop().await;
    }
}

#[tokio::test]
async fn a_session_that_dies_in_doubt_is_opened_again_and_the_message_repeated_on_it() {
    for profile in ["single", "unlimited"] {
        let mut house = House::new(profile).await;
        house.channel.answer([unknown(), Answer::Fail(SendError::SessionOver)]);
        house.start();
        let ids = house.release(Lane::Campaign, 1).await;
        assert_eq!(house.next_outcome().await, (ids[0], 1, SENT));
        house.all_jobs_answered().await;
        assert_eq!(house.journal.count("open"), 2);
        assert_eq!(house.journal.count("adopt"), 2);
        assert!(house.channel.sent().iter().all(|(_, request)| request.id == KEY.wa_id(ids[0])));
        house.stop().await;
    }
}

#[tokio::test]
async fn a_message_that_no_session_can_settle_ends_unknown_and_does_not_take_the_sender_down() {
    let mut house = House::new("single").await;
    house.channel.answer((0..8).map(|_| unknown()));
    house.start();
    let ids = house.release(Lane::Campaign, 1).await;
    assert_eq!(house.next_outcome().await, (ids[0], 1, Outcome::Unknown));
    assert_eq!(house.sends(), 8, "twice on each of four sessions");
    let next = house.release(Lane::Campaign, 1).await;
    assert_eq!(house.next_outcome().await, (next[0], 1, SENT));
    house.stop().await;
}

#[tokio::test]
async fn a_session_over_before_any_doubt_proves_that_nothing_was_sent() {
    let mut house = House::new("single").await;
    house.channel.answer([Answer::Fail(SendError::SessionOver)]);
    house.start();
    house.release(Lane::Campaign, 1).await;
    assert_eq!(house.next_outcome().await.2, Outcome::Interrupted { not_before: start() });
    eventually("the session is opened again", || house.journal.count("open") == 2).await;
    house.stop().await;
}

#[tokio::test]
async fn a_crash_between_intent_and_outcome_is_settled_with_the_same_id_before_anything_new() {
    let mut house = House::new("single").await;
    house.channel.answer([Answer::WaitForLeave]);
    house.start();
    let orphan = house.release(Lane::Campaign, 1).await;
    eventually("the send is in hand", || house.sends() == 1).await;
    house.crash().await;
    let next = house.release(Lane::Campaign, 1).await;
    house.start();
    assert_eq!(house.next_outcome().await, (orphan[0], 1, SENT));
    assert_eq!(house.next_outcome().await, (next[0], 1, SENT));
    let ids: Vec<_> = house.channel.sent().into_iter().map(|(_, request)| request.id).collect();
    assert_eq!(ids, [orphan[0], orphan[0], next[0]].map(|id| KEY.wa_id(id)));
    house.shown("paceline_worker_orphaned_intents_total{channel=\"simulator\"}", 1).await;
    house.all_jobs_answered().await;
    house.stop().await;
}

#[tokio::test]
async fn a_crash_between_intent_and_outcome_is_unknown_where_repeats_are_delivered() {
    let mut house = House::new("single").await;
    house.channel.deliver_repeats();
    house.channel.answer([Answer::WaitForLeave]);
    house.start();
    let orphan = house.release(Lane::Campaign, 1).await;
    eventually("the send is in hand", || house.sends() == 1).await;
    house.crash().await;
    house.start();
    assert_eq!(house.next_outcome().await, (orphan[0], 1, Outcome::Unknown));
    assert_eq!(house.sends(), 1);
    house.stop().await;
}

#[tokio::test]
async fn an_outcome_that_was_recorded_but_not_published_is_published_by_the_next_holder() {
    let mut house = House::running("single").await;
    house.connected().await;
    house.next_any_result().await;
    house.queue.cut_results();
    let ids = house.release(Lane::Campaign, 1).await;
    eventually("the outcome is recorded", || house.journal.count("outcome") == 1).await;
    house.crash().await;
    house.queue.mend_results();
    house.start();
    assert_eq!(house.next_outcome().await, (ids[0], 1, SENT));
    assert_eq!(house.sends(), 1);
    house.all_jobs_answered().await;
    house.stop().await;
}

#[tokio::test]
async fn a_disconnect_leaves_the_jobs_in_the_queue_for_the_next_session() {
    let mut house = House::running("steady").await;
    house.release(Lane::Campaign, 2).await;
    eventually("typing shows", || house.journal.count("typing") == 1).await;
    house.channel.end(EventBody::Disconnected);
    eventually("typing shows on the next session", || house.journal.count("typing") == 2).await;
    assert_eq!(house.journal.count("open"), 2);
    assert_eq!(house.journal.count("give back"), 0);
    house.clock.advance(chrono::Duration::seconds(4));
    house.next_outcome().await;
    assert_eq!(house.sends(), 1);
    house.stop().await;
}
