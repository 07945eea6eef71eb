//! The suite that every adapter expands whole: what the port promises, shown through the port alone.
//!
//! It keeps to what a broker outside the process can give too: sender ids are fresh in each run, so that durable queues of
//! earlier runs do not meddle; waits are generous where something must happen and short where nothing may. The result shards are
//! shared by all senders, so the queue that the factory hands out must be the only consumer of its shards, for example on a
//! virtual host of its own; results that earlier runs left there are passed over.

mod dead;
mod jobs;
mod results;

pub use dead::*;
pub use jobs::*;
pub use results::*;

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

use chrono::{DateTime, Utc};
use paceline_domain::{Address, Generation, Job, JobItem, Lane, MessageId, SenderId};
use tokio::time::timeout;

use crate::{Delivery, JobConsumer, JobQueue, Publication};

/// Expands to one test for each promise of the port. `$queue` is the path of an `async fn() -> impl Queue` that makes a queue for one
/// test. The adapter's dev-dependencies need `tokio` with its macros.
#[macro_export]
macro_rules! conformance_suite {
    ($queue:path) => {
        $crate::conformance_suite! { @tests $queue;
            a_job_arrives_as_it_was_published
            a_job_of_many_messages_keeps_their_order
            a_job_for_an_undeclared_sender_is_returned
            each_job_of_a_publish_is_answered_in_order
            declaring_again_keeps_what_is_there
            a_full_queue_rejects_and_keeps_what_it_confirmed
            senders_do_not_see_each_others_jobs
            prefetch_bounds_what_is_unanswered
            what_was_acknowledged_does_not_come_again
            what_was_left_unanswered_comes_again_marked
            what_was_given_back_comes_again_marked
            a_split_delivery_is_answered_by_its_acker
            a_second_consumer_waits_until_the_first_has_ended
            waiting_for_a_job_may_be_broken_off
            a_removed_sender_ends_its_consumer_and_takes_nothing
            results_arrive_as_they_were_published
            results_of_a_sender_keep_their_order
            results_go_to_their_senders_shard
            a_batch_stays_near_its_limit
            results_left_unanswered_come_again_marked
            results_given_back_come_again
            acknowledged_results_do_not_come_again
            a_second_result_consumer_waits_until_the_first_has_ended
            waiting_for_results_may_be_broken_off
            publishing_nothing_is_confirmed
            what_is_delivered_is_not_dead
            waiting_for_dead_letters_may_be_broken_off
        }
    };
    (@tests $queue:path; $($test:ident)+) => {
        $(
            #[tokio::test]
            async fn $test() {
                $crate::conformance::$test(&$queue().await).await;
            }
        )+
    };
}

/// How long something that must happen may take.
const SOON: Duration = Duration::from_secs(20);
/// How long to watch for something that must not happen.
const A_WHILE: Duration = Duration::from_millis(200);

/// A sender that no test and no earlier run has used.
fn fresh_sender() -> SenderId {
    SenderId::from_bytes(fresh_bytes())
}

/// Sixteen bytes that no test and no earlier run has used: every hasher state of the standard library has random keys.
fn fresh_bytes() -> [u8; 16] {
    let random = || RandomState::new().hash_one(0_u8).to_be_bytes();
    let (high, low) = (random(), random());
    std::array::from_fn(|index| if index < 8 { high[index] } else { low[index - 8] })
}

fn moment(micros: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + chrono::Duration::microseconds(1_750_000_000_000_000 + micros)
}

fn item(number: u32) -> JobItem {
    let phone = "+15550100".parse().expect("a literal in E.164");
    JobItem {
        message: MessageId::from_bytes(fresh_bytes()),
        generation: Generation(3),
        to: Address::phone(phone),
        chars: number,
    }
}

/// A job with one message, told apart by `number`.
fn job(sender: SenderId, number: u32) -> Job {
    Job { sender, lane: Lane::Campaign, items: vec![item(number)] }
}

fn number(delivery: &Delivery<Job>) -> u32 {
    delivery.body().items[0].chars
}

async fn publish(queue: &impl JobQueue, jobs: Vec<Job>) {
    let expected = vec![Publication::Confirmed; jobs.len()];
    assert_eq!(queue.publish_jobs(jobs).await.expect("the broker takes jobs"), expected);
}

async fn next(consumer: &mut Box<dyn JobConsumer>) -> Delivery<Job> {
    timeout(SOON, consumer.next()).await.expect("a job comes soon").expect("the consumer runs")
}

async fn expect_nothing(consumer: &mut Box<dyn JobConsumer>, why: &str) {
    if let Ok(delivery) = timeout(A_WHILE, consumer.next()).await {
        panic!("{why}, yet this came: {delivery:?}");
    }
}
