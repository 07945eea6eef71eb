//! Publishing one batch on a channel that carries nothing else meanwhile.
//!
//! The driver hands a returned message to whichever confirm completes next, so a single confirm does not tell whether its own
//! message was routed. What holds is this: each return comes before its own confirm, and each confirm takes one return away. So
//! when all confirms of a channel are in, all returns are in too, and their message ids tell whose they are.

use std::{collections::HashSet, future::poll_fn, pin::Pin, task::Poll};

use lapin::{Channel, Confirmation, ErrorKind, PublisherConfirm, options::BasicPublishOptions, types::ShortString};
use paceline_queue::Publication;

use crate::wire::Kind;

/// One AMQP message to publish.
pub(crate) struct Outgoing {
    pub(crate) key: ShortString,
    /// Told apart from all others of its batch.
    pub(crate) id: ShortString,
    pub(crate) body: Vec<u8>,
}

type Publishing<'a> = Pin<Box<dyn Future<Output = lapin::Result<PublisherConfirm>> + Send + 'a>>;

/// Publishes all at once, and waits until the broker has answered for each.
pub(crate) async fn publish(
    channel: &Channel,
    exchange: &ShortString,
    kind: Kind,
    messages: &[&Outgoing],
) -> lapin::Result<Vec<Publication>> {
    let mut confirms = Vec::with_capacity(messages.len());
    for publishing in begin(channel, exchange, kind, messages).await {
        confirms.push(publishing.await?);
    }
    let mut returned = HashSet::new();
    let mut rejected = Vec::with_capacity(messages.len());
    for confirm in confirms {
        let confirmation = confirm.await?;
        if confirmation == Confirmation::NotRequested {
            return Err(ErrorKind::FutureCompleted.into());
        }
        rejected.push(confirmation.is_nack());
        returned
            .extend(confirmation.take_message().and_then(|message| message.delivery.properties.message_id().clone()));
    }
    let answers = messages.iter().zip(rejected).map(|(message, rejected)| {
        if returned.contains(&message.id) {
            Publication::Returned
        } else if rejected {
            Publication::Rejected
        } else {
            Publication::Confirmed
        }
    });
    Ok(answers.collect())
}

/// Hands all messages to the driver, in order, without waiting for the socket between two of them.
async fn begin<'a>(
    channel: &'a Channel,
    exchange: &ShortString,
    kind: Kind,
    messages: &[&'a Outgoing],
) -> Vec<Publishing<'a>> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let mut begun = Vec::with_capacity(messages.len());
    for message in messages {
        let (key, properties) = (message.key.clone(), kind.properties(message.id.clone()));
        let publishing = channel.basic_publish(exchange.clone(), key, options, &message.body, properties);
        let mut publishing: Publishing<'a> = Box::pin(publishing);
        // The first poll is what hands it over.
        let first = poll_fn(|context| Poll::Ready(publishing.as_mut().poll(context))).await;
        begun.push(match first {
            Poll::Ready(result) => Box::pin(std::future::ready(result)),
            Poll::Pending => publishing,
        });
    }
    begun
}
