//! What the port promises about jobs. Each function is one test.

use std::collections::BTreeSet;

use paceline_domain::{Job, Lane};
use tokio::time::timeout;

use super::{A_WHILE, SOON, expect_nothing, fresh_sender, item, job, next, number, publish};
use crate::{Publication, Queue};

const DECLARES: &str = "the broker declares queues";
const CONSUMES: &str = "the broker starts consumers";
const ANSWERS: &str = "the broker takes answers";

/// What comes out is what went in.
pub async fn a_job_arrives_as_it_was_published(queue: &impl Queue) {
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.expect(DECLARES);
    let sent = job(sender, 1);
    publish(queue, vec![sent.clone()]).await;
    let mut consumer = queue.consume_jobs(sender, 8).await.expect(CONSUMES);
    let delivery = next(&mut consumer).await;
    assert_eq!(*delivery.body(), sent);
    assert!(!delivery.is_redelivered());
    delivery.ack().await.expect(ANSWERS);
}

/// The messages of one job keep their order, as many as a job may carry.
pub async fn a_job_of_many_messages_keeps_their_order(queue: &impl Queue) {
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.expect(DECLARES);
    let items = (0..64).map(item).collect();
    let sent = Job { sender, lane: Lane::Reply, items };
    assert_eq!(sent.items.len(), Job::MAX_ITEMS);
    publish(queue, vec![sent.clone()]).await;
    let mut consumer = queue.consume_jobs(sender, 8).await.expect(CONSUMES);
    assert_eq!(*next(&mut consumer).await.body(), sent);
}

/// Nobody takes it, and the publisher is told.
pub async fn a_job_for_an_undeclared_sender_is_returned(queue: &impl Queue) {
    let answers = queue.publish_jobs(vec![job(fresh_sender(), 1)]).await.expect("the broker answers");
    assert_eq!(answers, [Publication::Returned]);
}

/// One publish for several senders: each job has its own answer, at its own place.
pub async fn each_job_of_a_publish_is_answered_in_order(queue: &impl Queue) {
    let (here, gone) = (fresh_sender(), fresh_sender());
    queue.declare_senders(&[here]).await.expect(DECLARES);
    let jobs = vec![job(here, 1), job(gone, 2), job(here, 3)];
    let answers = queue.publish_jobs(jobs).await.expect("the broker answers");
    assert_eq!(answers, [Publication::Confirmed, Publication::Returned, Publication::Confirmed]);
}

/// A declaration makes sure of a queue and empties none.
pub async fn declaring_again_keeps_what_is_there(queue: &impl Queue) {
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.expect(DECLARES);
    publish(queue, vec![job(sender, 1)]).await;
    queue.declare_senders(&[sender, fresh_sender()]).await.expect(DECLARES);
    let mut consumer = queue.consume_jobs(sender, 8).await.expect(CONSUMES);
    assert_eq!(number(&next(&mut consumer).await), 1);
}

/// A queue is bounded; what was rejected never comes, what was confirmed does.
pub async fn a_full_queue_rejects_and_keeps_what_it_confirmed(queue: &impl Queue) {
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.expect(DECLARES);
    let jobs: Vec<_> = (0..300).map(|number| job(sender, number)).collect();
    let answers = queue.publish_jobs(jobs).await.expect("the broker answers");
    let confirmed: BTreeSet<u32> = (0..)
        .zip(&answers)
        .filter(|(_, answer)| **answer == Publication::Confirmed)
        .map(|(number, _)| number)
        .collect();
    assert_eq!(answers.len(), 300);
    assert!(confirmed.contains(&0), "an empty queue takes a job");
    assert!(answers.contains(&Publication::Rejected), "300 jobs are more than a queue may hold");
    let mut consumer = queue.consume_jobs(sender, 400).await.expect(CONSUMES);
    let mut arrived = BTreeSet::new();
    for _ in &confirmed {
        let delivery = next(&mut consumer).await;
        arrived.insert(number(&delivery));
        delivery.ack().await.expect(ANSWERS);
    }
    assert_eq!(arrived, confirmed);
    expect_nothing(&mut consumer, "all that was confirmed has come").await;
    publish(queue, vec![job(sender, 1)]).await;
}

/// A consumer sees its sender's jobs and no other's.
pub async fn senders_do_not_see_each_others_jobs(queue: &impl Queue) {
    let (one, other) = (fresh_sender(), fresh_sender());
    queue.declare_senders(&[one, other]).await.expect(DECLARES);
    publish(queue, vec![job(other, 2), job(one, 1)]).await;
    let mut consumer = queue.consume_jobs(one, 8).await.expect(CONSUMES);
    assert_eq!(number(&next(&mut consumer).await), 1);
    expect_nothing(&mut consumer, "the other job is another sender's").await;
}

/// No more is handed out than may be unanswered; an answer makes room.
pub async fn prefetch_bounds_what_is_unanswered(queue: &impl Queue) {
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.expect(DECLARES);
    publish(queue, (0..3).map(|number| job(sender, number)).collect()).await;
    let mut consumer = queue.consume_jobs(sender, 2).await.expect(CONSUMES);
    let first = next(&mut consumer).await;
    let _second = next(&mut consumer).await;
    expect_nothing(&mut consumer, "two are unanswered").await;
    first.ack().await.expect(ANSWERS);
    assert_eq!(number(&next(&mut consumer).await), 2);
}

