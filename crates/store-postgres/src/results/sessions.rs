//! Changes of sessions. The latest by its own time is what the sender shows, in whatever order they arrive.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use paceline_domain::{EventKind, ResultBody, SenderId, SessionChange, SessionState};
use serde::Serialize;

use super::{Fresh, Reporter};
use crate::{
    bulk::column,
    cells::Cells,
    error::Fallible,
    events::NewEvent,
    release::give_back,
    transaction::Tx,
    values::{storable, uuids},
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

/// What the changes of a batch come to for one sender.
struct Change {
    state: SessionState,
    at: DateTime<Utc>,
    detail: Option<String>,
    pairing_code: Option<String>,
    suspension: Suspended,
}

/// What changes say about a suspension.
enum Suspended {
    Begins(Option<DateTime<Utc>>),
    Ends,
    Stays,
}

const WRITE: &str = "UPDATE senders SET session_state = v.state, session_at = v.at, session_detail = v.detail, \
        pairing_code = v.pairing_code, \
        suspended = CASE v.suspension WHEN 'begins' THEN true WHEN 'ends' THEN false ELSE senders.suspended END, \
        suspended_until = CASE v.suspension WHEN 'stays' THEN senders.suspended_until ELSE v.until END \
    FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::timestamptz[]) \
        AS v (id, state, at, detail, pairing_code, suspension, until) WHERE senders.id = v.id";

impl Tx {
    /// Locks the senders whose sessions change, in order of their ids, and reads how their sessions stand. When one may be over, the rounds
    /// of releasing first: a claim gives it messages before, and they are given back, or knows that it is not connected.
    pub(super) async fn hold_sessions(
        &mut self,
        fresh: &[Fresh<'_>],
        reporters: &mut HashMap<SenderId, Reporter>,
    ) -> Fallible<()> {
        let changes = fresh.iter().filter_map(|fresh| match &fresh.result.result.body {
            ResultBody::Session(change) => Some((fresh.result.result.sender, change.state)),
            _ => None,
        });
        let changes: Vec<(SenderId, SessionState)> = changes.collect();
        if changes.is_empty() {
            return Ok(());
        }
        if changes.iter().any(|(_, state)| *state != SessionState::Connected) {
            self.all(sqlx::query("SELECT round FROM release_rounds FOR UPDATE")).await?;
        }
        let hold = sqlx::query(
            "SELECT id, session_state, session_at FROM senders WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE",
        );
        for row in &self.all(hold.bind(uuids(changes.iter().map(|(sender, _)| *sender)))).await? {
            let cells = Cells::new("senders", row);
            if let Some(reporter) = reporters.get_mut(&cells.id("id")?) {
                reporter.session = cells.word("session_state")?;
                reporter.session_at = cells.opt_time("session_at")?;
            }
        }
        Ok(())
    }

    /// Applies changes of sessions. Answers how many were news.
    pub(super) async fn apply_sessions(
        &mut self,
        fresh: &[Fresh<'_>],
        reporters: &mut HashMap<SenderId, Reporter>,
    ) -> Fallible<u64> {
        let mut applied = 0;
        let mut changes: BTreeMap<SenderId, Change> = BTreeMap::new();
        for fresh in fresh {
            let result = &fresh.result.result;
            let ResultBody::Session(change) = &result.body else { continue };
            let Some(reporter) = reporters.get_mut(&result.sender) else { continue };
            if reporter.session_at.is_some_and(|known| known > result.at) {
                continue;
            }
            let before = std::mem::replace(&mut reporter.session, change.state);
            reporter.session_at = Some(result.at);
            // A new pairing code is no event: whoever shows it looks at the sender.
            if before != SessionState::Pairing || change.state != SessionState::Pairing {
                let detail = change.detail.as_deref();
                let data = SenderData { sender_id: result.sender, session: change.state, detail, until: change.until };
                let event = NewEvent::new(reporter.workspace, event_of(change.state), result.at, &data);
                self.event_at(fresh.place, event);
            }
            let earlier = changes.remove(&result.sender);
            changes.insert(result.sender, Change::after(earlier, change, result.at));
            applied += 1;
        }
        if changes.is_empty() {
            return Ok(applied);
        }
        let changes: Vec<_> = changes.into_iter().collect();
        self.write_sessions(&changes).await?;
        self.leave_to_others(&changes).await?;
        Ok(applied)
    }

    async fn write_sessions(&mut self, changes: &[(SenderId, Change)]) -> Fallible<()> {
        let write = sqlx::query(WRITE)
            .bind(uuids(changes.iter().map(|(sender, _)| *sender)))
            .bind(column(changes, |(_, change)| change.state.as_str()))
            .bind(column(changes, |(_, change)| change.at))
            .bind(column(changes, |(_, change)| change.detail.as_deref().map(storable)))
            .bind(column(changes, |(_, change)| change.pairing_code.as_deref().map(storable)))
            .bind(column(changes, |(_, change)| change.suspension.as_str()))
            .bind(column(changes, |(_, change)| change.suspension.until()));
        self.execute(write).await?;
        Ok(())
    }

    /// Gives back what is released to senders that are not connected any more, and unbinds what is sticky to those that are barred for
    /// good.
    async fn leave_to_others(&mut self, changes: &[(SenderId, Change)]) -> Fallible<()> {
        let those = |is: fn(SessionState) -> bool| {
            uuids(changes.iter().filter(|(_, change)| is(change.state)).map(|(sender, _)| *sender))
        };
        let out = those(|state| state != SessionState::Connected);
        if out.is_empty() {
            return Ok(());
        }
        let unrelease = sqlx::query(concat!(
            "WITH held AS (SELECT m.seq FROM messages m WHERE m.sender_id = ANY($1) AND m.release_deadline IS NOT NULL \
                ORDER BY m.seq FOR UPDATE) UPDATE messages SET ",
            give_back!(),
            " FROM held WHERE messages.seq = held.seq"
        ));
        self.execute(unrelease.bind(out)).await?;
        let banned = those(|state| state == SessionState::Banned);
        if banned.is_empty() {
            return Ok(());
        }
        let unbind = sqlx::query(
            "WITH held AS (SELECT m.seq FROM messages m WHERE m.sender_id = ANY($1) AND m.state = 'waiting' \
                AND m.release_deadline IS NULL AND m.binding = 'sticky' ORDER BY m.seq FOR UPDATE) \
             UPDATE messages SET sender_id = NULL, binding = 'free' FROM held WHERE messages.seq = held.seq",
        );
        self.execute(unbind.bind(banned)).await?;
        Ok(())
    }
}

impl Change {
    fn after(earlier: Option<Self>, change: &SessionChange, at: DateTime<Utc>) -> Self {
        let suspension = match change.state {
            SessionState::Suspended => Suspended::Begins(change.until),
            SessionState::Banned => Suspended::Begins(None),
            SessionState::Connected => Suspended::Ends,
            _ => earlier.map_or(Suspended::Stays, |earlier| earlier.suspension),
        };
        Self {
            state: change.state,
            at,
            detail: change.detail.clone(),
            pairing_code: change.pairing_code.clone().filter(|_| change.state == SessionState::Pairing),
            suspension,
        }
    }
}

impl Suspended {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Begins(_) => "begins",
            Self::Ends => "ends",
            Self::Stays => "stays",
        }
    }

    const fn until(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Begins(until) => *until,
            Self::Ends | Self::Stays => None,
        }
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
