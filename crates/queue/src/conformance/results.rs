//! What the port promises about results. Each function is one test.

use paceline_domain::{
    Address, AttemptNumber, Epoch, Inbound, MessageId, Outcome, Receipt, ReceiptKind, ResultBody, SenderId,
    SessionChange, SessionState, WaId, WorkerResult,
};
use tokio::time::timeout;

use super::{A_WHILE, SOON, fresh_bytes, fresh_sender, moment};
use crate::{Delivery, Queue, RESULT_SHARDS, ResultConsumer};

const CONSUMES: &str = "the broker starts consumers";
const CONFIRMS: &str = "the broker confirms";
const ANSWERS: &str = "the broker takes answers";

type Batch = Vec<Delivery<Vec<WorkerResult>>>;

fn result(sender: SenderId, attempt: AttemptNumber) -> WorkerResult {
    let outcome = Outcome::Unsent { not_before: moment(5) };
    let body = ResultBody::Attempt { message: MessageId::from_bytes([1; 16]), attempt, epoch: Epoch(1), outcome };
    WorkerResult { sender, at: moment(i64::from(attempt)), body }
}

fn shard_of(sender: SenderId) -> u16 {
    result(sender, 1).shard(RESULT_SHARDS)
}

/// A fresh sender whose results go to this shard.
fn sender_on(shard: u16) -> SenderId {
    loop {
        let sender = fresh_sender();
        if shard_of(sender) == shard {
            return sender;
        }
    }
}

/// Publishes batch after batch while `consuming` runs: an adapter without a disk confirms only what was acknowledged.
async fn while_publishing<T>(
    queue: &impl Queue,
    batches: impl IntoIterator<Item = Vec<WorkerResult>>,
    consuming: impl Future<Output = T>,
) -> T {
    let publishing = async {
        for batch in batches {
            queue.publish_results(batch).await.expect(CONFIRMS);
        }
    };
    timeout(SOON, async { tokio::join!(publishing, consuming).1 })
        .await
        .expect("what is acknowledged is confirmed soon")
}

async fn acknowledge(batch: Batch) -> Vec<WorkerResult> {
    let mut results = Vec::new();
    for delivery in batch {
        let (body, acker) = delivery.split();
        results.extend(body);
        acker.ack().await.expect(ANSWERS);
    }
    results
}

/// The next batch with anything of this sender, other senders' results answered and passed over.
async fn next_batch(consumer: &mut Box<dyn ResultConsumer>, limit: usize, sender: SenderId) -> Batch {
    loop {
        let batch =
            timeout(SOON, consumer.next_batch(limit)).await.expect("results come soon").expect("the consumer runs");
        assert!(!batch.is_empty(), "a batch has something in it");
        let mut ours = Vec::new();
        for delivery in batch {
            if delivery.body().iter().any(|result| result.sender == sender) {
                ours.push(delivery);
            } else {
                delivery.ack().await.expect(ANSWERS);
            }
        }
        if !ours.is_empty() {
            return ours;
        }
    }
}

/// Takes and answers until `count` results of this sender have come.
async fn collect(consumer: &mut Box<dyn ResultConsumer>, sender: SenderId, count: usize) -> Vec<WorkerResult> {
    let mut arrived = Vec::new();
    while arrived.len() < count {
        for delivery in next_batch(consumer, 64, sender).await {
            let (results, acker) = delivery.split();
            arrived.extend(results.into_iter().filter(|result| result.sender == sender));
            acker.ack().await.expect(ANSWERS);
        }
    }
    arrived
}

async fn expect_nothing_of(sender: SenderId, consumer: &mut Box<dyn ResultConsumer>, why: &str) {
    while let Ok(batch) = timeout(A_WHILE, consumer.next_batch(64)).await {
        for delivery in batch.expect("the consumer runs") {
            assert!(delivery.body().iter().all(|result| result.sender != sender), "{why}");
            delivery.ack().await.expect(ANSWERS);
        }
    }
}

