//! Accepting transactional messages.
//!
//! What a message is accepted by is held until it is there: its sender is not removed meanwhile without its messages being unbound,
//! and its recipient not suppressed without their messages being cancelled.

use paceline_domain::{MessageState, SenderId, SenderState, SuppressionScope};
use paceline_store::{
    idempotency::{ClaimOutcome, Once, OnceOutcome},
    messages::{Message, MessageAcceptance, NewMessage, Route},
};

use crate::{
    Fallible, Fault,
    counters::Book,
    idempotency,
    rows::{Binding, Gate, Keep, RoutedTo, SenderRow},
    suppressions,
    transaction::Tx,
};

/// Accepts a message, or says why not.
pub(super) async fn create(tx: &mut Tx<'_>, new: &NewMessage) -> Fallible<MessageAcceptance> {
    if let Some(existing) = tx.rows.find_message(new.id).await? {
        return Ok(MessageAcceptance::Existing(Box::new(existing)));
    }
    // Senders are locked before gates are passed, by everyone; what is found is told after what the gate guards.
    let routed = find_route(tx, new).await?;
    tx.rows.pass_gates(&[Gate::Person(new.hash)]).await?;
    let suppression = suppressions::find(tx, new.workspace, new.hash).await?;
    if let Some(suppression) = suppression.filter(|suppression| suppression.scope == SuppressionScope::All) {
        return Ok(MessageAcceptance::Suppressed(suppression));
    }
    let Some(routed) = routed else { return Ok(MessageAcceptance::NoSender) };
    if !tx.rows.add_message(new, routed).await? {
        // The same was accepted a moment ago.
        return Ok(MessageAcceptance::Existing(written(tx, new).await?));
    }
    tx.counters.add_new(Book::of(new.workspace, None), MessageState::Waiting, 1);
    Ok(MessageAcceptance::Accepted(written(tx, new).await?))
}

/// Accepts a message, or says why not, and records that as the answer under a key, unless the key has one.
pub(super) async fn create_once(
    tx: &mut Tx<'_>,
    new: &NewMessage,
    once: &Once<MessageAcceptance>,
) -> Fallible<OnceOutcome<MessageAcceptance>> {
    match idempotency::claim_key(tx, once.claim.clone()).await? {
        ClaimOutcome::Answered(answer) => return Ok(OnceOutcome::Answered(answer)),
        ClaimOutcome::InFlight => return Ok(OnceOutcome::InFlight),
        ClaimOutcome::Claimed => {}
    }
    let acceptance = create(tx, new).await?;
    tx.rows.record_response(once.claim.workspace, &once.claim.key, &(once.answer)(&acceptance)).await?;
    Ok(OnceOutcome::Done(acceptance))
}

async fn written(tx: &mut Tx<'_>, new: &NewMessage) -> Fallible<Box<Message>> {
    let message = tx.rows.find_message(new.id).await?;
    Ok(Box::new(message.ok_or_else(|| Fault::missing("messages", new.id))?))
}

/// Where the message goes; `None`: there is no sender for it.
async fn find_route(tx: &mut Tx<'_>, new: &NewMessage) -> Fallible<Option<RoutedTo>> {
    match &new.route {
        Route::Sender(sender) => {
            let sender = lock_active(tx, new, *sender).await?;
            let routed = |sender| RoutedTo { sender: Some(sender), binding: Binding::Routed, pool: None };
            Ok(sender.map(routed))
        }
        Route::Pool(name) => {
            let Some((pool, sticky)) = tx.rows.find_pool_route(new.workspace, name, new.hash).await? else {
                return Ok(None);
            };
            let sender = match sticky {
                Some(sticky) => lock_active(tx, new, sticky).await?,
                None => None,
            };
            let binding = if sender.is_some() { Binding::Sticky } else { Binding::Free };
            Ok(Some(RoutedTo { sender, binding, pool: Some(pool) }))
        }
    }
}

/// The sender, when it is active; it is not removed before the message is there.
async fn lock_active(tx: &mut Tx<'_>, new: &NewMessage, sender: SenderId) -> Fallible<Option<SenderId>> {
    let locked = tx.rows.lock_senders(&[sender], Keep::There).await?;
    let is_active = |it: &SenderRow| it.workspace == new.workspace && it.state == SenderState::Active;
    Ok(locked.iter().find(|it| is_active(it)).map(|it| it.id))
}
