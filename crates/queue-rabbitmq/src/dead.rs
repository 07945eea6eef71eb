//! Dead letters: whatever came to the dead queue, read as far as this release can read it.

use async_trait::async_trait;
use lapin::{
    message::Delivery as Received,
    types::{AMQPValue, ShortString},
};
use paceline_domain::DeathReason;
use paceline_queue::{Cargo, DeadConsumer, DeadLetter, DeadQueue, Delivery, QueueResult};

use crate::{
    RabbitQueue,
    consumer::{Deliveries, NoConsumer},
    fault::Fault,
    wire::{self, Unreadable},
};

/// Letters in hand at most; one may be as large as the broker allows.
const PREFETCH: u16 = 64;

/// The label of its metrics.
const LABEL: &str = "dead";

#[async_trait]
impl DeadQueue for RabbitQueue {
    async fn consume_dead(&self) -> QueueResult<Box<dyn DeadConsumer>> {
        let deliveries = match self.begin_dead().await {
            Err(NoConsumer::Missing) => {
                self.links.declaring().session().await?.declare_shared().await?;
                self.begin_dead().await
            }
            begun => begun,
        };
        match deliveries {
            Ok(deliveries) => Ok(Box::new(DeadLetters(deliveries))),
            Err(NoConsumer::Missing) => Err(Fault::away("the dead queue is being deleted").into()),
            Err(NoConsumer::Fault(fault)) => Err(fault.into()),
        }
    }
}

impl RabbitQueue {
    async fn begin_dead(&self) -> Result<Deliveries, NoConsumer> {
        let seat = self.links.consuming();
        let session = seat.0.session().await?;
        let queue = self.context.names().dead();
        Deliveries::begin(&self.context, &session, seat, queue, PREFETCH).await
    }
}

struct DeadLetters(Deliveries);

#[async_trait]
impl DeadConsumer for DeadLetters {
    async fn next_batch(&mut self, limit: usize) -> Option<Vec<Delivery<DeadLetter>>> {
        let mut batch = vec![self.0.next(read, LABEL).await?];
        while batch.len() < limit
            && let Some(more) = self.0.next_at_hand(read, LABEL)
        {
            batch.push(more);
        }
        Some(batch)
    }
}

/// Always a letter: what was refused here would be lost.
#[expect(clippy::unnecessary_wraps, reason = "as other consumers read")]
fn read(received: &Received) -> Result<DeadLetter, Unreadable> {
    let cargo = wire::read_job(received).map(Cargo::Job);
    let cargo = cargo.or_else(|_| wire::read_results(received).map(Cargo::Results));
    let cargo = cargo.unwrap_or_else(|_| Cargo::Unreadable(received.data.clone()));
    Ok(DeadLetter { reason: reason_of(received), cargo })
}

/// What the broker noted when it took the letter out of its first queue. We reject only what we cannot read.
fn reason_of(received: &Received) -> DeathReason {
    let headers = received.properties.headers().as_ref();
    let noted = headers.and_then(|headers| headers.inner().get(&ShortString::from("x-first-death-reason")));
    match noted {
        Some(AMQPValue::LongString(reason)) => match reason.as_bytes() {
            b"delivery_limit" => DeathReason::DeliveryLimit,
            b"rejected" => DeathReason::Unreadable,
            _ => DeathReason::Dropped,
        },
        _ => DeathReason::Dropped,
    }
}
