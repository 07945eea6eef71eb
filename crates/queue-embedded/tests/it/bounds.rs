//! What is the embedded queue's own: its bounds, and the depth that it shows.

use std::{sync::Arc, time::Duration};

use paceline_domain::{Job, Lane, ResultBody, SenderId, SessionChange, SessionState, WorkerResult};

use paceline_queue::{JobQueue, Publication, RESULT_SHARDS, ResultQueue};
use paceline_queue_embedded::{EmbeddedOptions, EmbeddedQueue};
use paceline_telemetry::Metrics;
use tokio::time::timeout;

const SENDER: SenderId = SenderId::from_bytes([7; 16]);

fn jobs(count: usize) -> Vec<Job> {
    (0..count).map(|_| Job { sender: SENDER, lane: Lane::Campaign, items: Vec::new() }).collect()
}

fn results(count: i64) -> Vec<WorkerResult> {
    (0..count)
        .map(|number| WorkerResult {
            sender: SENDER,
            at: chrono::DateTime::UNIX_EPOCH + chrono::Duration::microseconds(number),
            body: ResultBody::Session(SessionChange {
                state: SessionState::Connected,
                pairing_code: None,
                until: None,
                detail: None,
            }),
        })
        .collect()
}

fn shard() -> u16 {
    results(1)[0].shard(RESULT_SHARDS)
}

#[tokio::test]
async fn exactly_the_limit_of_jobs_waits_and_the_next_one_is_rejected() {
    let queue = EmbeddedQueue::new(EmbeddedOptions::default());
    queue.declare_senders(&[SENDER]).await.unwrap();
    let published = queue.publish_jobs(jobs(66)).await.unwrap();
    assert_eq!(published.iter().filter(|&&publication| publication == Publication::Confirmed).count(), 64);
    assert_eq!(published[64..], [Publication::Rejected, Publication::Rejected]);
}

#[tokio::test]
async fn jobs_that_the_consumer_has_room_for_do_not_count_against_the_limit() {
    let queue = EmbeddedQueue::new(EmbeddedOptions { jobs_per_sender: 2, ..EmbeddedOptions::default() });
    let mut consumer = queue.consume_jobs(SENDER, 3).await.unwrap();
    let published = queue.publish_jobs(jobs(6)).await.unwrap();
    assert_eq!(published[..5], [Publication::Confirmed; 5]);
    assert_eq!(published[5], Publication::Rejected);
    let held = consumer.next().await.unwrap();
    assert_eq!(queue.publish_jobs(jobs(1)).await.unwrap(), [Publication::Rejected]);
    held.ack().await.unwrap();
    assert_eq!(queue.publish_jobs(jobs(1)).await.unwrap(), [Publication::Confirmed]);
}

#[tokio::test]
async fn a_full_shard_makes_its_publisher_wait_until_results_are_acknowledged() {
    let queue = Arc::new(EmbeddedQueue::new(EmbeddedOptions { results_per_shard: 4, ..EmbeddedOptions::default() }));
    let publisher = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { queue.publish_results(results(6)).await }
    });
    let mut consumer = queue.consume_results(shard()).await.unwrap();
    let first = consumer.next_batch(100).await.unwrap();
    let more = timeout(Duration::from_millis(100), consumer.next_batch(100)).await;
    assert!(more.is_err(), "more than the limit was held, unanswered results included");
    assert!(!publisher.is_finished());
    for delivery in first {
        delivery.ack().await.unwrap();
    }
    let rest = timeout(Duration::from_secs(5), consumer.next_batch(100)).await.unwrap().unwrap();
    assert_eq!(rest.iter().map(|delivery| delivery.body().len()).sum::<usize>(), 2);
    assert!(!publisher.is_finished(), "two of its results are not acknowledged yet");
    for delivery in rest {
        delivery.ack().await.unwrap();
    }
    timeout(Duration::from_secs(5), publisher).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn results_are_confirmed_when_they_were_acknowledged_and_not_before() {
    let queue = Arc::new(EmbeddedQueue::new(EmbeddedOptions::default()));
    let publisher = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { queue.publish_results(results(3)).await }
    });
    let mut consumer = queue.consume_results(shard()).await.unwrap();
    drop(consumer.next_batch(100).await.unwrap());
    drop(consumer);
    assert!(!publisher.is_finished(), "whoever took them died without an answer");
    let mut successor = queue.consume_results(shard()).await.unwrap();
    for delivery in successor.next_batch(100).await.unwrap() {
        assert!(!publisher.is_finished());
        delivery.ack().await.unwrap();
    }
    timeout(Duration::from_secs(5), publisher).await.unwrap().unwrap().unwrap();
}

