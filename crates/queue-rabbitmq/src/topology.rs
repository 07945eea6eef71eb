//! Exchanges, queues and their arguments. Whoever comes first declares them; all others find them as they would declare them.

use std::time::Duration;

use lapin::{
    Channel, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::{AMQPValue, FieldTable, ShortString},
};
use paceline_domain::SenderId;
use tokio::time::timeout;

use crate::{
    fault::{Fault, is_missing},
    names::{Names, job_key, result_key, shards},
    options::QueueType,
};

/// Ready jobs of one sender. A window is at most two seconds of 5,000 messages in jobs of 64, which makes 157.
const JOBS_OF_A_SENDER: i32 = 160;
/// Ready messages of one shard, of many results each.
const RESULTS_OF_A_SHARD: i32 = 1_000_000;
/// The newest dead letters are kept.
const DEAD_LETTERS: i32 = 100_000;
/// How often a job may come back before it is taken for one that breaks its worker. Never unset: see the README.
const DELIVERIES_OF_A_JOB: i32 = 20;
/// Higher than a job's: results come back whenever the database is away.
const DELIVERIES_OF_A_RESULT: i32 = 100;

const JOBS: &str = "jobs";
const RESULTS: &str = "results";

/// What to declare, and how long each answer may take.
#[derive(Debug, Clone)]
pub(crate) struct Topology {
    pub(crate) names: Names,
    pub(crate) queue_type: QueueType,
    pub(crate) answer_wait: Duration,
}

impl Topology {
    /// What all senders share.
    pub(crate) async fn declare_shared(&self, channel: &Channel) -> Result<(), Fault> {
        let names = &self.names;
        for (exchange, kind) in [
            (names.jobs(), ExchangeKind::Direct),
            (names.results(), ExchangeKind::Topic),
            (names.dead_letters(), ExchangeKind::Direct),
        ] {
            self.declare_exchange(channel, exchange, kind).await?;
        }
        self.declare_queue(channel, &names.dead(), self.dead_arguments()).await?;
        for key in [JOBS, RESULTS] {
            self.bind(channel, &names.dead(), names.dead_letters(), key.into()).await?;
        }
        for shard in shards() {
            let queue = names.results_of(shard);
            self.declare_queue(channel, &queue, self.result_arguments()).await?;
            self.bind(channel, &queue, names.results(), result_key(shard)).await?;
        }
        Ok(())
    }

    /// A sender's queue.
    pub(crate) async fn declare_sender(&self, channel: &Channel, sender: SenderId) -> Result<(), Fault> {
        let queue = self.names.jobs_of(sender);
        self.declare_queue(channel, &queue, self.job_arguments()).await?;
        self.bind(channel, &queue, self.names.jobs(), job_key(sender)).await
    }

    /// Whether a queue is there; the channel ends when it is not.
    pub(crate) async fn finds(&self, channel: &Channel, queue: &ShortString) -> Result<bool, Fault> {
        let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::durable() };
        let declaring = channel.queue_declare(queue.clone(), options, FieldTable::default());
        match self.bounded(declaring).await? {
            Ok(_) => Ok(true),
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(Fault::of_using(error, &queue_called(queue))),
        }
    }

    /// Quorum queues refuse to be deleted on a condition, so this one has none.
    pub(crate) async fn delete(&self, channel: &Channel, queue: &ShortString) -> Result<(), Fault> {
        let deleting = channel.queue_delete(queue.clone(), QueueDeleteOptions::default());
        match self.bounded(deleting).await? {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(Fault::of_declaring(error, &queue_called(queue))),
        }
    }

    async fn declare_exchange(&self, channel: &Channel, name: ShortString, kind: ExchangeKind) -> Result<(), Fault> {
        let what = format!("the exchange {name}");
        let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let declaring = channel.exchange_declare(name, kind, options, FieldTable::default());
        self.bounded(declaring).await?.map_err(|error| Fault::of_declaring(error, &what))
    }

    pub(crate) async fn declare_queue(
        &self,
        channel: &Channel,
        name: &ShortString,
        arguments: FieldTable,
    ) -> Result<(), Fault> {
        let declaring = channel.queue_declare(name.clone(), QueueDeclareOptions::durable(), arguments);
        let declared = self.bounded(declaring).await?;
        declared.map(drop).map_err(|error| Fault::of_declaring(error, &queue_called(name)))
    }

    async fn bind(
        &self,
        channel: &Channel,
        queue: &ShortString,
        exchange: ShortString,
        key: ShortString,
    ) -> Result<(), Fault> {
        let options = QueueBindOptions::default();
        let binding = channel.queue_bind(queue.clone(), exchange, key, options, FieldTable::default());
        self.bounded(binding).await?.map_err(|error| Fault::of_declaring(error, &queue_called(queue)))
    }

    /// The broker's answer, or that there was none.
    pub(crate) async fn bounded<T>(&self, call: impl Future<Output = T>) -> Result<T, Fault> {
        let late = |_| Fault::away(format!("the broker did not answer within {:?}", self.answer_wait));
        timeout(self.answer_wait, call).await.map_err(late)
    }

    fn job_arguments(&self) -> FieldTable {
        let mut arguments = self.worked_queue(JOBS, JOBS_OF_A_SENDER);
        if self.queue_type == QueueType::Quorum {
            set(&mut arguments, "x-delivery-limit", DELIVERIES_OF_A_JOB);
        }
        arguments
    }

    fn result_arguments(&self) -> FieldTable {
        let mut arguments = self.worked_queue(RESULTS, RESULTS_OF_A_SHARD);
        if self.queue_type == QueueType::Quorum {
            set(&mut arguments, "x-delivery-limit", DELIVERIES_OF_A_RESULT);
            // Costs the broker a process for each queue, so that only the few shared ones have it.
            set(&mut arguments, "x-dead-letter-strategy", "at-least-once");
        }
        arguments
    }

    fn dead_arguments(&self) -> FieldTable {
        let mut arguments = self.typed_queue();
        set(&mut arguments, "x-max-length", DEAD_LETTERS);
        arguments
    }

    /// A queue with one active consumer, that says when it is full.
    fn worked_queue(&self, dead_letter_key: &str, max_length: i32) -> FieldTable {
        let mut arguments = self.typed_queue();
        set(&mut arguments, "x-single-active-consumer", true);
        set(&mut arguments, "x-max-length", max_length);
        set(&mut arguments, "x-overflow", "reject-publish");
        set(&mut arguments, "x-dead-letter-exchange", self.names.dead_letters().as_str());
        set(&mut arguments, "x-dead-letter-routing-key", dead_letter_key);
        arguments
    }

    fn typed_queue(&self) -> FieldTable {
        let mut arguments = FieldTable::default();
        let queue_type = match self.queue_type {
            QueueType::Quorum => "quorum",
            QueueType::Classic => "classic",
        };
        set(&mut arguments, "x-queue-type", queue_type);
        arguments
    }
}

pub(crate) fn queue_called(name: &ShortString) -> String {
    format!("the queue {name}")
}

pub(crate) trait Argument {
    fn into_value(self) -> AMQPValue;
}

impl Argument for &str {
    fn into_value(self) -> AMQPValue {
        AMQPValue::LongString(self.into())
    }
}

impl Argument for i32 {
    fn into_value(self) -> AMQPValue {
        AMQPValue::LongInt(self)
    }
}

impl Argument for bool {
    fn into_value(self) -> AMQPValue {
        AMQPValue::Boolean(self)
    }
}

pub(crate) fn set(arguments: &mut FieldTable, key: &str, value: impl Argument) {
    arguments.insert(key.into(), value.into_value());
}
