//! Changes of sessions. The latest by its own time is what the sender shows, in whatever order they arrive.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use paceline_domain::{EventKind, ResultBody, SenderId, SessionChange, SessionState};
use serde::Serialize;

use super::{Fresh, Reporter};
use crate::{
    bulk::{Bulk, Values},
    error::Fallible,
    events::NewEvent,
    release::give_back,
    transaction::Tx,
    values::{blob, json_blobs, micros, opt_micros},
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

const WRITE: Bulk = Bulk {
    head: "WITH v (id, state, at, detail, pairing_code, suspension, until) AS (VALUES",
    row: "(?, ?, ?, ?, ?, ?, ?)",
    tail: ") UPDATE senders SET session_state = v.state, session_at = v.at, session_detail = v.detail, \
           pairing_code = v.pairing_code, \
           suspended = CASE v.suspension WHEN 'begins' THEN 1 WHEN 'ends' THEN 0 ELSE suspended END, \
           suspended_until = CASE v.suspension WHEN 'stays' THEN suspended_until ELSE v.until END \
           FROM v WHERE senders.id = v.id",
};

impl Tx {
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
        let changes: Vec<_> = changes.into_iter().collect();
        WRITE.run(self, &changes, |_| {}, bind).await?;
        self.leave_to_others(&changes).await?;
        Ok(applied)
    }

    /// Gives back what is released to senders that are not connected any more, and unbinds what is sticky to those that are barred for
    /// good.
    async fn leave_to_others(&mut self, changes: &[(SenderId, Change)]) -> Fallible<()> {
        let those = |is: fn(SessionState) -> bool| {
            let senders = changes.iter().filter(|(_, change)| is(change.state));
            json_blobs(senders.map(|(sender, _)| sender.to_bytes()))
        };
        let out = those(|state| state != SessionState::Connected);
        if out == NOBODY {
            return Ok(());
        }
        let unrelease = sqlx::query(concat!(
            "UPDATE messages SET ",
            give_back!(),
            " WHERE seq IN (SELECT m.seq FROM json_each(?1) j CROSS JOIN messages m INDEXED BY messages_released \
                WHERE m.sender_id = unhex(j.value) AND m.release_deadline IS NOT NULL)"
        ));
        self.execute(unrelease.bind(out)).await?;
        let banned = those(|state| state == SessionState::Banned);
        if banned == NOBODY {
            return Ok(());
        }
        let unbind = sqlx::query(
            "UPDATE messages SET sender_id = NULL, binding = 'free' \
             WHERE seq IN (SELECT m.seq FROM json_each(?1) j CROSS JOIN messages m INDEXED BY messages_due_bound \
                WHERE m.sender_id = unhex(j.value) AND m.state = 'waiting' AND m.release_deadline IS NULL \
                    AND m.binding = 'sticky')",
        );
        self.execute(unbind.bind(banned)).await?;
        Ok(())
    }
}

/// A JSON array of no senders.
const NOBODY: &str = "[]";

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

fn bind(values: &mut Values, (sender, change): &(SenderId, Change)) {
    let (suspension, until) = match change.suspension {
        Suspended::Begins(until) => ("begins", until),
        Suspended::Ends => ("ends", None),
        Suspended::Stays => ("stays", None),
    };
    values.add(blob(*sender)).add(change.state.as_str()).add(micros(change.at)).add(change.detail.as_deref());
    values.add(change.pairing_code.as_deref()).add(suspension).add(opt_micros(until));
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
