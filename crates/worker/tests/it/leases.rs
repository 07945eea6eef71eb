//! Leases: nothing is sent without one that lasts, and a stop or a pause leaves nothing undone.

use std::time::Duration;

use paceline_domain::{Lane, MessageState, Outcome, SenderState};

use crate::{
    channel::Answer,
    clock::start,
    house::{House, SENDER, eventually, stays},
};

#[tokio::test]
async fn a_lost_lease_sends_nothing_more_and_gives_nothing_back_to_the_store() {
    let mut house = House::running("single").await;
    house.release(Lane::Campaign, 1).await;
    house.next_outcome().await;
    house.store.rows(|state| state.steal(SENDER));
    house.release(Lane::Campaign, 3).await;
    eventually("the session is closed", || house.journal.count("close") == 1).await;
    stays("nothing is sent", || house.sends() == 1).await;
    house.shown("paceline_worker_leases_held", 0).await;
    house.shown("paceline_queue_deliveries{queue=\"jobs\",state=\"waiting\"}", 1).await;
    assert_eq!(house.journal.count("give back"), 0);
    assert_eq!(house.journal.count("release"), 0);
    house.stop().await;
}

#[tokio::test]
async fn the_intent_itself_finds_that_the_lease_is_lost() {
    for profile in ["single", "unlimited"] {
        let mut house = House::new(profile).await;
        house.options.renew_every = Duration::from_hours(1);
        house.start();
        house.connected().await;
        house.store.rows(|state| state.steal(SENDER));
        house.release(Lane::Campaign, 1).await;
        eventually("the session is closed", || house.journal.count("close") == 1).await;
        assert_eq!(house.sends(), 0);
        house.shown("paceline_queue_deliveries{queue=\"jobs\",state=\"waiting\"}", 1).await;
        house.shown("paceline_worker_epoch_refusals_total{at=\"intent\"}", 1).await;
        house.stop().await;
    }
}

#[tokio::test]
async fn no_intent_is_begun_under_a_lease_that_ends_before_a_send_would() {
    let mut house = House::new("single").await;
    house.options.lease_ttl = Duration::from_secs(10);
    house.options.send_timeout = Duration::from_secs(15);
    house.start();
    house.release(Lane::Campaign, 1).await;
    house.connected().await;
    stays("nothing is begun", || house.journal.count("intent") == 0).await;
    house.stop().await;
}

#[tokio::test]
async fn an_intent_that_took_too_long_is_not_followed_by_a_send() {
    for profile in ["single", "unlimited"] {
        let mut house = House::new(profile).await;
        house.options.lease_ttl = Duration::from_millis(1_500);
        house.options.send_timeout = Duration::from_millis(500);
        house.start();
        house.connected().await;
        house.store.rows(|state| {
            state.renewals_fail = true;
            state.intent_takes = Duration::from_millis(1_100);
        });
        let ids = house.release(Lane::Campaign, 1).await;
        eventually("the intent is made", || house.journal.count("intent") == 1).await;
        assert_eq!(house.next_outcome().await, (ids[0], 1, Outcome::Interrupted { not_before: start() }));
        assert_eq!(house.sends(), 0);
        house.stop().await;
    }
}

#[tokio::test]
async fn a_worker_whose_lease_ran_out_under_an_intent_claims_nothing_about_the_attempt() {
    for profile in ["single", "unlimited"] {
        let mut house = House::new(profile).await;
        house.options.lease_ttl = Duration::from_millis(600);
        house.options.send_timeout = Duration::from_millis(100);
        house.start();
        house.connected().await;
        house.store.rows(|state| {
            state.renewals_fail = true;
            state.intent_takes = Duration::from_millis(900);
        });
        let ids = house.release(Lane::Campaign, 1).await;
        eventually("the intent is made", || house.journal.count("intent") == 1).await;
        house.store.rows(|state| state.renewals_fail = false);
        // Whoever holds the sender next settles the attempt; what this one says of it would stand in the way.
        assert_eq!(house.next_outcome().await, (ids[0], 1, Outcome::Sent { provider_id: None }));
        house.stop().await;
    }
}