/// Every kind of result comes out as it went in.
pub async fn results_arrive_as_they_were_published(queue: &impl Queue) {
    let sender = fresh_sender();
    let id = WaId::from_network("3EB0AA");
    let from = Address::phone("+15550100".parse().expect("a literal in E.164"));
    let text = "línea\n\"uno\" 🌍".to_owned();
    let change = SessionChange {
        state: SessionState::Suspended,
        pairing_code: None,
        until: Some(moment(9)),
        detail: Some("said so".to_owned()),
    };
    let message = MessageId::from_bytes(fresh_bytes());
    let outcome = Outcome::Sent { provider_id: Some("wamid.1".to_owned()) };
    let published: Vec<_> = [
        ResultBody::Attempt { message, attempt: 1, epoch: Epoch(1), outcome },
        ResultBody::Attempt { message, attempt: 2, epoch: Epoch(1), outcome: Outcome::Unknown },
        ResultBody::Receipt(Receipt { id: id.clone(), kind: ReceiptKind::Delivered }),
        ResultBody::Inbound(Inbound { id, from, text }),
        ResultBody::Session(change),
    ]
    .into_iter()
    .map(|body| WorkerResult { sender, at: moment(1), body })
    .collect();
    let mut consumer = queue.consume_results(shard_of(sender)).await.expect(CONSUMES);
    let consuming = collect(&mut consumer, sender, published.len());
    assert_eq!(while_publishing(queue, [published.clone()], consuming).await, published);
}

/// A sender's results arrive in the order of their publishes, and within each in its order.
pub async fn results_of_a_sender_keep_their_order(queue: &impl Queue) {
    let (sender, other) = (fresh_sender(), fresh_sender());
    let batches = [1, 11, 21].map(|first| {
        (first..first + 10).flat_map(|attempt| [result(sender, attempt), result(other, attempt)]).collect::<Vec<_>>()
    });
    // The other sender may have another shard, where nobody would acknowledge.
    let other_shard = shard_of(other);
    let mut others = queue.consume_results(other_shard).await.expect(CONSUMES);
    let mut consumer = queue.consume_results(shard_of(sender)).await.expect(CONSUMES);
    let expected: Vec<_> = (1..31).map(|attempt| result(sender, attempt)).collect();
    let consuming = async {
        if other_shard == shard_of(sender) {
            drop(others);
            collect(&mut consumer, sender, 30).await
        } else {
            tokio::join!(collect(&mut others, other, 30), collect(&mut consumer, sender, 30)).1
        }
    };
    assert_eq!(while_publishing(queue, batches, consuming).await, expected);
}

/// One publish for all shards: each result is on its sender's.
pub async fn results_go_to_their_senders_shard(queue: &impl Queue) {
    let senders: Vec<_> = (0..RESULT_SHARDS).map(sender_on).collect();
    let all: Vec<_> = senders.iter().map(|&sender| result(sender, 1)).collect();
    let consuming = async {
        for (shard, &sender) in (0..).zip(&senders) {
            let mut consumer = queue.consume_results(shard).await.expect(CONSUMES);
            assert_eq!(collect(&mut consumer, sender, 1).await, [result(sender, 1)]);
        }
    };
    while_publishing(queue, [all], consuming).await;
}

/// A batch ends when its limit is reached, and the rest comes with the next.
pub async fn a_batch_stays_near_its_limit(queue: &impl Queue) {
    let sender = fresh_sender();
    let batches = (1..=12).map(|attempt| vec![result(sender, attempt)]);
    let mut consumer = queue.consume_results(shard_of(sender)).await.expect(CONSUMES);
    let consuming = async {
        let mut arrived = 0;
        while arrived < 12 {
            let size = acknowledge(next_batch(&mut consumer, 4, sender).await).await.len();
            assert!(size <= 4, "each delivery carries one result, so that a batch of 4 has at most 4, not {size}");
            arrived += size;
        }
    };
    while_publishing(queue, batches, consuming).await;
}

