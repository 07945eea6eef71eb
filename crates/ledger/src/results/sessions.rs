//! Changes of sessions. The latest by its own time is what the sender shows, in whatever order they arrive.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use paceline_domain::{EventKind, ResultBody, SenderId, SessionChange, SessionState};
use paceline_pacing::Suspension;
use serde::Serialize;

use super::Fresh;
use crate::{
    Fallible,
    events::NewEvent,
    locks::Locked,
    rows::{Keep, SenderRow, SessionWrite},
    transaction::Tx,
    waiting,
};

#[derive(Serialize)]
struct SenderData<'a> {
    sender_id: SenderId,
    session: SessionState,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
}

/// A sender's session while the changes of a batch are applied to it.
struct Session<'r> {
    sender: &'r Locked<SenderRow>,
    state: SessionState,
    /// When it changed last.
    at: Option<DateTime<Utc>>,
    suspension: Option<Suspension>,
    /// The change that it shows, when the batch has one that is news.
    latest: Option<(&'r SessionChange, DateTime<Utc>)>,
}

/// Locks the senders whose sessions change. When one may be over, the round of releasing first: a claim gives it messages before, and
/// they are given back, or knows that it is not connected.
pub(super) async fn lock(tx: &mut Tx<'_>, fresh: &[Fresh<'_>]) -> Fallible<Vec<Locked<SenderRow>>> {
    let changes: Vec<_> = fresh.iter().filter_map(change_of).collect();
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    if changes.iter().any(|(_, change)| change.state != SessionState::Connected) {
        tx.rows.lock_round().await?;
    }
    let senders: BTreeSet<SenderId> = changes.into_iter().map(|(sender, _)| sender).collect();
    tx.rows.lock_senders(&senders.into_iter().collect::<Vec<_>>(), Keep::Mine).await
}

/// Applies changes of sessions. Answers how many were news.
pub(super) async fn apply(tx: &mut Tx<'_>, fresh: &[Fresh<'_>], senders: &[Locked<SenderRow>]) -> Fallible<u64> {
    let mut sessions: BTreeMap<SenderId, Session<'_>> =
        senders.iter().map(|sender| (sender.id, Session::of(sender))).collect();
    let mut applied = 0;
    for fresh in fresh {
        let Some((sender, change)) = change_of(fresh) else { continue };
        let Some(session) = sessions.get_mut(&sender) else { continue };
        let at = fresh.result.result.at;
        if session.at.is_some_and(|known| known > at) {
            continue;
        }
        let before = session.state;
        session.take(change, at);
        applied += 1;
        // A new pairing code is no event: whoever shows it looks at the sender.
        if before != SessionState::Pairing || change.state != SessionState::Pairing {
            let (detail, until) = (change.detail.as_deref(), change.until);
            let data = SenderData { sender_id: sender, session: change.state, detail, until };
            let event = NewEvent::new(session.sender.workspace, event_of(change.state), at, &data);
            tx.events.add_at(fresh.place, event);
        }
    }
    let writes: Vec<SessionWrite<'_>> = sessions.values().filter_map(Session::write).collect();
    if !writes.is_empty() {
        tx.rows.write_sessions(&writes).await?;
        leave_to_others(tx, &writes).await?;
    }
    Ok(applied)
}

/// Gives back what is released to senders that are not connected any more, and unbinds what is sticky to those that are barred for
/// good.
async fn leave_to_others(tx: &mut Tx<'_>, changes: &[SessionWrite<'_>]) -> Fallible<()> {
    let those = |is: fn(SessionState) -> bool| -> Vec<SenderId> {
        changes.iter().filter(|change| is(change.state)).map(|change| change.sender.id).collect()
    };
    let out = those(|state| state != SessionState::Connected);
    if !out.is_empty() {
        waiting::give_back_all_of(tx, &out).await?;
    }
    let banned = those(|state| state == SessionState::Banned);
    if !banned.is_empty() {
        waiting::leave_banned(tx, &banned).await?;
    }
    Ok(())
}

fn change_of<'r>(fresh: &Fresh<'r>) -> Option<(SenderId, &'r SessionChange)> {
    match fresh.body() {
        ResultBody::Session(change) => Some((fresh.reporter.sender, change)),
        _ => None,
    }
}

impl<'r> Session<'r> {
    fn of(sender: &'r Locked<SenderRow>) -> Self {
        Self { sender, state: sender.session, at: sender.session_at, suspension: sender.suspension, latest: None }
    }

    fn take(&mut self, change: &'r SessionChange, at: DateTime<Utc>) {
        self.suspension = match change.state {
            SessionState::Suspended => Some(Suspension { until: change.until }),
            SessionState::Banned => Some(Suspension { until: None }),
            SessionState::Connected => None,
            // It is down, or waits to be paired: WhatsApp may still bar it.
            _ => self.suspension,
        };
        self.state = change.state;
        self.at = Some(at);
        self.latest = Some((change, at));
    }

    fn write(&self) -> Option<SessionWrite<'_>> {
        let (change, at) = self.latest?;
        let pairing_code = change.pairing_code.as_deref().filter(|_| change.state == SessionState::Pairing);
        Some(SessionWrite {
            sender: self.sender,
            state: change.state,
            at,
            detail: change.detail.as_deref(),
            pairing_code,
            suspension: self.suspension,
        })
    }
}

const fn event_of(state: SessionState) -> EventKind {
    match state {
        SessionState::Connected => EventKind::SenderConnected,
        SessionState::Pairing => EventKind::SenderPairing,
        SessionState::Suspended | SessionState::Banned => EventKind::SenderSuspended,
        SessionState::Unpaired | SessionState::Disconnected | SessionState::Replaced | SessionState::LoggedOut => {
            EventKind::SenderDisconnected
        }
    }
}
