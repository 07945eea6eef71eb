//! Connections that are absent, cut, stalled or refused, and how many there are.

use std::time::Duration;

use paceline_domain::SenderId;
use paceline_queue::{JobQueue, Publication, QueueError, ResultQueue};
use paceline_queue_rabbitmq::{BrokerStatus, QueueType, RabbitQueue};
use tokio::time::timeout;
use url::Url;

use crate::{
    broker::{Installation, Namespace, fresh_sender, job, options, result_on, until, url},
    proxy::{Proxy, Weather},
};

const SOON: Duration = Duration::from_secs(30);

fn by_way_of(proxy: &Proxy) -> Installation {
    Installation::with(QueueType::Classic, |options| {
        options.url = proxy.url().into();
        options.away_wait = Duration::from_millis(300);
    })
}

async fn declared(queue: &Installation, sender: SenderId) {
    until("the sender's queue is declared", async || queue.declare_senders(&[sender]).await.is_ok()).await;
}

#[tokio::test]
async fn a_broker_that_is_absent_at_start_is_waited_for() {
    let proxy = Proxy::start(Weather::Cut).await;
    let queue = by_way_of(&proxy);
    let sender = fresh_sender();
    let error = queue.declare_senders(&[sender]).await.unwrap_err();
    assert!(matches!(error, QueueError::Unavailable { .. }), "{error}");
    let error = queue.publish_jobs(vec![job(sender, 1)]).await.unwrap_err();
    assert!(matches!(error, QueueError::Unavailable { .. }), "{error}");
    let BrokerStatus::Connecting { reason: Some(_), .. } = queue.queue.status() else {
        panic!("{:?}", queue.queue.status());
    };
    proxy.turn(Weather::Fair);
    declared(&queue, sender).await;
    assert_eq!(queue.publish_jobs(vec![job(sender, 1)]).await.unwrap(), [Publication::Confirmed]);
    until("it is connected", async || queue.queue.status().is_connected()).await;
    assert_eq!(queue.metric("paceline_broker_reconnects_total"), 0);
}

#[tokio::test]
async fn a_broker_that_takes_connections_and_says_nothing_is_given_up_in_time() {
    let proxy = Proxy::start(Weather::Stalled).await;
    let queue = Installation::with(QueueType::Classic, |options| {
        options.url = format!("{}?connection_timeout=200", proxy.url()).into();
        options.away_wait = Duration::from_secs(1);
    });
    let error = queue.declare_senders(&[fresh_sender()]).await.unwrap_err().to_string();
    assert!(error.contains("no answer within 200ms"), "{error}");
    let threads = io_threads();
    let tried = proxy.connections();
    until("it has tried five times more", async || proxy.connections() >= tried + 5).await;
    // Other tests in this process have connections of their own, so only a thread for each try would show.
    until("its threads have ended", async || io_threads() <= threads + 3).await;
    proxy.turn(Weather::Fair);
    declared(&queue, fresh_sender_of(&queue)).await;
}

fn fresh_sender_of(queue: &Installation) -> SenderId {
    let sender = fresh_sender();
    queue.namespace.jobs_of(sender);
    sender
}

/// The driver's threads of this process.
fn io_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("lapin-io-loop")).count()
}

