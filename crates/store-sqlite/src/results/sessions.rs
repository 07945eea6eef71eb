//! Changes of sessions. The latest by its own time is what the sender shows, in whatever order they arrive.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use paceline_domain::{EventKind, ResultBody, SenderId, SessionChange, SessionState};
use serde::Serialize;

use super::{Fresh, Reporter};
use crate::{
    error::Fallible,
    events::NewEvent,
    transaction::Tx,
    values::{blob, micros, opt_micros},
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

impl Tx {
    /// Applies changes of sessions. Answers how many were news.
    pub(super) async fn apply_sessions(
        &mut self,
        fresh: &[Fresh<'_>],
        reporters: &mut HashMap<SenderId, Reporter>,
    ) -> Fallible<u64> {
        let mut applied = 0;
        for fresh in fresh {
            let result = &fresh.result.result;
            let ResultBody::Session(change) = &result.body else { continue };
            let Some(reporter) = reporters.get_mut(&result.sender) else { continue };
            if reporter.session_at.is_some_and(|known| known > result.at) {
                continue;
            }
            let before = std::mem::replace(&mut reporter.session, change.state);
            reporter.session_at = Some(result.at);
            self.write_session_change(result.sender, change, result.at).await?;
            // A new pairing code is no event: whoever shows it looks at the sender.
            if before != SessionState::Pairing || change.state != SessionState::Pairing {
                let detail = change.detail.as_deref();
                let data = SenderData { sender_id: result.sender, session: change.state, detail, until: change.until };
                let event = NewEvent::new(reporter.workspace, event_of(change.state), result.at, &data);
                self.event_at(fresh.place, event);
            }
            applied += 1;
        }
        Ok(applied)
    }

    async fn write_session_change(
        &mut self,
        sender: SenderId,
        change: &SessionChange,
        at: DateTime<Utc>,
    ) -> Fallible<()> {
        let update = sqlx::query(
            "UPDATE senders SET session_state = ?2, session_at = ?3, session_detail = ?4, pairing_code = ?5, \
             suspended = CASE ?6 WHEN 'begins' THEN 1 WHEN 'ends' THEN 0 ELSE suspended END, \
             suspended_until = CASE ?6 WHEN 'begins' THEN ?7 WHEN 'ends' THEN NULL ELSE suspended_until END WHERE id = ?1",
        );
        let (suspension, until) = match change.state {
            SessionState::Suspended => ("begins", change.until),
            SessionState::Banned => ("begins", None),
            SessionState::Connected => ("ends", None),
            _ => ("stays", None),
        };
        let pairing_code = change.pairing_code.as_deref().filter(|_| change.state == SessionState::Pairing);
        let update = update
            .bind(blob(sender))
            .bind(change.state.as_str())
            .bind(micros(at))
            .bind(change.detail.as_deref())
            .bind(pairing_code)
            .bind(suspension)
            .bind(opt_micros(until));
        self.execute(update).await?;
        Ok(())
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
