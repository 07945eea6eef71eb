//! A broker that blocks publishers. The network says so in its place: an alarm of the broker's own would stop every test.

use std::{sync::Arc, time::Duration};

use paceline_queue::{JobQueue, Publication, QueueError};
use paceline_queue_rabbitmq::{BrokerStatus, QueueType};
use tokio::time::timeout;

use crate::{
    broker::{Installation, fresh_sender, job, until},
    proxy::{Proxy, Weather},
};

const SOON: Duration = Duration::from_secs(30);
const CONFIRMED: &[Publication] = &[Publication::Confirmed];

#[tokio::test]
async fn while_the_broker_blocks_publishes_fail_with_what_to_look_at_and_consuming_goes_on() {
    let proxy = Proxy::start(Weather::Fair).await;
    let queue = Installation::with(QueueType::Classic, |options| {
        options.url = proxy.url().into();
        options.blocked_wait = Duration::from_millis(200);
    });
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.unwrap();
    assert_eq!(queue.publish_jobs(vec![job(sender, 1)]).await.unwrap(), CONFIRMED);
    proxy.say_blocked("low on memory");
    until("it is noticed", async || matches!(queue.queue.status(), BrokerStatus::Blocked { .. })).await;
    assert!(queue.queue.status().to_string().contains("low on memory"));
    assert_eq!(queue.metric("paceline_broker_blocked"), 1);
    for _ in 0..3 {
        let error = queue.publish_jobs(vec![job(sender, 2)]).await.unwrap_err();
        assert!(matches!(error, QueueError::Unavailable { .. }), "{error}");
        assert!(error.to_string().contains("memory and disk alarms"), "{error}");
    }
    let mut consumer = queue.consume_jobs(sender, 8).await.expect("consuming has a connection of its own");
    let delivery = timeout(SOON, consumer.next()).await.unwrap().unwrap();
    delivery.ack().await.unwrap();

    proxy.say_unblocked();
    until("it goes on", async || queue.queue.status().is_connected()).await;
    assert_eq!(queue.publish_jobs(vec![job(sender, 3)]).await.unwrap(), CONFIRMED);
    let delivery = timeout(SOON, consumer.next()).await.unwrap().unwrap();
    assert_eq!(delivery.body(), &job(sender, 3), "what failed while blocked was never handed to the driver");
    assert_eq!(queue.metric("paceline_broker_blocked"), 0);
    assert_eq!(queue.metric("paceline_broker_reconnects_total"), 0);
}

#[tokio::test]
async fn a_publish_waits_for_the_end_of_a_short_block() {
    let proxy = Proxy::start(Weather::Fair).await;
    let queue = Installation::with(QueueType::Classic, |options| options.url = proxy.url().into());
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.unwrap();
    assert_eq!(queue.publish_jobs(vec![job(sender, 1)]).await.unwrap(), CONFIRMED);
    proxy.say_blocked("low on disk");
    until("it is noticed", async || !queue.queue.status().is_connected()).await;
    let publishing = tokio::spawn({
        let queue = Arc::clone(&queue.queue);
        async move { queue.publish_jobs(vec![job(sender, 2)]).await }
    });
    tokio::task::yield_now().await;
    assert!(!publishing.is_finished());
    proxy.say_unblocked();
    assert_eq!(timeout(SOON, publishing).await.unwrap().unwrap().unwrap(), CONFIRMED);
}

#[tokio::test]
async fn a_connection_lost_while_blocked_is_not_blocked_afterwards() {
    let proxy = Proxy::start(Weather::Fair).await;
    let queue = Installation::with(QueueType::Classic, |options| options.url = proxy.url().into());
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.unwrap();
    proxy.say_blocked("low on memory");
    until("it is noticed", async || queue.metric("paceline_broker_blocked") == 1).await;
    proxy.turn(Weather::Cut);
    until("it is lost", async || matches!(queue.queue.status(), BrokerStatus::Connecting { .. })).await;
    assert_eq!(queue.metric("paceline_broker_blocked"), 0);
    proxy.turn(Weather::Fair);
    until("it is back", async || queue.queue.status().is_connected()).await;
    assert_eq!(queue.publish_jobs(vec![job(sender, 2)]).await.unwrap(), CONFIRMED);
}