#[tokio::test]
async fn a_cut_in_mid_publish_leaves_nothing_open_and_the_next_publish_succeeds() {
    let proxy = Proxy::start(Weather::Fair).await;
    let queue = by_way_of(&proxy);
    let sender = fresh_sender();
    declared(&queue, sender).await;
    assert_eq!(queue.publish_jobs(vec![job(sender, 0)]).await.unwrap(), [Publication::Confirmed]);
    // Stalled first, so that the publish is surely under way when the cut comes.
    proxy.turn(Weather::Stalled);
    let publishing = queue.publish_jobs((0..50).map(|number| job(sender, number)).collect());
    let cutting = async {
        until("it is under way", async || queue.metric(r#"paceline_broker_unconfirmed{kind="jobs"}"#) == 50).await;
        proxy.turn(Weather::Cut);
    };
    let (published, ()) = timeout(SOON, async { tokio::join!(publishing, cutting) }).await.unwrap();
    let error = published.unwrap_err();
    assert!(matches!(error, QueueError::Unavailable { .. }), "{error}");
    assert_eq!(queue.metric(r#"paceline_broker_unconfirmed{kind="jobs"}"#), 0);
    assert_eq!(queue.metric(r#"paceline_broker_publishes_total{kind="jobs",outcome="unknown"}"#), 50);
    proxy.turn(Weather::Fair);
    until("it publishes again", async || {
        matches!(queue.publish_jobs(vec![job(sender, 99)]).await.as_deref(), Ok([Publication::Confirmed]))
    })
    .await;
    assert_eq!(queue.metric("paceline_broker_reconnects_total"), 1);
}

#[tokio::test]
async fn a_broker_that_does_not_confirm_in_time_leaves_the_publish_unknown() {
    let proxy = Proxy::start(Weather::Fair).await;
    let queue = Installation::with(QueueType::Classic, |options| {
        options.url = proxy.url().into();
        options.answer_wait = Duration::from_millis(500);
    });
    let sender = fresh_sender();
    declared(&queue, sender).await;
    assert_eq!(queue.publish_jobs(vec![job(sender, 0)]).await.unwrap(), [Publication::Confirmed]);
    proxy.turn(Weather::Stalled);
    let error = queue.publish_jobs(vec![job(sender, 1)]).await.unwrap_err().to_string();
    assert!(error.contains("did not confirm within 500ms"), "{error}");
    proxy.turn(Weather::Fair);
    until("it publishes again", async || queue.publish_jobs(vec![job(sender, 2)]).await.is_ok()).await;
}

#[tokio::test]
async fn a_silent_broker_is_noticed_by_its_missing_heartbeats() {
    let proxy = Proxy::start(Weather::Fair).await;
    let queue = Installation::with(QueueType::Classic, |options| {
        options.url = format!("{}?heartbeat=1", proxy.url()).into();
    });
    let sender = fresh_sender();
    declared(&queue, sender).await;
    proxy.turn(Weather::Stalled);
    until("the silence is noticed", async || !queue.queue.status().is_connected()).await;
    proxy.turn(Weather::Fair);
    declared(&queue, sender).await;
}

#[tokio::test]
async fn a_cut_ends_consumers_and_what_they_held_comes_again_to_the_next() {
    let proxy = Proxy::start(Weather::Fair).await;
    let queue = by_way_of(&proxy);
    let sender = fresh_sender();
    declared(&queue, sender).await;
    let mut consumer = queue.consume_jobs(sender, 8).await.unwrap();
    let mut results = queue.consume_results(0).await.unwrap();
    assert_eq!(queue.publish_jobs(vec![job(sender, 1)]).await.unwrap(), [Publication::Confirmed]);
    let held = timeout(SOON, consumer.next()).await.unwrap().unwrap();
    proxy.turn(Weather::Cut);
    assert!(timeout(SOON, consumer.next()).await.unwrap().is_none());
    assert!(timeout(SOON, consumer.next()).await.unwrap().is_none(), "it stays ended");
    assert!(timeout(SOON, results.next_batch(8)).await.unwrap().is_none());
    held.ack().await.expect("an answer to a dead connection is no error");
    assert_eq!(queue.metric("paceline_broker_stale_answers_total"), 1);
    assert_eq!(queue.metric("paceline_broker_lost_consumers_total"), 2);
    proxy.turn(Weather::Fair);
    let mut successor = until_some("it consumes again", async || queue.consume_jobs(sender, 8).await.ok()).await;
    let again = timeout(SOON, successor.next()).await.unwrap().unwrap();
    assert!(again.is_redelivered());
    again.ack().await.unwrap();
}

async fn until_some<T>(what: &str, mut attempt: impl AsyncFnMut() -> Option<T>) -> T {
    let mut found = None;
    until(what, async || {
        found = attempt().await;
        found.is_some()
    })
    .await;
    found.unwrap()
}

#[tokio::test]
async fn who_only_publishes_and_who_only_consumes_has_one_connection_and_who_does_both_has_two() {
    let (publishing, consuming) = (Proxy::start(Weather::Fair).await, Proxy::start(Weather::Fair).await);
    let sender = fresh_sender();
    let publisher = by_way_of(&publishing);
    declared(&publisher, sender).await;
    publisher.publish_jobs(vec![job(sender, 1)]).await.unwrap();
    publisher.publish_results(vec![result_on(0)]).await.unwrap();
    assert_eq!(publishing.connections(), 1);

    let consumer = by_way_of(&consuming);
    declared(&consumer, sender).await;
    let _jobs = consumer.consume_jobs(sender, 8).await.unwrap();
    let _results = consumer.consume_results(1).await.unwrap();
    assert_eq!(consuming.connections(), 1);
    until("it publishes", async || consumer.publish_jobs(vec![job(sender, 1)]).await.is_ok()).await;
    assert_eq!(consuming.connections(), 2);
    assert_eq!(consumer.metric("paceline_broker_connections"), 2);
}

#[tokio::test]
async fn more_consumers_than_a_connection_has_channels_get_another_connection() {
    let proxy = Proxy::start(Weather::Fair).await;
    let queue = Installation::with(QueueType::Classic, |options| {
        options.url = format!("{}?channel_max=20", proxy.url()).into();
    });
    let mut consumers = Vec::new();
    for _ in 0..9 {
        consumers.push(queue.consume_jobs(fresh_sender(), 1).await.unwrap());
    }
    // Sixteen of twenty channels are kept for other uses.
    assert_eq!(proxy.connections(), 3);
    drop(consumers);
    until("the seats are free again", async || {
        queue.consume_jobs(fresh_sender(), 1).await.is_ok() && proxy.connections() == 3
    })
    .await;
}

#[tokio::test]
async fn wrong_credentials_and_a_wrong_virtual_host_are_refused_with_the_cure_and_without_the_password() {
    let mut wrong_password = Url::parse(&url()).unwrap();
    wrong_password.set_password(Some("s3cret-but-wrong")).unwrap();
    let mut wrong_vhost = Url::parse(&url()).unwrap();
    wrong_vhost.set_path("/no-such-vhost");
    for (url, cure) in [(wrong_password, "user and password"), (wrong_vhost, "virtual host")] {
        let mut options = options("test-refused");
        options.url = url.to_string().into();
        let queue = RabbitQueue::start(options).unwrap();
        let error = queue.declare_senders(&[fresh_sender()]).await.unwrap_err();
        let QueueError::Refused { cure: said, .. } = &error else { panic!("{error}") };
        assert!(said.contains(cure), "{error}");
        let status = format!("{} {:?} {queue:?}", queue.status(), queue.status());
        assert!(!format!("{error} {error:?} {status}").contains("s3cret"));
        assert!(matches!(queue.status(), BrokerStatus::Connecting { reason: Some(_), .. }));
    }
}

#[tokio::test]
async fn a_queue_that_is_closed_has_ended_its_connections_and_fails_every_call() {
    let queue = Installation::start(QueueType::Classic);
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.unwrap();
    let mut consumer = queue.consume_jobs(sender, 1).await.unwrap();
    queue.publish_jobs(vec![job(sender, 1)]).await.unwrap();
    timeout(SOON, queue.queue.close()).await.expect("it ends soon");
    assert_eq!(queue.metric("paceline_broker_connections"), 0);
    // What had arrived is there still.
    while timeout(SOON, consumer.next()).await.expect("the consumer ends soon").is_some() {}
    assert_eq!(queue.metric("paceline_broker_lost_consumers_total"), 0, "it was asked to end");
    for error in [
        queue.declare_senders(&[sender]).await.unwrap_err(),
        queue.publish_jobs(vec![job(sender, 2)]).await.unwrap_err(),
        queue.publish_results(vec![result_on(0)]).await.unwrap_err(),
    ] {
        assert!(matches!(error, QueueError::Unavailable { .. }), "{error}");
    }
}

#[tokio::test]
async fn a_queue_that_is_dropped_leaves_no_connection_and_ends_its_consumers() {
    let namespace = Namespace::new();
    let proxy = Proxy::start(Weather::Fair).await;
    let mut with = options(&namespace.name);
    with.url = proxy.url().into();
    let metrics = std::sync::Arc::clone(&with.metrics);
    let queue = RabbitQueue::start(with).unwrap();
    let mut consumer = queue.consume_results(2).await.unwrap();
    drop(queue);
    assert!(timeout(SOON, consumer.next_batch(1)).await.unwrap().is_none());
    until("no connection is left", async || metrics.render().contains("\npaceline_broker_connections 0\n")).await;
}
