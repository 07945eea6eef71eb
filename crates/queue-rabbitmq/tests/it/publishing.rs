//! What becomes of what is published: returned, rejected, shared, undecodable.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::{
    BasicProperties,
    options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, QueueDeleteOptions},
    types::FieldTable,
};
use paceline_queue::{JobQueue, Publication, ResultQueue};
use paceline_queue_rabbitmq::QueueType;
use tokio::time::timeout;

use crate::broker::{Installation, fresh_sender, job, open_channel, result_on};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_jobs_at_once_exactly_those_without_a_queue_are_returned() {
    let queue = Installation::start(QueueType::Classic);
    let here: Vec<_> = (0..20).map(|_| fresh_sender()).collect();
    queue.declare_senders(&here).await.unwrap();
    let gone: Vec<_> = (0..20).map(|_| fresh_sender()).collect();
    // The driver hands returns to the wrong confirms at random, so that a single round proves little.
    for round in 0..6_u32 {
        let jobs = (0..1_000_usize).map(|number| {
            let senders = if number % 2 == 0 { &here } else { &gone };
            job(senders[number / 2 % 20], round)
        });
        let answers = queue.publish_jobs(jobs.collect()).await.unwrap();
        let expected = |number| if number % 2 == 0 { Publication::Confirmed } else { Publication::Returned };
        assert_eq!(answers, (0..1_000).map(expected).collect::<Vec<_>>(), "round {round}");
        for sender in &here {
            let mut consumer = queue.consume_jobs(*sender, 64).await.unwrap();
            for _ in 0..25 {
                timeout(SOON, consumer.next()).await.unwrap().unwrap().ack().await.unwrap();
            }
        }
    }
    assert_eq!(queue.metric(r#"paceline_broker_publishes_total{kind="jobs",outcome="returned"}"#), 3_000);
    assert_eq!(queue.metric(r#"paceline_broker_publishes_total{kind="jobs",outcome="confirmed"}"#), 3_000);
}

#[tokio::test]
async fn results_of_one_publish_share_messages_and_large_ones_do_not_grow_without_bound() {
    let queue = Installation::start(QueueType::Quorum);
    let template = result_on(3);
    let results: Vec<_> = (0..2_000)
        .map(|number| {
            let mut result = template.clone();
            result.at += chrono::Duration::microseconds(number);
            result
        })
        .collect();
    queue.publish_results(results.clone()).await.unwrap();
    let messages = queue.metric(r#"paceline_broker_publishes_total{kind="results",outcome="confirmed"}"#);
    assert!((2..100).contains(&messages), "{messages} messages for 2,000 results");
    let mut consumer = queue.consume_results(3).await.unwrap();
    let mut arrived = Vec::new();
    while arrived.len() < results.len() {
        for delivery in timeout(SOON, consumer.next_batch(500)).await.unwrap().unwrap() {
            let (body, acker) = delivery.split();
            arrived.extend(body);
            acker.ack().await.unwrap();
        }
    }
    assert_eq!(arrived, results);
}

#[tokio::test]
async fn a_publisher_who_gives_up_breaks_nothing_for_the_others() {
    let queue = Installation::start(QueueType::Classic);
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.unwrap();
    for number in 0..20 {
        let impatient = queue.publish_jobs(vec![job(sender, number)]);
        let _ = timeout(Duration::from_micros(50), impatient).await;
        assert_eq!(queue.publish_jobs(vec![job(sender, 100)]).await.unwrap(), [Publication::Confirmed]);
    }
}

#[tokio::test]
async fn a_jobs_exchange_that_somebody_deleted_comes_back() {
    let queue = Installation::start(QueueType::Classic);
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.unwrap();
    let (_connection, channel) = open_channel().await;
    let exchange = queue.namespace.named("jobs");
    channel.exchange_delete(exchange, lapin::options::ExchangeDeleteOptions::default()).await.unwrap();
    queue.publish_jobs(vec![job(sender, 1)]).await.unwrap_err();
    // The binding went with the exchange.
    assert_eq!(queue.publish_jobs(vec![job(sender, 2)]).await.unwrap(), [Publication::Returned]);
    queue.declare_senders(&[sender]).await.unwrap();
    assert_eq!(queue.publish_jobs(vec![job(sender, 3)]).await.unwrap(), [Publication::Confirmed]);
}

#[tokio::test]
async fn a_result_queue_that_somebody_deleted_comes_back_within_the_publish() {
    let queue = Installation::start(QueueType::Quorum);
    queue.publish_results(vec![result_on(1)]).await.unwrap();
    let (_connection, channel) = open_channel().await;
    channel.queue_delete(queue.namespace.named("results.1"), QueueDeleteOptions::default()).await.unwrap();
    let result = result_on(1);
    queue.publish_results(vec![result.clone()]).await.unwrap();
    let mut consumer = queue.consume_results(1).await.unwrap();
    let batch = timeout(SOON, consumer.next_batch(10)).await.unwrap().unwrap();
    assert_eq!(batch[0].body(), &[result]);
}

#[tokio::test]
async fn what_cannot_be_read_goes_to_the_dead_queue_and_the_next_job_comes() {
    for queue_type in [QueueType::Quorum, QueueType::Classic] {
        let queue = Installation::start(queue_type);
        let (sender, other) = (fresh_sender(), fresh_sender());
        queue.declare_senders(&[sender]).await.unwrap();
        let (_connection, channel) = open_channel().await;
        let named = |kind: &str| BasicProperties::default().with_type(kind.into());
        let misled = serde_json::to_vec(&job(other, 1)).unwrap();
        let bodies: [(&[u8], _); 4] = [
            (b"not JSON", named("job.send.v1")),
            (b"{}", named("job.send.v1")),
            (b"{}", named("job.send.v9")),
            (&misled, named("job.send.v1")),
        ];
        for (body, properties) in bodies {
            let (exchange, key) = (queue.namespace.named("jobs"), sender.to_string().into());
            let publishing = channel.basic_publish(exchange, key, BasicPublishOptions::default(), body, properties);
            publishing.await.unwrap().await.unwrap();
        }
        channel.close(200, "OK".into()).await.unwrap();
        queue.publish_jobs(vec![job(sender, 7)]).await.unwrap();
        let mut consumer = queue.consume_jobs(sender, 1).await.unwrap();
        let delivery = timeout(SOON, consumer.next()).await.unwrap().unwrap();
        assert_eq!(delivery.body(), &job(sender, 7));
        assert_eq!(queue.metric(r#"paceline_broker_undecodable_total{kind="jobs"}"#), 4);

        let (_connection, channel) = open_channel().await;
        let (dead, options) = (queue.namespace.named("dead"), BasicConsumeOptions::default());
        let mut letters = channel.basic_consume(dead, "test".into(), options, FieldTable::default()).await.unwrap();
        for expected in [&b"not JSON"[..], b"{}", b"{}", &misled] {
            let letter = timeout(SOON, letters.next()).await.unwrap().unwrap().unwrap();
            assert_eq!(letter.data, expected);
            letter.ack(BasicAckOptions::default()).await.unwrap();
        }
    }
}
