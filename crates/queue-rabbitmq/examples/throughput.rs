//! What the broker and this adapter alone can do: jobs published and consumed at once, results, and declarations, per second,
//! and how long a job takes from one process to another while queues are declared.
//!
//! `AMQP_URL=… cargo run --release -p paceline-queue-rabbitmq --example throughput -- [messages] [senders] [queues] [quorum|classic]` prints
//! one JSON object. It works in a namespace of its own and deletes its queues.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement fails by panicking and prints its result")]
#![expect(clippy::cast_precision_loss, reason = "rates are read by people")]

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use lapin::{
    Connection, ConnectionProperties,
    options::{ExchangeDeleteOptions, QueueDeleteOptions},
};
use paceline_domain::{
    Address, Epoch, Generation, Job, JobItem, Lane, MessageId, Outcome, ResultBody, SenderId, WorkerResult,
};
use paceline_queue::{JobQueue, Publication, RESULT_SHARDS, ResultQueue};
use paceline_queue_rabbitmq::{QueueType, RabbitOptions, RabbitQueue};
use tokio::{
    task::{JoinHandle, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

/// Jobs of one publish, as the releaser's claim limit makes them.
const MESSAGES_OF_A_PUBLISH: usize = 4_096;
/// What a worker may have in hand.
const PREFETCH: u16 = 1_024;
/// Results of one publish, as a worker's reporter makes them.
const RESULTS_OF_A_PUBLISH: usize = 500;
/// How often a job is sent while queues are declared.
const PROBE_EVERY: Duration = Duration::from_millis(20);

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let argument =
        |at, default| std::env::args().nth(at).map_or(default, |text: String| text.parse::<usize>().unwrap());
    let (messages, senders, queues) = (argument(1, 100_000), argument(2, 20), argument(3, 1_000));
    let queue_type = match std::env::args().nth(4).as_deref() {
        Some("classic") => QueueType::Classic,
        _ => QueueType::Quorum,
    };
    let url = std::env::var("AMQP_URL").expect("AMQP_URL names a RabbitMQ");
    let namespace = format!("throughput-{:016x}", RandomState::new().hash_one(0_u8));
    let mut options = RabbitOptions::new(url.clone().into());
    namespace.clone_into(&mut options.namespace);
    options.queue_type = queue_type;
    let queue = Arc::new(RabbitQueue::start(options).unwrap());
    let senders: Vec<_> = (0..senders).map(|_| fresh_sender()).collect();
    queue.declare_senders(&senders).await.unwrap();

    let full = carry_jobs(&queue, &senders, messages, Job::MAX_ITEMS).await;
    let single = carry_jobs(&queue, &senders, messages / 10, 1).await;
    let results = carry_results(&queue, &senders, messages).await;
    let (done, idle) = probe(&queue, senders[0]);
    tokio::time::sleep(Duration::from_secs(2)).await;
    done.cancel();
    let idle = idle.await.unwrap();
    let many: Vec<_> = (0..queues).map(|_| fresh_sender()).collect();
    let (done, probing) = probe(&queue, senders[0]);
    let began = Instant::now();
    queue.declare_senders(&many).await.unwrap();
    let declares = queues as f64 / began.elapsed().as_secs_f64();
    done.cancel();
    let declaring = probing.await.unwrap();
    let began = Instant::now();
    queue.declare_senders(&many).await.unwrap();
    let declares_again = queues as f64 / began.elapsed().as_secs_f64();
    clean_up(&url, &namespace, senders.into_iter().chain(many)).await;
    println!(
        "{}",
        serde_json::json!({
            "queue_type": format!("{queue_type:?}"), "messages": messages,
            "jobs_of_64_messages_per_second": full.round(),
            "jobs_of_1_message_per_second": single.round(),
            "results_per_second": results.round(),
            "queues_declared": queues,
            "declares_per_second": declares.round(),
            "job_ms_before": spread(idle),
            "job_ms_while_queues_are_declared": spread(declaring),
            "declares_of_what_is_there_per_second": declares_again.round(),
            "resident_kib": resident_kib(),
        })
    );
}

fn fresh_sender() -> SenderId {
    let half = || RandomState::new().hash_one(0_u8).to_be_bytes();
    let (high, low) = (half(), half());
    SenderId::from_bytes(std::array::from_fn(|index| if index < 8 { high[index] } else { low[index - 8] }))
}

/// Publishes and consumes at once; answers how many messages passed in a second.
async fn carry_jobs(queue: &Arc<RabbitQueue>, senders: &[SenderId], messages: usize, each: usize) -> f64 {
    let share = messages / senders.len() / each;
    let mut workers = JoinSet::new();
    for &sender in senders {
        let mut consumer = queue.consume_jobs(sender, PREFETCH).await.unwrap();
        workers.spawn(async move {
            for _ in 0..share {
                consumer.next().await.unwrap().ack().await.unwrap();
            }
        });
    }
    let began = Instant::now();
    let mut waiting: Vec<_> = (0..share).flat_map(|_| senders.iter().map(|&sender| job(sender, each))).collect();
    while !waiting.is_empty() {
        let rest = waiting.split_off(waiting.len().min(MESSAGES_OF_A_PUBLISH / each));
        let answers = queue.publish_jobs(waiting.clone()).await.unwrap();
        let rejected = waiting.into_iter().zip(answers).filter(|(_, answer)| *answer == Publication::Rejected);
        waiting = rejected.map(|(job, _)| job).chain(rest).collect();
    }
    workers.join_all().await;
    (share * each * senders.len()) as f64 / began.elapsed().as_secs_f64()
}

fn job(sender: SenderId, each: usize) -> Job {
    let item = |number| JobItem {
        message: MessageId::from_bytes([7; 16]),
        generation: Generation(1),
        to: Address::phone("+4915112345678".parse().unwrap()),
        chars: number,
    };
    Job { sender, lane: Lane::Campaign, items: (0..u32::try_from(each).unwrap()).map(item).collect() }
}

/// Publishes and consumes at once on all shards; answers how many results passed in a second.
async fn carry_results(queue: &Arc<RabbitQueue>, senders: &[SenderId], count: usize) -> f64 {
    let outcome = Outcome::Sent { provider_id: None };
    let body = ResultBody::Attempt { message: MessageId::from_bytes([7; 16]), attempt: 1, epoch: Epoch(1), outcome };
    let at = chrono::DateTime::UNIX_EPOCH;
    let results: Vec<_> = (0..count)
        .map(|number| WorkerResult { sender: senders[number % senders.len()], at, body: body.clone() })
        .collect();
    let mut roles = JoinSet::new();
    for shard in 0..RESULT_SHARDS {
        let expected = results.iter().filter(|result| result.shard(RESULT_SHARDS) == shard).count();
        let mut consumer = queue.consume_results(shard).await.unwrap();
        roles.spawn(async move {
            let mut arrived = 0;
            while arrived < expected {
                for delivery in consumer.next_batch(500).await.unwrap() {
                    arrived += delivery.body().len();
                    delivery.ack().await.unwrap();
                }
            }
        });
    }
    let began = Instant::now();
    for results in results.chunks(RESULTS_OF_A_PUBLISH) {
        queue.publish_results(results.to_vec()).await.unwrap();
    }
    roles.join_all().await;
    count as f64 / began.elapsed().as_secs_f64()
}

/// Sends a job at a time to one of the senders until it is told to end; answers how long each took until it was consumed.
fn probe(queue: &Arc<RabbitQueue>, sender: SenderId) -> (CancellationToken, JoinHandle<Vec<Duration>>) {
    let (queue, done) = (Arc::clone(queue), CancellationToken::new());
    let until = done.clone();
    let probing = tokio::spawn(async move {
        let mut consumer = queue.consume_jobs(sender, PREFETCH).await.unwrap();
        let mut times = Vec::new();
        while !until.is_cancelled() {
            let began = Instant::now();
            queue.publish_jobs(vec![job(sender, 1)]).await.unwrap();
            consumer.next().await.unwrap().ack().await.unwrap();
            times.push(began.elapsed());
            tokio::time::sleep(PROBE_EVERY).await;
        }
        times
    });
    (done, probing)
}

/// The median, the 99th percentile and the longest of some times, in milliseconds.
fn spread(mut times: Vec<Duration>) -> serde_json::Value {
    times.sort_unstable();
    let at = |percent: usize| times.get((times.len() * percent / 100).min(times.len().saturating_sub(1)));
    let millis = |time: Option<&Duration>| time.map(|time| (time.as_secs_f64() * 10_000.0).round() / 10.0);
    serde_json::json!({"median": millis(at(50)), "p99": millis(at(99)), "max": millis(times.last()), "jobs": times.len()})
}

async fn clean_up(url: &str, namespace: &str, senders: impl Iterator<Item = SenderId>) {
    let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    let shared = (0..RESULT_SHARDS).map(|shard| format!("results.{shard}")).chain(["dead".to_owned()]);
    for queue in senders.map(|sender| format!("jobs.{sender}")).chain(shared) {
        let name = format!("{namespace}.pl1.{queue}");
        channel.queue_delete(name.into(), QueueDeleteOptions::default()).await.unwrap();
    }
    for exchange in ["jobs", "results", "dlx"] {
        let name = format!("{namespace}.pl1.{exchange}");
        channel.exchange_delete(name.into(), ExchangeDeleteOptions::default()).await.unwrap();
    }
    connection.close(200, "OK".into()).await.unwrap();
}

fn resident_kib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