/// An answered job is gone for every later consumer.
pub async fn what_was_acknowledged_does_not_come_again(queue: &impl Queue) {
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.expect(DECLARES);
    publish(queue, vec![job(sender, 1)]).await;
    let mut consumer = queue.consume_jobs(sender, 8).await.expect(CONSUMES);
    next(&mut consumer).await.ack().await.expect(ANSWERS);
    // An answer may be on its way to the broker still; a second round trip on the same path comes after it.
    publish(queue, vec![job(sender, 2)]).await;
    next(&mut consumer).await.ack().await.expect(ANSWERS);
    expect_nothing(&mut consumer, "both are answered").await;
    drop(consumer);
    let mut later = queue.consume_jobs(sender, 8).await.expect(CONSUMES);
    expect_nothing(&mut later, "both are answered").await;
}

/// Ending a consumer gives back what it left unanswered, whether its deliveries live on or not.
pub async fn what_was_left_unanswered_comes_again_marked(queue: &impl Queue) {
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.expect(DECLARES);
    publish(queue, (0..3).map(|number| job(sender, number)).collect()).await;
    let mut consumer = queue.consume_jobs(sender, 2).await.expect(CONSUMES);
    drop(next(&mut consumer).await);
    let _kept = next(&mut consumer).await;
    drop(consumer);
    let mut successor = queue.consume_jobs(sender, 8).await.expect(CONSUMES);
    let mut marked = BTreeSet::new();
    for _ in 0..3 {
        let delivery = next(&mut successor).await;
        // The third may have been on its way to the first consumer, so that its mark is open.
        if delivery.is_redelivered() {
            marked.insert(number(&delivery));
        }
        delivery.ack().await.expect(ANSWERS);
    }
    assert!(marked.contains(&0) && marked.contains(&1), "both were seen before, marked: {marked:?}");
}

/// A job given back is there for whoever consumes.
pub async fn what_was_given_back_comes_again_marked(queue: &impl Queue) {
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.expect(DECLARES);
    publish(queue, vec![job(sender, 1)]).await;
    let mut consumer = queue.consume_jobs(sender, 8).await.expect(CONSUMES);
    next(&mut consumer).await.give_back().await.expect(ANSWERS);
    let again = next(&mut consumer).await;
    assert_eq!(number(&again), 1);
    assert!(again.is_redelivered());
}

/// Body and answer apart: the answer still counts.
pub async fn a_split_delivery_is_answered_by_its_acker(queue: &impl Queue) {
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.expect(DECLARES);
    publish(queue, vec![job(sender, 1), job(sender, 2)]).await;
    let mut consumer = queue.consume_jobs(sender, 1).await.expect(CONSUMES);
    let (first, acker) = next(&mut consumer).await.split();
    assert_eq!(first.items[0].chars, 1);
    acker.ack().await.expect(ANSWERS);
    assert_eq!(number(&next(&mut consumer).await), 2);
}

/// One consumer is active; the next one has nothing until then, and everything afterwards.
pub async fn a_second_consumer_waits_until_the_first_has_ended(queue: &impl Queue) {
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.expect(DECLARES);
    let mut first = queue.consume_jobs(sender, 1).await.expect(CONSUMES);
    let mut second = queue.consume_jobs(sender, 8).await.expect(CONSUMES);
    publish(queue, vec![job(sender, 1), job(sender, 2)]).await;
    let held = next(&mut first).await;
    expect_nothing(&mut second, "the first consumer is active").await;
    drop((held, first));
    let arrived = BTreeSet::from([number(&next(&mut second).await), number(&next(&mut second).await)]);
    assert_eq!(arrived, BTreeSet::from([1, 2]));
}

/// A wait that is broken off, time and again, loses nothing.
pub async fn waiting_for_a_job_may_be_broken_off(queue: &impl Queue) {
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.expect(DECLARES);
    let mut consumer = queue.consume_jobs(sender, 64).await.expect(CONSUMES);
    let brief = A_WHILE / 50;
    assert!(timeout(brief, consumer.next()).await.is_err());
    publish(queue, (0..32).map(|number| job(sender, number)).collect()).await;
    let mut arrived = BTreeSet::new();
    let collect = async {
        while arrived.len() < 32 {
            if let Ok(delivery) = timeout(brief, consumer.next()).await {
                let delivery = delivery.expect("the consumer runs");
                arrived.insert(number(&delivery));
                delivery.ack().await.expect(ANSWERS);
            }
        }
    };
    timeout(SOON, collect).await.expect("nothing was lost by breaking off");
}

/// The queue is gone, with what was in it.
pub async fn a_removed_sender_ends_its_consumer_and_takes_nothing(queue: &impl Queue) {
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.expect(DECLARES);
    let mut consumer = queue.consume_jobs(sender, 8).await.expect(CONSUMES);
    queue.remove_sender(sender).await.expect("the broker removes queues");
    assert!(timeout(SOON, consumer.next()).await.expect("the consumer ends soon").is_none());
    let answers = queue.publish_jobs(vec![job(sender, 1)]).await.expect("the broker answers");
    assert_eq!(answers, [Publication::Returned]);
    queue.remove_sender(sender).await.expect("removing what is gone is no error");
}

/// An empty publish is no error.
pub async fn publishing_nothing_is_confirmed(queue: &impl Queue) {
    assert!(queue.publish_jobs(Vec::new()).await.expect("the broker answers").is_empty());
    queue.publish_results(Vec::new()).await.expect("the broker answers");
}
