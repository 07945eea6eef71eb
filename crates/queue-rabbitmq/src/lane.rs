//! A lane: one channel to publish on, owned by one task. What callers bring while a batch is on its way goes out together with the next
//! one, so that many small publishes cost little more than one large one, and a caller who gives up breaks nothing.

use std::{ops::Range, sync::Arc};

use lapin::{Channel, types::ShortString};
use paceline_queue::Publication;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use crate::{
    batch::{self, Outgoing},
    context::Context,
    fault::{Fault, is_missing},
    links::Links,
    session::Session,
    wire::Kind,
};

/// How large a message grows that carries many parcels. A single parcel may be larger.
const BODY_LIMIT: usize = 32 * 1_024;
/// How many callers wait in a lane before further ones wait outside.
const WAITING_CALLERS: usize = 1_024;

/// What a caller wants published.
pub(crate) struct Parcel {
    pub(crate) key: ShortString,
    /// A message's body; where parcels are packed together, an element of the array that is the body.
    pub(crate) body: Vec<u8>,
}

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
        let (context, links) = (Arc::clone(context), Arc::clone(links));
        let publisher = Publisher { context, links, kind, requests: queue, channel: None, published: 0 };
        drop(tokio::spawn(publisher.run()));
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
        let held = match self.channel.take().filter(|held| held.session.is_up() && held.channel.status().connected()) {
            Some(held) => held,
            None => {
                let session = self.links.publishing().session().await?;
                session.wait_unblocked(self.context.blocked_wait).await?;
                let channel = session.open_confirming_channel().await?;
                Held { session, channel }
            }
        };
        held.session.wait_unblocked(self.context.blocked_wait).await?;
        Ok(self.channel.insert(held).clone())
    }

    /// Publishes in windows. After an error the channel is dropped: what was not confirmed is unknown.
    async fn publish<'a>(
        &mut self,
        held: &Held,
        parcels: impl Iterator<Item = &'a Parcel>,
    ) -> Result<Vec<Publication>, Fault> {
        let packed = self.pack(parcels);
        let mut answers = Vec::new();
        for window in packed.chunks(self.context.publish_window) {
            match self.publish_window(held, window).await {
                Ok(published) => {
                    for (packed, answer) in window.iter().zip(published) {
                        answers.extend(packed.parcels.clone().map(|_| answer));
                    }
                }
                Err(fault) => {
                    self.channel = None;
                    return Err(fault);
                }
            }
        }
        Ok(answers)
    }

    async fn publish_window(&self, held: &Held, window: &[Packed]) -> Result<Vec<Publication>, Fault> {
        let context = &self.context;
        let exchange = match self.kind {
            Kind::Jobs => context.names().jobs(),
            Kind::Results => context.names().results(),
        };
        let messages: Vec<_> = window.iter().map(|packed| &packed.message).collect();
        let unconfirmed = context.meters.unconfirmed.with_label_values(&[self.kind.as_str()]);
        let count = i64::try_from(messages.len()).unwrap_or(i64::MAX);
        unconfirmed.add(count);
        let publishing = batch::publish(&held.channel, &exchange, self.kind, &messages);
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

    fn pack<'a>(&mut self, parcels: impl Iterator<Item = &'a Parcel>) -> Vec<Packed> {
        let mut packed: Vec<Packed> = Vec::new();
        for (index, parcel) in parcels.enumerate() {
            match packed.last_mut().filter(|last| self.kind == Kind::Results && last.has_room_for(parcel)) {
                Some(last) => last.add(parcel),
                None => {
                    self.published += 1;
                    packed.push(Packed::new(self.kind, parcel, index, self.published));
                }
            }
        }
        for packed in &mut packed {
            packed.finish(self.kind);
        }
        packed
    }

    fn count(&self, outcome: &str, messages: usize) {
        let labels = [self.kind.as_str(), outcome];
        self.context.meters.published.with_label_values(&labels).inc_by(u64::try_from(messages).unwrap_or(u64::MAX));
    }
}

/// A message, and which parcels it carries.
struct Packed {
    message: Outgoing,
    parcels: Range<usize>,
}

impl Packed {
    fn new(kind: Kind, parcel: &Parcel, index: usize, number: u64) -> Self {
        let id = format!("{}/{number}", parcel.key).into();
        let mut body = Vec::with_capacity(parcel.body.len() + 2);
        if kind == Kind::Results {
            body.push(b'[');
        }
        body.extend_from_slice(&parcel.body);
        Self { message: Outgoing { key: parcel.key.clone(), id, body }, parcels: index..index + 1 }
    }

    fn has_room_for(&self, parcel: &Parcel) -> bool {
        self.message.key == parcel.key && self.message.body.len() + parcel.body.len() < BODY_LIMIT
    }

    fn add(&mut self, parcel: &Parcel) {
        self.message.body.push(b',');
        self.message.body.extend_from_slice(&parcel.body);
        self.parcels.end += 1;
    }

    fn finish(&mut self, kind: Kind) {
        if kind == Kind::Results {
            self.message.body.push(b']');
        }
    }
}

const fn outcome(publication: Publication) -> &'static str {
    match publication {
        Publication::Confirmed => "confirmed",
        Publication::Returned => "returned",
        Publication::Rejected => "rejected",
    }
}
