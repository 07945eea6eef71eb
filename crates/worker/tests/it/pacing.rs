//! A paced sender on a hand-moved clock: slots, typing, lanes, caps.

use chrono::Duration;
use paceline_domain::{Clock, Lane};

use crate::{
    clock::start,
    house::{House, SENDER, eventually, stays},
    store::KEY,
};

#[tokio::test]
async fn typing_shows_first_and_the_message_leaves_at_its_slot() {
    let mut house = House::running("steady").await;
    house.release(Lane::Campaign, 1).await;
    eventually("typing shows", || house.journal.count("typing Composing") == 1).await;
    house.clock.advance(Duration::milliseconds(3_999));
    stays("nothing is begun before the slot", || house.journal.count("intent") == 0).await;
    house.clock.advance(Duration::milliseconds(1));
    house.next_outcome().await;
    assert_eq!(house.journal.order(&["typing", "intent", "send"]), ["typing", "intent", "send"]);
    assert_eq!(house.channel.sent()[0].0, start() + Duration::seconds(4));
    house.stop().await;
}

#[tokio::test]
async fn the_pause_between_two_sends_is_kept() {
    let mut house = House::running("steady").await;
    house.release(Lane::Campaign, 2).await;
    eventually("typing shows", || house.journal.count("typing") == 1).await;
    house.clock.advance(Duration::seconds(4));
    house.next_outcome().await;
    house.clock.advance(Duration::milliseconds(5_999));
    stays("typing waits", || house.journal.count("typing") == 1).await;
    house.clock.advance(Duration::milliseconds(1));
    eventually("typing shows ten seconds after the first, less its own four", || house.journal.count("typing") == 2)
        .await;
    house.clock.advance(Duration::seconds(4));
    house.next_outcome().await;
    let times: Vec<_> = house.channel.sent().into_iter().map(|(at, _)| at).collect();
    assert_eq!(times[1] - times[0], Duration::seconds(10));
    let inputs = house.store.rows(|state| state.intents[1].pace_inputs.clone());
    assert_eq!(inputs["rule"], "gap");
    house.shown("paceline_worker_send_gap_seconds_count{channel=\"simulator\"}", 1).await;
    house.shown("paceline_worker_ceiling_refusals_total", 0).await;
    house.stop().await;
}

#[tokio::test]
async fn a_reply_that_comes_while_a_campaign_waits_for_its_slot_goes_first() {
    let mut house = House::running("steady").await;
    let campaign = house.release(Lane::Campaign, 2).await;
    eventually("typing shows", || house.journal.count("typing") == 1).await;
    house.clock.advance(Duration::seconds(4));
    house.next_outcome().await;
    let transactional = house.release(Lane::Transactional, 1).await;
    let reply = house.release(Lane::Reply, 1).await;
    for typed in 2..=3 {
        house.clock.advance(Duration::seconds(6));
        eventually("typing shows", || house.journal.count("typing") == typed).await;
        house.clock.advance(Duration::seconds(4));
        house.next_outcome().await;
    }
    let sent: Vec<_> = house.channel.sent().into_iter().map(|(_, request)| request.id).collect();
    assert_eq!(sent, [campaign[0], reply[0], transactional[0]].map(|id| KEY.wa_id(id)));
    house.stop().await;
}

#[tokio::test]
async fn what_is_over_the_days_cap_goes_back_until_tomorrow() {
    let mut house = House::running("steady").await;
    let ids = house.release(Lane::Campaign, 5).await;
    for sent in 1..=3 {
        eventually("typing shows", || {
            if house.journal.count("typing") < sent {
                house.clock.advance(Duration::milliseconds(100));
            }
            house.journal.count("typing") == sent
        })
        .await;
        house.clock.advance(Duration::seconds(4));
        house.next_outcome().await;
    }
    eventually("two are given back", || house.store.rows(|state| state.given_back.len()) == 2).await;
    house.all_jobs_answered().await;
    house.store.rows(|state| {
        let midnight = start() + Duration::hours(12);
        for (id, (given, put_off)) in ids[3..].iter().zip(&state.given_back) {
            assert_eq!((given, put_off.not_before, put_off.waits_for), (id, Some(midnight), "daily_cap"));
        }
        assert_eq!(state.senders[&SENDER].sender.pace.spent_today, 3);
    });
    house.stop().await;
}

#[tokio::test]
async fn nothing_is_held_longer_than_a_job_may_be() {
    let mut house = House::new("steady").await;
    // The first slot is four seconds away.
    house.options.max_hold = std::time::Duration::from_millis(300);
    house.start();
    house.release(Lane::Campaign, 2).await;
    eventually("both are given back", || house.store.rows(|state| state.given_back.len()) == 2).await;
    assert!(house.store.rows(|state| state.given_back.iter().all(|(_, put_off)| put_off.waits_for == "typing")));
    house.all_jobs_answered().await;
    assert_eq!(house.sends(), 0);
    house.stop().await;
}

#[tokio::test]
async fn a_new_profile_takes_effect_with_the_next_renewal() {
    let mut house = House::running("steady").await;
    house.release(Lane::Campaign, 2).await;
    eventually("typing shows", || house.journal.count("typing") == 1).await;
    house.clock.advance(Duration::seconds(4));
    house.next_outcome().await;
    house.store.rows(|state| "unlimited".clone_into(&mut state.senders.get_mut(&SENDER).unwrap().sender.profile));
    stays("the pause of the old profile still stands", || house.sends() == 1).await;
    house.clock.advance(Duration::seconds(10));
    house.next_outcome().await;
    let version = house.store.rows(|state| state.intents[1].profile.clone());
    assert!(version.is_unpaced());
    assert!(house.clock.now() >= start());
    house.stop().await;
}
