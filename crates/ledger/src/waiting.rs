//! Messages that wait: what becomes of their claims, and of what ties them to senders.
//!
//! One rule: a claim that is given back leaves its sender only when nothing ties the message to that one ([`Binding::Free`]).

use std::time::Duration;

use chrono::DateTime;
use paceline_domain::{Epoch, SenderId};
use paceline_store::{
    leases::Fenced,
    release::{Claim, PutOff},
};

use crate::{
    Fallible, leases,
    locks::Locked,
    rows::{Binding, Waiting, WaitingRow, WaitingWrite},
    transaction::Tx,
};

/// The word under which a dead job's messages are put off.
pub(crate) const DEAD_LETTER: &str = "dead_letter";

/// The word under which messages wait that were asked of a sender that is removed.
const SENDER_REMOVED: &str = "sender_removed";

/// How many messages are locked and written at once.
const PIECE: u32 = 4_096;

/// Gives back those claims that are still held under their generation.
pub(crate) async fn give_back(tx: &mut Tx<'_>, claims: &[Claim], put_off: PutOff) -> Fallible<()> {
    if claims.is_empty() {
        return Ok(());
    }
    let messages = tx.rows.lock_waiting(Waiting::Claimed(claims)).await?;
    let write = |message| {
        let as_it_was = given_back(message);
        let not_before = put_off.not_before.unwrap_or(as_it_was.not_before);
        WaitingWrite { not_before, waits_for: Some(put_off.waits_for), ..as_it_was }
    };
    write_all(tx, messages.iter().map(write).collect()).await.map(|_| ())
}

/// Gives back what is claimed for senders that are not connected any more, so that others may send it meanwhile.
pub(crate) async fn give_back_all_of(tx: &mut Tx<'_>, senders: &[SenderId]) -> Fallible<u64> {
    give_back_those(tx, Waiting::ClaimedFor(senders)).await
}

/// The messages of a dead job need not wait any longer, as far as nothing else has happened to them.
pub(crate) async fn release_again(tx: &mut Tx<'_>, claims: &[Claim]) -> Fallible<()> {
    if claims.is_empty() {
        return Ok(());
    }
    let messages = tx.rows.lock_waiting(Waiting::GivenBack(claims)).await?;
    let dead = messages.iter().filter(|message| message.waits_for.as_deref() == Some(DEAD_LETTER));
    let write = |message| WaitingWrite { not_before: DateTime::UNIX_EPOCH, ..unchanged(message) };
    write_all(tx, dead.map(write).collect()).await.map(|_| ())
}

/// What a removed sender leaves: what was asked of it waits for it, the rest is anyone's.
pub(crate) async fn leave_removed(tx: &mut Tx<'_>, sender: SenderId) -> Fallible<()> {
    leave(tx, &[sender], |message| {
        let as_it_was = unchanged(message);
        Some(match message.binding {
            Binding::Routed => WaitingWrite { waits_for: Some(SENDER_REMOVED), ..as_it_was },
            Binding::Sticky | Binding::Free => WaitingWrite { sender: None, binding: Binding::Free, ..as_it_was },
        })
    })
    .await
}

/// What banned senders leave to others: all that was not asked of them. Their claims have been given back.
pub(crate) async fn leave_banned(tx: &mut Tx<'_>, senders: &[SenderId]) -> Fallible<()> {
    leave(tx, senders, |message| {
        let is_sticky = message.binding == Binding::Sticky;
        is_sticky.then(|| WaitingWrite { sender: None, binding: Binding::Free, ..unchanged(message) })
    })
    .await
}

/// What a sender leaves behind that has left a pool: all that waits for it and belongs to none of its pools.
pub(crate) async fn leave_pools(tx: &mut Tx<'_>, sender: SenderId) -> Fallible<()> {
    let mut after = 0;
    loop {
        let messages = tx.rows.lock_waiting(Waiting::OutsidePools { sender, after, limit: PIECE }).await?;
        let free = |message| WaitingWrite { sender: None, binding: Binding::Free, ..unchanged(message) };
        write_all(tx, messages.iter().map(free).collect()).await?;
        match messages.last() {
            Some(last) if messages.len() >= PIECE as usize => after = last.seq,
            _ => return Ok(()),
        }
    }
}

/// Gives a sender's claims back that hold for no longer than `left` from now, for the holder of its lease. Answers how many.
pub(crate) async fn reclaim_lost(
    tx: &mut Tx<'_>,
    sender: SenderId,
    epoch: Epoch,
    left: Duration,
) -> Fallible<Fenced<u64>> {
    if leases::lock_held(tx, sender, epoch).await?.is_none() {
        return Ok(Fenced::LeaseLost);
    }
    give_back_those(tx, Waiting::ClaimedUntil { sender, left }).await.map(Fenced::Done)
}

/// Gives back claims that have run out. Answers how many.
pub(crate) async fn reclaim_releases(tx: &mut Tx<'_>, limit: u32) -> Fallible<u64> {
    give_back_those(tx, Waiting::RunOut { limit }).await
}

/// Gives back a piece of all claims there are. Answers how many; none: there are no more.
pub(crate) async fn void_some_releases(tx: &mut Tx<'_>) -> Fallible<u64> {
    give_back_those(tx, Waiting::AnyClaimed { limit: PIECE }).await
}

async fn give_back_those(tx: &mut Tx<'_>, which: Waiting<'_>) -> Fallible<u64> {
    let messages = tx.rows.lock_waiting(which).await?;
    write_all(tx, messages.iter().map(given_back).collect()).await
}

/// Changes messages that are bound to senders, piece by piece in the order of their rows; `None`: as it is.
async fn leave(
    tx: &mut Tx<'_>,
    senders: &[SenderId],
    change: impl Fn(&Locked<WaitingRow>) -> Option<WaitingWrite<'_>>,
) -> Fallible<()> {
    let mut after = 0;
    loop {
        let messages = tx.rows.lock_waiting(Waiting::BoundTo { senders, after, limit: PIECE }).await?;
        write_all(tx, messages.iter().filter_map(&change).collect()).await?;
        match messages.last() {
            Some(last) if messages.len() >= PIECE as usize => after = last.seq,
            _ => return Ok(()),
        }
    }
}

async fn write_all(tx: &mut Tx<'_>, writes: Vec<WaitingWrite<'_>>) -> Fallible<u64> {
    if !writes.is_empty() {
        tx.rows.write_waiting(&writes).await?;
    }
    Ok(u64::try_from(writes.len()).unwrap_or(0))
}

/// A message as it is, its claim given back.
fn given_back(message: &Locked<WaitingRow>) -> WaitingWrite<'_> {
    let sender = message.sender.filter(|_| message.binding != Binding::Free);
    WaitingWrite { sender, ..unchanged(message) }
}

/// A message as it is.
fn unchanged(message: &Locked<WaitingRow>) -> WaitingWrite<'_> {
    WaitingWrite {
        message,
        sender: message.sender,
        binding: message.binding,
        not_before: message.not_before,
        waits_for: message.waits_for.as_deref(),
    }
}
