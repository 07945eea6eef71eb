//! A consumer with a channel of its own: when it ends, the channel is closed, and what is unanswered goes to the next one.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt};
use lapin::{
    Channel, Consumer,
    message::Delivery as Received,
    options::{BasicAckOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};
use paceline_queue::{Acker, Delivery, QueueResult};

use crate::{
    context::Context,
    fault::{Fault, is_missing},
    link::Seat,
    session::{self, Session},
    topology::queue_called,
    wire::Unreadable,
};

/// A running consumer of one queue.
pub(crate) struct Deliveries {
    context: Arc<Context>,
    consumer: Consumer,
    channel: Channel,
    queue: ShortString,
    ended: bool,
    // Free again a moment before the channel is; the connection has channels to spare.
    _seat: Seat,
}

/// Why there is no consumer.
pub(crate) enum NoConsumer {
    /// The queue is not there.
    Missing,
    /// All else.
    Fault(Fault),
}

impl From<Fault> for NoConsumer {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Deliveries {
    /// Begins to consume a queue that is there.
    pub(crate) async fn begin(
        context: &Arc<Context>,
        session: &Session,
        seat: Seat,
        queue: ShortString,
        prefetch: u16,
    ) -> Result<Self, NoConsumer> {
        let using = |error| NoConsumer::Fault(Fault::of_using(error, &queue_called(&queue)));
        let channel = session.open_channel().await?;
        let limiting = channel.basic_qos(prefetch.max(1), BasicQosOptions::default());
        context.topology.bounded(limiting).await?.map_err(using)?;
        let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
        let consuming = channel.basic_consume(queue.clone(), "paceline".into(), options, arguments);
        let consumer = match context.topology.bounded(consuming).await? {
            Ok(consumer) => consumer,
            Err(error) if is_missing(&error) => return Err(NoConsumer::Missing),
            Err(error) => return Err(using(error)),
        };
        Ok(Self { context: Arc::clone(context), consumer, channel, queue, ended: false, _seat: seat })
    }

    /// The next delivery that can be read; `None` when the consumer has ended. Cancel-safe.
    pub(crate) async fn next<T>(
        &mut self,
        read: impl Fn(&Received) -> Result<T, Unreadable>,
        label: &'static str,
    ) -> Option<Delivery<T>> {
        while !self.ended {
            let received = self.consumer.next().await;
            let delivery = self.take(received, &read, label);
            if delivery.is_some() {
                return delivery;
            }
        }
        None
    }

    /// The next delivery, when one has arrived.
    pub(crate) fn next_at_hand<T>(
        &mut self,
        read: impl Fn(&Received) -> Result<T, Unreadable>,
        label: &'static str,
    ) -> Option<Delivery<T>> {
        while !self.ended {
            let received = self.consumer.next().now_or_never()?;
            let delivery = self.take(received, &read, label);
            if delivery.is_some() {
                return delivery;
            }
        }
        None
    }

    fn take<T>(
        &mut self,
        received: Option<lapin::Result<Received>>,
        read: impl Fn(&Received) -> Result<T, Unreadable>,
        label: &'static str,
    ) -> Option<Delivery<T>> {
        let Some(Ok(received)) = received else {
            self.end(received.and_then(Result::err));
            return None;
        };
        if received.redelivered {
            self.context.meters.redeliveries.with_label_values(&[label]).inc();
        }
        match read(&received) {
            Ok(body) => {
                let acker = RabbitAcker { context: Arc::clone(&self.context), acker: received.acker };
                Some(Delivery::new(body, received.redelivered, Box::new(acker)))
            }
            Err(unreadable) => {
                self.park(received, &unreadable, label);
                None
            }
        }
    }

    /// Unless the whole queue was closed, nobody here asked for it: the connection is lost, the queue deleted, or the broker has
    /// cancelled the consumer.
    fn end(&mut self, error: Option<lapin::Error>) {
        self.ended = true;
        if self.context.stop.is_cancelled() {
            return;
        }
        self.context.meters.lost_consumers.inc();
        let fault = error.map_or_else(
            || Fault::away("the broker cancelled it"),
            |error| Fault::of_using(error, &queue_called(&self.queue)),
        );
        tracing::debug!(queue = %self.queue, reason = fault.reason(), "a consumer has ended");
    }

    /// Sends what cannot be read to the dead queue. Nobody waits for it, so that a wait broken off loses nothing.
    fn park(&self, received: Received, unreadable: &Unreadable, label: &'static str) {
        self.context.meters.undecodable.with_label_values(&[label]).inc();
        let (queue, reason) = (&self.queue, unreadable);
        tracing::error!(queue = %queue, reason = %reason, "a delivery cannot be read; it goes to the dead queue");
        drop(tokio::spawn(async move {
            let options = BasicNackOptions { requeue: false, ..BasicNackOptions::default() };
            // A failure gives it back, and it is parked then.
            let _ = received.acker.nack(options).await;
        }));
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        session::close(self.channel.clone());
    }
}

/// Answers one delivery of one generation.
struct RabbitAcker {
    context: Arc<Context>,
    acker: lapin::Acker,
}

impl RabbitAcker {
    /// The driver answers `false` when the channel has ended: the delivery comes again, as the port promises.
    fn done(&self, answered: lapin::Result<bool>) -> QueueResult<()> {
        match answered {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.context.meters.stale_answers.inc();
                Ok(())
            }
            Err(error) => {
                self.context.meters.stale_answers.inc();
                Err(Fault::of_using(error, "the queue").into())
            }
        }
    }
}

#[async_trait]
impl Acker for RabbitAcker {
    async fn ack(self: Box<Self>) -> QueueResult<()> {
        self.done(self.acker.ack(BasicAckOptions::default()).await)
    }

    async fn give_back(self: Box<Self>) -> QueueResult<()> {
        let options = BasicNackOptions { requeue: true, ..BasicNackOptions::default() };
        self.done(self.acker.nack(options).await)
    }
}
