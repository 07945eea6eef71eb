//! The store or the queue goes away: outcomes wait, nothing new begins, and all is settled when it is back.

use paceline_domain::{Lane, Outcome};
use paceline_queue::JobQueue;

use crate::{
    channel::Answer,
    house::{House, SENDER, eventually, stays},
};

#[tokio::test]
async fn while_the_store_is_away_outcomes_wait_and_no_intent_starts() {
    for profile in ["single", "unlimited"] {
        let mut house = House::new(profile).await;
        house.channel.answer([Answer::WaitForLeave]);
        house.start();
        let first = house.release(Lane::Campaign, 1).await;
        eventually("the send is in hand", || house.sends() == 1).await;
        house.store.rows(|state| state.down = true);
        house.channel.let_through();
        house.shown("paceline_worker_store_gate_closed", 1).await;
        let second = house.release(Lane::Campaign, 1).await;
        stays("nothing new begins", || house.journal.count("asked for an intent") == 1).await;
        house.shown("paceline_worker_outcomes_waiting", 1).await;
        house.shown("paceline_queue_deliveries{queue=\"jobs\",state=\"unanswered\"}", 2).await;
        assert_eq!(house.journal.count("outcome"), 0);
        house.store.rows(|state| state.down = false);
        let sent = Outcome::Sent { provider_id: None };
        assert_eq!(house.next_outcome().await, (first[0], 1, sent.clone()));
        assert_eq!(house.next_outcome().await, (second[0], 1, sent));
        house.all_jobs_answered().await;
        house.shown("paceline_worker_store_gate_closed", 0).await;
        house.shown("paceline_worker_outcomes_waiting", 0).await;
        house.stop().await;
    }
}

#[tokio::test]
async fn a_store_that_is_away_for_an_intent_is_asked_again_when_it_is_back() {
    for profile in ["single", "unlimited"] {
        let mut house = House::new(profile).await;
        house.options.renew_every = std::time::Duration::from_hours(1);
        house.start();
        house.connected().await;
        eventually("it consumes", || house.journal.count("adopt") == 1).await;
        house.store.rows(|state| state.down = true);
        let ids = house.release(Lane::Campaign, 1).await;
        house.shown("paceline_worker_store_gate_closed", 1).await;
        house.store.rows(|state| state.down = false);
        assert_eq!(house.next_outcome().await.0, ids[0]);
        house.all_jobs_answered().await;
        assert_eq!(house.sends(), 1);
        house.stop().await;
    }
}

#[tokio::test]
async fn an_intent_whose_answer_was_lost_is_adopted_and_its_message_sent_once() {
    for profile in ["single", "unlimited"] {
        let mut house = House::running(profile).await;
        house.connected().await;
        house.store.rows(|state| state.lose_next_intent_answer = true);
        let ids = house.release(Lane::Campaign, 1).await;
        assert_eq!(house.next_outcome().await, (ids[0], 1, Outcome::Sent { provider_id: None }));
        house.all_jobs_answered().await;
        assert_eq!(house.sends(), 1);
        house.stop().await;
    }
}

#[tokio::test]
async fn while_results_cannot_be_published_the_job_stays_unanswered_with_its_outcome_recorded() {
    let mut house = House::running("single").await;
    house.connected().await;
    house.next_any_result().await;
    house.queue.cut_results();
    let ids = house.release(Lane::Campaign, 1).await;
    eventually("the outcome is recorded", || house.journal.count("outcome") == 1).await;
    stays("the job stays unanswered", || {
        house.metrics.render().contains("paceline_queue_deliveries{queue=\"jobs\",state=\"unanswered\"} 1")
    })
    .await;
    house.queue.mend_results();
    assert_eq!(house.next_outcome().await.0, ids[0]);
    house.all_jobs_answered().await;
    house.stop().await;
}

#[tokio::test]
async fn a_stop_while_the_store_is_away_still_ends() {
    let mut house = House::new("single").await;
    house.options.drain_within = std::time::Duration::from_millis(300);
    house.channel.answer([Answer::WaitForLeave]);
    house.start();
    house.release(Lane::Campaign, 1).await;
    eventually("the send is in hand", || house.sends() == 1).await;
    house.store.rows(|state| state.down = true);
    house.channel.let_through();
    house.shown("paceline_worker_store_gate_closed", 1).await;
    house.stop().await;
    // As after a crash: the attempt is open, and the next holder of the sender settles it.
    assert!(house.store.rows(|state| state.attempts.values().all(|attempt| attempt.outcome.is_none())));
}

#[tokio::test]
async fn a_message_that_the_store_will_never_take_holds_no_other_one_up() {
    let mut house = House::new("unlimited").await;
    let ids = house.release(Lane::Campaign, 3).await;
    house.store.rows(|state| state.poison = Some(ids[1]));
    house.start();
    let mut sent = vec![house.next_outcome().await.0, house.next_outcome().await.0];
    sent.sort();
    assert_eq!(sent, [ids[0], ids[2]]);
    house.all_jobs_answered().await;
    house.stop().await;
}

#[tokio::test]
async fn an_outcome_that_the_store_will_never_take_holds_no_other_one_up() {
    let mut house = House::new("unlimited").await;
    house.channel.answer([Answer::WaitForLeave, Answer::WaitForLeave]);
    house.start();
    let ids = house.release(Lane::Campaign, 2).await;
    eventually("both are on their way", || house.sends() == 2).await;
    house.store.rows(|state| state.poison = Some(ids[0]));
    house.channel.let_through();
    house.channel.let_through();
    assert_eq!(house.next_outcome().await.0, ids[1]);
    house.stop().await;
}

#[tokio::test]
async fn a_queue_that_ends_is_consumed_anew() {
    for profile in ["single", "unlimited"] {
        let mut house = House::running(profile).await;
        house.release(Lane::Campaign, 1).await;
        house.next_outcome().await;
        house.queue.remove_sender(SENDER).await.unwrap();
        house.queue.declare_senders(&[SENDER]).await.unwrap();
        let ids = house.release(Lane::Campaign, 1).await;
        assert_eq!(house.next_outcome().await.0, ids[0]);
        house.all_jobs_answered().await;
        house.stop().await;
    }
}

#[tokio::test]
async fn an_actor_does_not_adopt_what_it_has_just_sent_itself() {
    for profile in ["single", "unlimited"] {
        let mut house = House::new(profile).await;
        // Where repeats are delivered, an adopted attempt without an outcome becomes unknown.
        house.channel.deliver_repeats();
        house.store.rows(|state| state.outcome_takes = std::time::Duration::from_millis(200));
        house.start();
        let first = house.release(Lane::Campaign, 1).await;
        eventually("it is sent", || house.sends() == 1).await;
        house.store.rows(|state| state.lose_next_intent_answer = true);
        let second = house.release(Lane::Campaign, 1).await;
        assert_eq!(house.next_outcome().await, (first[0], 1, Outcome::Sent { provider_id: None }));
        assert_eq!(house.next_outcome().await, (second[0], 1, Outcome::Unknown));
        house.all_jobs_answered().await;
        house.shown("paceline_worker_outcomes_waiting", 0).await;
        house.stop().await;
    }
}
