//! Queues that are deleted, in the way, or many.

use std::{sync::Arc, time::Duration};

use lapin::{
    options::{QueueDeclareOptions, QueueDeleteOptions},
    types::FieldTable,
};
use paceline_queue::{JobQueue, Publication, QueueError, ResultQueue};
use paceline_queue_rabbitmq::QueueType;
use tokio::time::timeout;

use crate::broker::{Installation, fresh_sender, job, open_channel, until};

const SOON: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_queue_deleted_under_its_consumer_ends_it_and_a_new_one_works() {
    for queue_type in [QueueType::Quorum, QueueType::Classic] {
        let queue = Installation::start(queue_type);
        let sender = fresh_sender();
        let mut consumer = queue.consume_jobs(sender, 8).await.expect("consuming declares what is missing");
        let mut results = queue.consume_results(2).await.unwrap();
        let (_connection, channel) = open_channel().await;
        for deleted in [queue.namespace.jobs_of(sender), queue.namespace.named("results.2")] {
            channel.queue_delete(deleted, QueueDeleteOptions::default()).await.unwrap();
        }
        assert!(timeout(SOON, consumer.next()).await.unwrap().is_none());
        assert!(timeout(SOON, results.next_batch(8)).await.unwrap().is_none());
        assert_eq!(queue.metric("paceline_broker_lost_consumers_total"), 2);
        let mut consumer = queue.consume_jobs(sender, 8).await.unwrap();
        let _results = queue.consume_results(2).await.unwrap();
        assert_eq!(queue.publish_jobs(vec![job(sender, 1)]).await.unwrap(), [Publication::Confirmed]);
        let delivery = timeout(SOON, consumer.next()).await.unwrap().unwrap();
        assert_eq!(delivery.body(), &job(sender, 1));
        assert_eq!(queue.metric("paceline_broker_reconnects_total"), 0, "a lost consumer is no lost connection");
    }
}

#[tokio::test]
async fn a_queue_of_other_arguments_in_the_way_is_named_with_the_cure_and_holds_up_nobody_else() {
    let queue = Installation::start(QueueType::Quorum);
    let (sender, before, after) = (fresh_sender(), fresh_sender(), fresh_sender());
    let in_the_way = queue.namespace.jobs_of(sender);
    let (_connection, channel) = open_channel().await;
    let options = QueueDeclareOptions::durable();
    channel.queue_declare(in_the_way.clone(), options, FieldTable::default()).await.unwrap();
    let error = queue.declare_senders(&[before, sender, after]).await.unwrap_err();
    let QueueError::Refused { reason, cure } = &error else { panic!("{error}") };
    assert!(reason.contains(in_the_way.as_str()), "{reason}");
    assert!(cure.contains("delete it"), "{cure}");
    let jobs = vec![job(before, 1), job(sender, 2), job(after, 3)];
    let answers = [Publication::Confirmed, Publication::Returned, Publication::Confirmed];
    assert_eq!(queue.publish_jobs(jobs).await.unwrap(), answers);
    // The cure.
    channel.queue_delete(in_the_way, QueueDeleteOptions::default()).await.unwrap();
    queue.declare_senders(&[sender]).await.unwrap();
    assert_eq!(queue.publish_jobs(vec![job(sender, 4)]).await.unwrap(), [Publication::Confirmed]);
}

#[tokio::test]
async fn a_shared_queue_of_other_arguments_in_the_way_is_refused_until_it_is_gone() {
    let (_connection, channel) = open_channel().await;
    let queue = Installation::prepared(QueueType::Quorum, async |namespace| {
        let queue = namespace.named("results.1");
        channel.queue_declare(queue, QueueDeclareOptions::durable(), FieldTable::default()).await.unwrap();
    })
    .await;
    let in_the_way = queue.namespace.named("results.1");
    let Err(error) = queue.consume_results(1).await else { panic!("it is refused") };
    assert!(matches!(&error, QueueError::Refused { cure, .. } if cure.contains(in_the_way.as_str())), "{error}");
    assert!(!queue.queue.status().is_connected());
    channel.queue_delete(in_the_way, QueueDeleteOptions::default()).await.unwrap();
    until("it goes on by itself", async || queue.consume_results(1).await.is_ok()).await;
    assert!(queue.queue.status().is_connected());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_declarations_hold_up_neither_publishes_nor_consumers() {
    let queue = Installation::start(QueueType::Classic);
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.unwrap();
    let mut consumer = queue.consume_jobs(sender, 8).await.unwrap();
    let many: Vec<_> = (0..1_000).map(|_| fresh_sender()).collect();
    queue.namespace.note(&many);
    let declaring = tokio::spawn({
        let (queue, many) = (Arc::clone(&queue.queue), many.clone());
        async move { queue.declare_senders(&many).await }
    });
    let mut carried = 0;
    while !declaring.is_finished() {
        assert_eq!(queue.publish_jobs(vec![job(sender, carried)]).await.unwrap(), [Publication::Confirmed]);
        let delivery = timeout(SOON, consumer.next()).await.unwrap().unwrap();
        assert_eq!(delivery.body(), &job(sender, carried));
        delivery.ack().await.unwrap();
        carried += 1;
    }
    declaring.await.unwrap().unwrap();
    assert!(carried > 10, "jobs pass while queues are declared, not {carried} only");
    let answers = queue.publish_jobs(many.iter().map(|&sender| job(sender, 1)).collect()).await.unwrap();
    assert_eq!(answers, vec![Publication::Confirmed; 1_000]);
}
