//! An unpaced sender works in batches, and sends each message once.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use paceline_domain::{Lane, MessageId, Outcome};

use tokio::sync::Semaphore;

use crate::{
    channel::Answer,
    house::{House, eventually, stays},
};

#[tokio::test]
async fn many_messages_are_sent_once_each_in_batches_of_at_most_64() {
    let mut house = House::new("unlimited").await;
    for _ in 0..4 {
        house.release(Lane::Campaign, 60).await;
    }
    house.start();
    let mut sent = BTreeSet::new();
    while sent.len() < 240 {
        let (message, attempt, outcome) = house.next_outcome().await;
        assert_eq!((attempt, outcome), (1, Outcome::Sent { provider_id: None }));
        assert!(sent.insert(message));
    }
    house.all_jobs_answered().await;
    assert_eq!(house.sends(), 240);
    house.store.rows(|state| {
        assert!(state.intents.iter().all(|batch| batch.items.len() <= 64));
        assert!(state.intents.len() <= 8, "{} intents for 240 messages", state.intents.len());
    });
    house.stop().await;
}

#[tokio::test]
async fn one_connection_to_the_store_is_enough() {
    let mut house = House::new("unlimited").await;
    // While the intent is on its way, what waits behind it grows too old and is given back over the same connection.
    house.options.max_hold = Duration::from_millis(20);
    house.store.rows(|state| {
        state.connections = Some(Arc::new(Semaphore::new(1)));
        state.intent_takes = Duration::from_millis(200);
    });
    for _ in 0..2 {
        house.release(Lane::Campaign, 60).await;
    }
    house.start();
    house.all_jobs_answered().await;
    house.store.rows(|state| assert!(!state.given_back.is_empty(), "something was given back meanwhile"));
    house.stop().await;
}

#[tokio::test]
async fn a_batch_takes_replies_before_campaigns() {
    let mut house = House::new("unlimited").await;
    let campaign = house.release(Lane::Campaign, 2).await;
    let reply = house.release(Lane::Reply, 1).await;
    house.start();
    house.all_jobs_answered().await;
    let asked: Vec<MessageId> =
        house.store.rows(|state| state.intents.iter().flat_map(|batch| &batch.items).map(|(id, _)| *id).collect());
    assert_eq!(asked, [reply[0], campaign[0], campaign[1]]);
    house.stop().await;
}

#[tokio::test]
async fn a_slow_send_holds_no_other_one_up_and_its_job_stays_unanswered() {
    let mut house = House::new("unlimited").await;
    house.channel.answer([Answer::WaitForLeave]);
    house.start();
    let slow = house.release(Lane::Campaign, 1).await;
    eventually("the first is on its way", || house.sends() == 1).await;
    let others = house.release(Lane::Campaign, 3).await;
    let mut done = BTreeSet::new();
    for _ in 0..3 {
        done.insert(house.next_outcome().await.0);
    }
    assert_eq!(done, others.into_iter().collect());
    house.shown("paceline_queue_deliveries{queue=\"jobs\",state=\"unanswered\"}", 1).await;
    house.channel.let_through();
    assert_eq!(house.next_outcome().await.0, slow[0]);
    house.all_jobs_answered().await;
    house.stop().await;
}

#[tokio::test]
async fn an_unpaced_sender_keeps_below_its_ceiling() {
    let mut house = House::running("unlimited").await;
    house.connected().await;
    // 5,000 a second, of a clock that stands still: whatever is asked for, stale or not, counts against it.
    let nowhere = MessageId::from_bytes([255; 16]);
    for _ in 0..80 {
        house.publish(Lane::Campaign, &[nowhere; 64]).await;
    }
    let asked =
        |house: &House| house.store.rows(|state| state.intents.iter().map(|batch| batch.items.len()).sum::<usize>());
    eventually("the ceiling is reached", || asked(&house) > 5_000 - 64).await;
    stays("no more than the ceiling is asked for", || asked(&house) <= 5_000).await;
    house.clock.advance(chrono::Duration::milliseconds(100));
    eventually("it goes on with the clock", || asked(&house) > 5_000).await;
    house.clock.advance(chrono::Duration::seconds(1));
    house.all_jobs_answered().await;
    assert_eq!((asked(&house), house.sends()), (80 * 64, 0));
    house.stop().await;
}