#[tokio::test]
async fn a_stop_gives_back_what_waits_and_releases_the_lease() {
    let mut house = House::running("steady").await;
    house.release(Lane::Campaign, 2).await;
    house.release(Lane::Campaign, 3).await;
    eventually("typing shows", || house.journal.count("typing") == 1).await;
    house.stop().await;
    house.store.rows(|state| {
        assert_eq!(state.given_back.len(), 5);
        assert!(state.messages.values().all(|message| message.release.is_none()));
        assert!(state.senders[&SENDER].lease.is_none());
        assert!(state.intents.is_empty());
    });
    house.all_jobs_answered().await;
    let order = house.journal.order(&["give", "close", "release"]);
    assert_eq!(order, ["give", "give", "give", "give", "give", "close", "release"]);
    house.shown("paceline_worker_leases_held", 0).await;
}

#[tokio::test]
async fn a_stop_finishes_the_send_in_hand_and_reports_it() {
    for profile in ["single", "unlimited"] {
        let mut house = House::new(profile).await;
        house.channel.answer([Answer::WaitForLeave]);
        house.start();
        let first = house.release(Lane::Campaign, 1).await;
        eventually("the send is in hand", || house.sends() == 1).await;
        let second = house.release(Lane::Campaign, 1).await;
        house.signal_stop();
        if profile == "single" {
            stays("the worker waits for it", || !house.has_stopped()).await;
        }
        house.channel.let_through();
        house.stop().await;
        let mut outcomes = vec![house.next_outcome().await];
        if house.sends() == 2 {
            outcomes.push(house.next_outcome().await);
        } else {
            assert_eq!(house.store.rows(|state| state.messages[&second[0]].release), None);
        }
        assert!(outcomes.contains(&(first[0], 1, Outcome::Sent { provider_id: None })));
        house.all_jobs_answered().await;
    }
}

#[tokio::test]
async fn a_paused_sender_gives_back_what_it_has_and_goes_on_when_resumed() {
    let mut house = House::running("steady").await;
    house.release(Lane::Campaign, 2).await;
    eventually("typing shows", || house.journal.count("typing") == 1).await;
    house.store.rows(|state| state.senders.get_mut(&SENDER).unwrap().sender.state = SenderState::Paused);
    eventually("the lease is released", || house.journal.count("release") == 1).await;
    assert_eq!(house.store.rows(|state| state.given_back.len()), 2);
    house.all_jobs_answered().await;
    house.store.rows(|state| state.senders.get_mut(&SENDER).unwrap().sender.state = SenderState::Active);
    house.release(Lane::Campaign, 1).await;
    eventually("typing shows again", || house.journal.count("typing") == 2).await;
    house.clock.advance(chrono::Duration::seconds(4));
    house.next_outcome().await;
    house.stop().await;
}

#[tokio::test]
async fn senders_beyond_the_slots_are_left_to_others() {
    let mut house = House::new("single").await;
    house.options.slots = 0;
    house.start();
    stays("nothing is claimed", || house.journal.count("claim") == 0).await;
    house.stop().await;
}

#[tokio::test]
async fn a_message_that_was_redelivered_after_its_send_is_found_stale() {
    let mut house = House::running("single").await;
    let ids = house.release(Lane::Campaign, 1).await;
    house.next_outcome().await;
    assert_eq!(house.store.rows(|state| state.messages[&ids[0]].state), MessageState::Sending);
    house.publish(Lane::Campaign, &ids).await;
    house.shown("paceline_worker_intents_refused_total{reason=\"stale\"}", 1).await;
    house.all_jobs_answered().await;
    assert_eq!(house.sends(), 1);
    house.stop().await;
}
