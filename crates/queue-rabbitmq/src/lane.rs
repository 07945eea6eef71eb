//! A lane: one channel to publish on, owned by one task. What callers bring while a batch is on its way goes out together with the next
//! one, so that many small publishes cost little more than one large one, and a caller who gives up breaks nothing.

use std::sync::Arc;

use lapin::Channel;
use paceline_queue::Publication;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    batch::{self, Outgoing},
    context::Context,
    fault::{Fault, is_missing},
    freight::{Freight, Parcel},
    links::Links,
    session::Session,
    wire::Kind,
};

/// How many callers wait in a lane before further ones wait outside.
const WAITING_CALLERS: usize = 1_024;

/// A caller's parcels, and where to answer for each, in order.
struct Request {
    parcels: Vec<Parcel>,
    answer: oneshot::Sender<Result<Vec<Publication>, Fault>>,
}

/// The callers' side.
pub(crate) struct Lane(mpsc::Sender<Request>);

impl Lane {
    pub(crate) fn start(context: &Arc<Context>, links: &Arc<Links>, kind: Kind) -> Self {
        let (requests, queue) = mpsc::channel(WAITING_CALLERS);
        let tasks = context.tasks.clone();
        let (context, links) = (Arc::clone(context), Arc::clone(links));
        let publisher = Publisher { context, links, kind, requests: queue, channel: None, published: 0 };
        drop(tasks.spawn(publisher.run()));
        Self(requests)
    }

    /// Publishes, and answers for each parcel.
    pub(crate) async fn publish(&self, parcels: Vec<Parcel>) -> Result<Vec<Publication>, Fault> {
        let closed = || Fault::away("the queue was closed");
        let (answer, answered) = oneshot::channel();
        self.0.send(Request { parcels, answer }).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

/// The task.
struct Publisher {
    context: Arc<Context>,
    links: Arc<Links>,
    kind: Kind,
    requests: mpsc::Receiver<Request>,
    channel: Option<Held>,
    // Of all messages so far; makes their ids.
    published: u64,
}

/// A channel, and the generation that it belongs to.
#[derive(Clone)]
struct Held {
    session: Arc<Session>,
    channel: Channel,
}

impl Publisher {
    async fn run(mut self) {
        let stop = self.context.stop.clone();
        // Dropping what waits answers it.
        stop.run_until_cancelled(async {
            while let Some(first) = self.requests.recv().await {
                self.serve(first).await;
            }
        })
        .await;
    }

    async fn serve(&mut self, first: Request) {
        let held = self.ready().await;
        // Whoever came meanwhile goes along, or fails along.
        let mut size = first.parcels.len();
        let mut requests = vec![first];
        while (held.is_err() || size < self.context.publish_window)
            && let Ok(request) = self.requests.try_recv()
        {
            size += request.parcels.len();
            requests.push(request);
        }
        let answers = match held {
            Ok(held) => self.publish(&held, requests.iter().flat_map(|request| &request.parcels)).await,
            Err(fault) => Err(fault),
        };
        let mut answers = answers.map(Vec::into_iter);
        for request in requests {
            let count = request.parcels.len();
            // A caller who has given up hears nothing.
            let _ = request.answer.send(match &mut answers {
                Ok(answers) => Ok(answers.take(count).collect()),
                Err(fault) => Err(fault.clone()),
            });
        }
    }

    /// A channel of a generation that is up, which the broker does not block.
    async fn ready(&mut self) -> Result<Held, Fault> {
        let usable = |held: &Held| held.session.is_up() && held.channel.status().connected();
        let held = if let Some(held) = self.channel.take().filter(usable) {
            held
        } else {
            let session = self.links.publishing().session().await?;
            let channel = session.open_confirming_channel().await?;
            Held { session, channel }
        };
        held.session.wait_unblocked().await?;
        Ok(self.channel.insert(held).clone())
    }

    /// Publishes in windows. After an error the channel is dropped: what was not confirmed is unknown.
    async fn publish<'a>(
        &mut self,
        held: &Held,
        parcels: impl Iterator<Item = &'a Parcel>,
    ) -> Result<Vec<Publication>, Fault> {
        let mut freight = Freight::pack(self.kind, parcels, &mut self.published);
        while let Some(window) = freight.next_window(self.context.publish_window) {
            match self.publish_window(held, &freight.messages(&window)).await {
                Ok(answers) => freight.answer(&window, &answers),
                Err(fault) => {
                    self.channel = None;
                    return Err(fault);
                }
            }
        }
        Ok(freight.into_answers())
    }

    async fn publish_window(&self, held: &Held, messages: &[&Outgoing]) -> Result<Vec<Publication>, Fault> {
        let context = &self.context;
        let exchange = match self.kind {
            Kind::Jobs => context.names().jobs(),
            Kind::Results => context.names().results(),
        };
        let unconfirmed = context.meters.unconfirmed.with_label_values(&[self.kind.as_str()]);
        let count = i64::try_from(messages.len()).unwrap_or(i64::MAX);
        unconfirmed.add(count);
        let publishing = batch::publish(&held.channel, &exchange, self.kind, messages);
        let published = timeout(context.topology.answer_wait, publishing).await;
        unconfirmed.sub(count);
        let fault = match published {
            Ok(Ok(answers)) => {
                for &answer in &answers {
                    self.count(outcome(answer), 1);
                }
                return Ok(answers);
            }
            Ok(Err(error)) => {
                if is_missing(&error) {
                    self.restore(held).await;
                }
                Fault::of_using(error, &format!("the exchange {exchange}"))
            }
            Err(_) => match held.session.blocked() {
                Some(blocked) => blocked.fault(),
                None => Fault::away(format!("the broker did not confirm within {:?}", context.topology.answer_wait)),
            },
        };
        self.count("unknown", messages.len());
        Err(fault)
    }

    /// Somebody has deleted the exchange.
    async fn restore(&self, held: &Held) {
        if let Err(fault) = held.session.declare_shared().await {
            tracing::warn!(
                reason = fault.reason(),
                cure = fault.cure(),
                "exchanges and queues cannot be declared again"
            );
        }
    }

    fn count(&self, outcome: &str, messages: usize) {
        let labels = [self.kind.as_str(), outcome];
        self.context.meters.published.with_label_values(&labels).inc_by(u64::try_from(messages).unwrap_or(u64::MAX));
    }
}

const fn outcome(publication: Publication) -> &'static str {
    match publication {
        Publication::Confirmed => "confirmed",
        Publication::Returned => "returned",
        Publication::Rejected => "rejected",
    }
}