#[tokio::test]
async fn a_batch_takes_what_is_at_hand_up_to_its_limit() {
    let queue = Arc::new(EmbeddedQueue::new(EmbeddedOptions::default()));
    let publishers: Vec<_> = (0..12)
        .map(|_| {
            let queue = Arc::clone(&queue);
            tokio::spawn(async move { queue.publish_results(results(1)).await })
        })
        .collect();
    let mut consumer = queue.consume_results(shard()).await.unwrap();
    tokio::task::yield_now().await;
    for expected in [4, 4, 4] {
        let batch = timeout(Duration::from_secs(5), consumer.next_batch(4)).await.unwrap().unwrap();
        assert_eq!(batch.len(), expected);
        for delivery in batch {
            delivery.ack().await.unwrap();
        }
    }
    for publisher in publishers {
        publisher.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn more_results_than_a_shard_holds_pass_through_it_in_order() {
    let queue = Arc::new(EmbeddedQueue::new(EmbeddedOptions { results_per_shard: 8, ..EmbeddedOptions::default() }));
    let publisher = tokio::spawn({
        let queue = Arc::clone(&queue);
        async move { queue.publish_results(results(1_000)).await }
    });
    let mut consumer = queue.consume_results(shard()).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 1_000 {
        for delivery in timeout(Duration::from_secs(5), consumer.next_batch(64)).await.unwrap().unwrap() {
            let (batch, acker) = delivery.split();
            seen.extend(batch);
            acker.ack().await.unwrap();
        }
    }
    assert_eq!(seen, results(1_000));
    publisher.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_answer_after_the_consumer_has_ended_is_refused_and_does_not_answer_for_its_successor() {
    let queue = EmbeddedQueue::new(EmbeddedOptions::default());
    let mut first = queue.consume_jobs(SENDER, 1).await.unwrap();
    queue.publish_jobs(jobs(1)).await.unwrap();
    let stale = first.next().await.unwrap();
    drop(first);
    let mut second = queue.consume_jobs(SENDER, 1).await.unwrap();
    let held = second.next().await.unwrap();
    assert!(stale.ack().await.is_err());
    drop((held, second));
    let mut third = queue.consume_jobs(SENDER, 1).await.unwrap();
    assert!(timeout(Duration::from_secs(5), third.next()).await.unwrap().is_some());
}

#[tokio::test]
async fn the_depth_of_the_queues_is_shown_and_falls_back_to_zero() {
    let metrics = Arc::new(Metrics::new());
    let options = EmbeddedOptions { metrics: Arc::clone(&metrics), ..EmbeddedOptions::default() };
    let queue = EmbeddedQueue::new(options);
    let shown = |state: &str, depth: i64| {
        let line = format!("paceline_queue_deliveries{{queue=\"jobs\",state=\"{state}\"}} {depth}\n");
        assert!(metrics.render().contains(&line), "expected {line} in {}", metrics.render());
    };
    let mut consumer = queue.consume_jobs(SENDER, 1).await.unwrap();
    queue.publish_jobs(jobs(3)).await.unwrap();
    let held = consumer.next().await.unwrap();
    shown("waiting", 2);
    shown("unanswered", 1);
    held.ack().await.unwrap();
    let _held = consumer.next().await.unwrap();
    queue.remove_sender(SENDER).await.unwrap();
    shown("waiting", 0);
    shown("unanswered", 0);
}

#[tokio::test]
async fn two_queues_in_one_process_share_nothing() {
    let (one, other) = (EmbeddedQueue::new(EmbeddedOptions::default()), EmbeddedQueue::new(EmbeddedOptions::default()));
    one.declare_senders(&[SENDER]).await.unwrap();
    assert_eq!(one.publish_jobs(jobs(1)).await.unwrap(), [Publication::Confirmed]);
    assert_eq!(other.publish_jobs(jobs(1)).await.unwrap(), [Publication::Returned]);
}
