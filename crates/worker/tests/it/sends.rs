//! One send: intent before bytes, outcome before answer, and what each answer of the network becomes.

use chrono::Duration;
use paceline_channel::SendError;
use paceline_domain::{CampaignState, FailureReason, Lane, MessageState, Outcome};

use crate::{
    channel::Answer,
    clock::start,
    house::{House, eventually, stays},
    store::KEY,
};

#[tokio::test]
async fn the_intent_comes_before_the_bytes_and_the_outcome_after() {
    for profile in ["single", "unlimited"] {
        let mut house = House::running(profile).await;
        let ids = house.release(Lane::Campaign, 1).await;
        assert_eq!(house.next_outcome().await, (ids[0], 1, Outcome::Sent { provider_id: None }));
        house.all_jobs_answered().await;
        let order = house.journal.order(&["claim", "open", "adopt", "intent", "send", "outcome"]);
        assert_eq!(order, ["claim", "open", "adopt", "intent", "send", "outcome"], "{profile}");
        let request = house.channel.sent().remove(0).1;
        assert_eq!(request.id, KEY.wa_id(ids[0]));
        house.stop().await;
    }
}

#[tokio::test]
async fn the_inputs_of_the_decision_are_kept_with_the_intent() {
    let mut house = House::running("steady").await;
    house.release(Lane::Campaign, 1).await;
    eventually("typing shows", || house.journal.count("typing") == 1).await;
    house.clock.advance(Duration::seconds(4));
    house.next_outcome().await;
    let inputs = house.store.rows(|state| state.intents[0].pace_inputs.clone());
    assert_eq!(inputs["rule"], "typing");
    assert_eq!(inputs["profile"], "steady");
    assert_eq!(inputs["chars"], 6);
    assert_eq!(inputs["slot"], serde_json::to_value(start() + Duration::seconds(4)).unwrap());
    house.stop().await;
}

#[tokio::test]
async fn what_the_store_refuses_is_not_sent_and_its_job_is_answered() {
    for profile in ["single", "unlimited"] {
        let mut house = House::new(profile).await;
        let ids = house.release(Lane::Campaign, 4).await;
        house.store.rows(|state| {
            state.messages.get_mut(&ids[0]).unwrap().suppressed = true;
            state.messages.get_mut(&ids[1]).unwrap().campaign = CampaignState::Paused;
            state.messages.get_mut(&ids[2]).unwrap().state = MessageState::Cancelled;
        });
        house.start();
        assert_eq!(house.next_outcome().await.0, ids[3]);
        house.all_jobs_answered().await;
        assert_eq!(house.sends(), 1);
        for reason in ["suppressed", "campaign_not_running", "stale"] {
            house.shown(&format!("paceline_worker_intents_refused_total{{reason=\"{reason}\"}}"), 1).await;
        }
        house.stop().await;
    }
}

/// Somebody claimed them and died before it published.
#[tokio::test]
async fn claims_whose_jobs_do_not_come_are_given_back_once_nothing_is_in_hand() {
    for profile in ["single", "unlimited"] {
        let mut house = House::new(profile).await;
        house.options.missed_after = std::time::Duration::from_millis(100);
        let missing = [house.add_message(Lane::Campaign), house.add_message(Lane::Campaign)];
        house.start();
        eventually("the claims are given back", || house.journal.count("reclaim 2") == 1).await;
        house.shown("paceline_worker_put_off_total{waits_for=\"job_lost\"}", 2).await;
        // The jobs may have come to a consumer that the broker has forgotten.
        eventually("there is another consumer", || house.queue.job_consumers() == 2).await;
        // What comes late is of a release that does not hold any more.
        house.publish(Lane::Campaign, &missing).await;
        house.all_jobs_answered().await;
        house.shown("paceline_worker_intents_refused_total{reason=\"stale\"}", 2).await;
        assert_eq!(house.sends(), 0);
        house.stop().await;
    }
}

#[tokio::test]
async fn a_refusal_for_good_fails_the_message() {
    let mut house = House::new("single").await;
    house.channel.answer([Answer::Fail(SendError::Rejected(FailureReason::NotOnWhatsapp))]);
    house.start();
    let ids = house.release(Lane::Campaign, 1).await;
    let rejected = Outcome::Rejected { reason: FailureReason::NotOnWhatsapp };
    assert_eq!(house.next_outcome().await, (ids[0], 1, rejected));
    house.all_jobs_answered().await;
    house.stop().await;
}

#[tokio::test]
async fn what_was_provably_not_sent_waits_as_long_as_the_network_says_or_longer_each_time() {
    let mut house = House::new("unlimited").await;
    let unsent = |retry_after| Answer::Fail(SendError::Unsent { reason: "busy".to_owned(), retry_after });
    house.channel.answer([unsent(Some(std::time::Duration::from_secs(7))), unsent(None)]);
    house.start();
    house.release(Lane::Campaign, 1).await;
    assert_eq!(house.next_outcome().await.2, Outcome::Unsent { not_before: start() + Duration::seconds(7) });
    house.release(Lane::Campaign, 1).await;
    assert_eq!(house.next_outcome().await.2, Outcome::Unsent { not_before: start() + Duration::seconds(4) });
    house.all_jobs_answered().await;
    assert_eq!(house.sends(), 2);
    house.stop().await;
}

#[tokio::test]
async fn a_throttled_sender_sends_nothing_until_it_may() {
    for profile in ["single", "unlimited"] {
        let mut house = House::new(profile).await;
        let until = start() + Duration::seconds(60);
        house.channel.answer([Answer::Fail(SendError::Throttled { until })]);
        house.start();
        house.release(Lane::Campaign, 1).await;
        assert_eq!(house.next_outcome().await.2, Outcome::Interrupted { not_before: until });
        let ids = house.release(Lane::Campaign, 1).await;
        stays("nothing more is begun", || house.store.rows(|state| state.intents.len()) == 1).await;
        house.clock.advance(Duration::seconds(60));
        assert_eq!(house.next_outcome().await, (ids[0], 1, Outcome::Sent { provider_id: None }));
        house.stop().await;
    }
}

#[tokio::test]
async fn a_message_that_may_not_go_within_two_minutes_goes_back_with_the_time_and_the_reason() {
    let mut house = House::new("unlimited").await;
    let until = start() + Duration::hours(3);
    house.channel.answer([Answer::Fail(SendError::Throttled { until })]);
    house.start();
    house.release(Lane::Campaign, 1).await;
    house.next_outcome().await;
    let ids = house.release(Lane::Campaign, 2).await;
    eventually("both are given back", || house.store.rows(|state| state.given_back.len()) == 2).await;
    house.store.rows(|state| {
        for (id, (given, put_off)) in ids.iter().zip(&state.given_back) {
            assert_eq!((given, put_off.not_before, put_off.waits_for), (id, Some(until), "throttled"));
        }
    });
    house.all_jobs_answered().await;
    house.stop().await;
}
