//! Consuming: deliveries that come twice, out of order, and whose answers get lost.

use async_trait::async_trait;
use paceline_domain::{Job, SenderId, WorkerResult};
use paceline_queue::{Acker, Delivery, JobConsumer, QueueResult, ResultConsumer};

use super::away;
use crate::{
    broker::{Broker, ConsumerId, Line},
    flaw::Flaw,
    world::{Port, World},
};

/// Which queue.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Jobs(SenderId),
    Results(u16),
}

/// A queue of one kind of message, found by its place.
pub(super) trait Kind: Clone + Send + 'static {
    fn line(broker: &mut Broker, place: Place) -> Option<&mut Line<Self>>;
    /// Whether the flaw answers deliveries of this kind as they are handed out.
    fn is_acked_early(flaw: Flaw) -> bool;
}

impl Kind for Job {
    fn line(broker: &mut Broker, place: Place) -> Option<&mut Line<Self>> {
        match place {
            Place::Jobs(sender) => broker.jobs.get_mut(&sender),
            Place::Results(_) => None,
        }
    }

    fn is_acked_early(flaw: Flaw) -> bool {
        flaw == Flaw::AcksJobsEarly
    }
}

impl Kind for Vec<WorkerResult> {
    fn line(broker: &mut Broker, place: Place) -> Option<&mut Line<Self>> {
        match place {
            Place::Results(shard) => broker.results.get_mut(usize::from(shard)),
            Place::Jobs(_) => None,
        }
    }

    fn is_acked_early(flaw: Flaw) -> bool {
        flaw == Flaw::AcksResultsEarly
    }
}

/// A running consumer.
pub(super) struct Consumer<T: Kind> {
    port: Port,
    place: Place,
    id: ConsumerId,
    prefetch: usize,
    kind: std::marker::PhantomData<fn() -> T>,
}

impl<T: Kind> Consumer<T> {
    pub(super) fn take_seat(port: &Port, place: Place, prefetch: usize) -> Self {
        let mut world = port.enter();
        let id = world.broker.name_consumer();
        if let Some(line) = T::line(&mut world.broker, place) {
            line.seat(id, port.node);
        }
        Self { port: port.clone(), place, id, prefetch, kind: std::marker::PhantomData }
    }

    /// The next message; `None` when the consumer has ended.
    async fn take(&self) -> Option<Delivery<T>> {
        loop {
            let changed = {
                let mut world = self.port.enter();
                match self.try_take(&mut world) {
                    Taken::Message(delivery) => return Some(delivery),
                    Taken::Ended => return None,
                    Taken::Nothing(changed) => changed,
                }
            };
            changed.notified().await;
        }
    }

    fn try_take(&self, world: &mut World) -> Taken<T> {
        let (reorders, closes) = (world.weather.reorders, world.weather.closes);
        let flawed = world.flaw.is_some_and(T::is_acked_early);
        let Some(line) = T::line(&mut world.broker, self.place) else { return Taken::Ended };
        if !line.is_seated(self.id) {
            return Taken::Ended;
        }
        let chance = &mut world.chance;
        let out_of_order = chance.happens(reorders);
        let Some(handed) = line.hand_out(self.id, self.prefetch, out_of_order.then_some(&mut *chance)) else {
            return Taken::Nothing(line.changed());
        };
        if chance.happens(closes) {
            line.close(self.id);
            return Taken::Ended;
        }
        if flawed {
            line.ack(handed.tag);
        }
        let acker = Answer { port: self.port.clone(), place: self.place, tag: handed.tag, kind: self.kind };
        Taken::Message(Delivery::new(handed.body, handed.redelivered, Box::new(acker)))
    }
}

enum Taken<T> {
    Message(Delivery<T>),
    Nothing(std::sync::Arc<tokio::sync::Notify>),
    Ended,
}

impl<T: Kind> Drop for Consumer<T> {
    fn drop(&mut self) {
        let mut world = self.port.enter_late();
        if let Some(line) = T::line(&mut world.broker, self.place) {
            line.close(self.id);
        }
    }
}

#[async_trait]
impl JobConsumer for Consumer<Job> {
    async fn next(&mut self) -> Option<Delivery<Job>> {
        self.take().await
    }
}

#[async_trait]
impl ResultConsumer for Consumer<Vec<WorkerResult>> {
    async fn next_batch(&mut self, limit: usize) -> Option<Vec<Delivery<Vec<WorkerResult>>>> {
        let first = self.take().await?;
        let mut count = first.body().len();
        let mut batch = vec![first];
        while count < limit {
            let taken = self.try_take(&mut self.port.enter());
            let Taken::Message(delivery) = taken else { break };
            count += delivery.body().len();
            batch.push(delivery);
        }
        Some(batch)
    }
}

/// The answer to one delivery.
struct Answer<T> {
    port: Port,
    place: Place,
    tag: u64,
    kind: std::marker::PhantomData<fn() -> T>,
}

impl<T: Kind> Answer<T> {
    fn answer(&self, answer: impl FnOnce(&mut Line<T>, u64) -> bool) -> QueueResult<()> {
        let mut world = self.port.enter();
        if world.weather.is_broker_away(world.now) {
            return Err(away());
        }
        // As a broker's: an answer on a channel that is gone fails silently, or with an error.
        let told = world.chance.happens(500);
        let line = T::line(&mut world.broker, self.place);
        let there = line.is_some_and(|line| answer(line, self.tag));
        if there || told { Ok(()) } else { Err(away()) }
    }
}

#[async_trait]
impl<T: Kind> Acker for Answer<T> {
    async fn ack(self: Box<Self>) -> QueueResult<()> {
        let lost = {
            let mut world = self.port.enter();
            let loses = world.weather.loses_acks;
            world.chance.happens(loses)
        };
        self.answer(if lost { Line::give_back } else { Line::ack })
    }

    async fn give_back(self: Box<Self>) -> QueueResult<()> {
        self.answer(Line::give_back)
    }
}
