//! The queue's ports: publishing, with confirms that get lost, and consuming.

mod consume;

use async_trait::async_trait;
use paceline_domain::{Job, SenderId, WorkerResult};
use paceline_queue::{
    DeadQueue, JobConsumer, JobQueue, Publication, QueueError, QueueResult, RESULT_SHARDS, ResultConsumer, ResultQueue,
};
use tokio::time::sleep;

use crate::{
    broker::Offer,
    world::{Port, World},
};
use consume::{Consumer, Place};

/// The broker as one node reaches it.
pub(crate) struct NodeQueue {
    port: Port,
}

impl NodeQueue {
    pub(crate) const fn new(port: Port) -> Self {
        Self { port }
    }

    fn refuse_when_away(&self) -> QueueResult<()> {
        let world = self.port.enter();
        if world.weather.is_broker_away(world.now) { Err(away()) } else { Ok(()) }
    }

    /// Takes what is published, or, when the confirms get lost, some of it, now or later. `None`: the confirms got lost.
    fn publish<M: Send + 'static, A>(
        &self,
        messages: Vec<M>,
        enqueue: impl Fn(&mut World, M) -> A + Clone + Send + 'static,
    ) -> Option<Vec<A>> {
        let mut world = self.port.enter();
        let fails = world.weather.publish_fails;
        if !world.chance.happens(fails) {
            return Some(messages.into_iter().map(|message| enqueue(&mut world, message)).collect());
        }
        for message in messages {
            match world.chance.place(3) {
                0 => {}
                1 => {
                    enqueue(&mut world, message);
                }
                _ => {
                    let (delay, enqueue) = (world.chance.skewed(6_000), enqueue.clone());
                    world.later(delay, move |world| {
                        enqueue(world, message);
                    });
                }
            }
        }
        None
    }

    async fn wait_for_confirms(&self) {
        let pause = {
            let mut world = self.port.enter();
            let slow = world.weather.store_slow;
            if world.chance.happens(slow) { world.chance.skewed(1_000) } else { return }
        };
        sleep(pause).await;
    }
}

pub(crate) fn away() -> QueueError {
    QueueError::Unavailable { reason: "the simulated broker is away".to_owned(), source: None }
}

/// The simulated broker delivers as often as it takes.
impl DeadQueue for NodeQueue {}

#[async_trait]
impl JobQueue for NodeQueue {
    async fn declare_senders(&self, senders: &[SenderId]) -> QueueResult<()> {
        self.refuse_when_away()?;
        let mut world = self.port.enter();
        for &sender in senders {
            world.broker.jobs.entry(sender).or_default();
        }
        Ok(())
    }

    async fn publish_jobs(&self, jobs: Vec<Job>) -> QueueResult<Vec<Publication>> {
        self.refuse_when_away()?;
        let published = self.publish(jobs, enqueue_job);
        self.wait_for_confirms().await;
        published.ok_or_else(away)
    }

    async fn consume_jobs(&self, sender: SenderId, prefetch: u16) -> QueueResult<Box<dyn JobConsumer>> {
        self.refuse_when_away()?;
        self.port.enter().broker.jobs.entry(sender).or_default();
        let place = Place::Jobs(sender);
        Ok(Box::new(Consumer::take_seat(&self.port, place, usize::from(prefetch))))
    }

    async fn remove_sender(&self, sender: SenderId) -> QueueResult<()> {
        self.refuse_when_away()?;
        self.port.enter().broker.jobs.remove(&sender);
        Ok(())
    }
}

#[async_trait]
impl ResultQueue for NodeQueue {
    async fn publish_results(&self, results: Vec<WorkerResult>) -> QueueResult<()> {
        self.refuse_when_away()?;
        let mut shards: Vec<(u16, Vec<WorkerResult>)> = Vec::new();
        for result in results {
            let shard = result.shard(RESULT_SHARDS);
            match shards.iter_mut().find(|(other, _)| *other == shard) {
                Some((_, results)) => results.push(result),
                None => shards.push((shard, vec![result])),
            }
        }
        let published = self.publish(shards, enqueue_results);
        self.wait_for_confirms().await;
        published.map(|_| ()).ok_or_else(away)
    }

    async fn consume_results(&self, shard: u16) -> QueueResult<Box<dyn ResultConsumer>> {
        self.refuse_when_away()?;
        Ok(Box::new(Consumer::take_seat(&self.port, Place::Results(shard), 64)))
    }
}

fn enqueue_job(world: &mut World, job: Job) -> Publication {
    let (rejects, doubles) = (world.weather.rejects, world.weather.doubles);
    let Some(line) = world.broker.jobs.get_mut(&job.sender) else { return Publication::Returned };
    if world.chance.happens(rejects) {
        return Publication::Rejected;
    }
    if world.chance.happens(doubles) {
        // The copy may find the queue full; that is no matter.
        let _ = line.offer(job.clone());
    }
    match line.offer(job) {
        Offer::Taken => Publication::Confirmed,
        Offer::Full => Publication::Rejected,
    }
}

fn enqueue_results(world: &mut World, (shard, results): (u16, Vec<WorkerResult>)) {
    let doubles = world.weather.doubles;
    let Some(line) = world.broker.results.get_mut(usize::from(shard)) else { return };
    if world.chance.happens(doubles) {
        line.push(results.clone());
    }
    line.push(results);
}
