//! What dies at the broker comes to whoever consumes the dead letters, and stays until it is answered.

use std::time::Duration;

use lapin::{BasicProperties, options::BasicPublishOptions};
use paceline_domain::{DeathReason, Job};
use paceline_queue::{Cargo, DeadConsumer, DeadLetter, DeadQueue, Delivery, JobQueue, ResultQueue};
use paceline_queue_rabbitmq::QueueType;
use tokio::time::timeout;

use crate::broker::{Installation, fresh_sender, job, open_channel, result_on};

const SOON: Duration = Duration::from_secs(30);

/// How often a quorum queue delivers a job before it takes it for dead, and the first time.
const DELIVERIES: usize = 21;

/// Publishes a job whose worker breaks each time, until the broker has had enough.
async fn kill_a_job(queue: &Installation) -> Job {
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.unwrap();
    let deadly = job(sender, 1);
    queue.publish_jobs(vec![deadly.clone()]).await.unwrap();
    let mut consumer = queue.consume_jobs(sender, 1).await.unwrap();
    for _ in 0..DELIVERIES {
        timeout(SOON, consumer.next()).await.unwrap().unwrap().give_back().await.unwrap();
    }
    deadly
}

async fn next(consumer: &mut Box<dyn DeadConsumer>) -> Delivery<DeadLetter> {
    timeout(SOON, consumer.next_batch(1)).await.unwrap().unwrap().remove(0)
}

#[tokio::test]
async fn a_job_that_comes_back_too_often_is_a_dead_letter() {
    let queue = Installation::start(QueueType::Quorum);
    let deadly = kill_a_job(&queue).await;
    let mut dead = queue.consume_dead().await.unwrap();
    let delivery = next(&mut dead).await;
    let expected = DeadLetter { reason: DeathReason::DeliveryLimit, cargo: Cargo::Job(deadly) };
    assert_eq!(delivery.body(), &expected);
    assert!(queue.metric("paceline_broker_redeliveries_total{kind=\"jobs\"}") >= 20);
    drop((delivery, dead));
    let mut again = queue.consume_dead().await.unwrap();
    let delivery = next(&mut again).await;
    assert_eq!(delivery.body(), &expected, "what nobody answered comes again");
    delivery.ack().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_read_is_a_dead_letter_as_it_is() {
    for queue_type in [QueueType::Quorum, QueueType::Classic] {
        let queue = Installation::start(queue_type);
        let mut results = queue.consume_results(1).await.unwrap();
        let (_connection, channel) = open_channel().await;
        let foreign = b"not ours".to_vec();
        let exchange = queue.namespace.named("results");
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        channel.basic_publish(exchange, "r.1".into(), options, &foreign, properties).await.unwrap();
        let good = result_on(1);
        queue.publish_results(vec![good.clone()]).await.unwrap();
        let batch = timeout(SOON, results.next_batch(8)).await.unwrap().unwrap();
        assert_eq!(batch[0].body(), &[good], "it holds up nobody");
        let mut dead = queue.consume_dead().await.unwrap();
        let delivery = next(&mut dead).await;
        let expected = DeadLetter { reason: DeathReason::Unreadable, cargo: Cargo::Unreadable(foreign) };
        assert_eq!(delivery.body(), &expected);
        assert!(!format!("{delivery:?} {:?}", delivery.body()).contains("not ours"));
        delivery.ack().await.unwrap();
    }
}