/// Ending a consumer gives back what it left unanswered.
pub async fn results_left_unanswered_come_again_marked(queue: &impl Queue) {
    let sender = fresh_sender();
    let published = vec![result(sender, 1), result(sender, 2)];
    let mut consumer = queue.consume_results(shard_of(sender)).await.expect(CONSUMES);
    let consuming = async {
        let first = next_batch(&mut consumer, 64, sender).await;
        let seen: usize = first.iter().map(|delivery| delivery.body().len()).sum();
        drop((first, consumer));
        let mut successor = queue.consume_results(shard_of(sender)).await.expect(CONSUMES);
        let again = next_batch(&mut successor, 64, sender).await;
        assert!(again[0].is_redelivered());
        let mut results = acknowledge(again).await;
        results.retain(|result| result.sender == sender);
        assert_eq!(results[..seen.min(2)], published[..seen.min(2)]);
        let missing = 2 - results.len();
        collect(&mut successor, sender, missing).await;
    };
    while_publishing(queue, [published.clone()], consuming).await;
}

/// Results given back are there for whoever consumes.
pub async fn results_given_back_come_again(queue: &impl Queue) {
    let sender = fresh_sender();
    let mut consumer = queue.consume_results(shard_of(sender)).await.expect(CONSUMES);
    let consuming = async {
        for delivery in next_batch(&mut consumer, 64, sender).await {
            delivery.give_back().await.expect(ANSWERS);
        }
        assert_eq!(collect(&mut consumer, sender, 1).await, [result(sender, 1)]);
    };
    while_publishing(queue, [vec![result(sender, 1)]], consuming).await;
}

/// Answered results are gone for every later consumer.
pub async fn acknowledged_results_do_not_come_again(queue: &impl Queue) {
    let sender = fresh_sender();
    let mut consumer = queue.consume_results(shard_of(sender)).await.expect(CONSUMES);
    for attempt in 1..=2 {
        let consuming = collect(&mut consumer, sender, 1);
        let arrived = while_publishing(queue, [vec![result(sender, attempt)]], consuming).await;
        assert_eq!(arrived, [result(sender, attempt)]);
    }
    expect_nothing_of(sender, &mut consumer, "both are answered").await;
    drop(consumer);
    let mut later = queue.consume_results(shard_of(sender)).await.expect(CONSUMES);
    expect_nothing_of(sender, &mut later, "both are answered").await;
}

/// One consumer of a shard is active; the next one takes over when it ends.
pub async fn a_second_result_consumer_waits_until_the_first_has_ended(queue: &impl Queue) {
    let sender = fresh_sender();
    let mut first = queue.consume_results(shard_of(sender)).await.expect(CONSUMES);
    let mut second = queue.consume_results(shard_of(sender)).await.expect(CONSUMES);
    let consuming = async {
        let held = next_batch(&mut first, 64, sender).await;
        assert!(timeout(A_WHILE, second.next_batch(64)).await.is_err(), "the first consumer is active");
        drop((held, first));
        assert_eq!(collect(&mut second, sender, 1).await, [result(sender, 1)]);
    };
    while_publishing(queue, [vec![result(sender, 1)]], consuming).await;
}

/// A wait that is broken off, time and again, loses nothing.
pub async fn waiting_for_results_may_be_broken_off(queue: &impl Queue) {
    let sender = fresh_sender();
    let mut consumer = queue.consume_results(shard_of(sender)).await.expect(CONSUMES);
    let batches = (1..=16).map(|attempt| vec![result(sender, attempt)]);
    let mut arrived = Vec::new();
    let all = async {
        while arrived.len() < 16 {
            let Ok(batch) = timeout(A_WHILE / 50, consumer.next_batch(3)).await else { continue };
            for delivery in batch.expect("the consumer runs") {
                let (results, acker) = delivery.split();
                arrived.extend(results.into_iter().filter(|result| result.sender == sender));
                acker.ack().await.expect(ANSWERS);
            }
        }
    };
    while_publishing(queue, batches, all).await;
    assert_eq!(arrived, (1..=16).map(|attempt| result(sender, attempt)).collect::<Vec<_>>());
}
