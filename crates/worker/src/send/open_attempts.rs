//! What is remembered of attempts that were left open: they are adopted and settled before anything new is sent.

use std::{collections::HashMap, sync::Arc};

use paceline_domain::{AttemptNumber, MessageId};

use crate::report::ticket::Ticket;

/// Which attempt.
pub(crate) type AttemptKey = (MessageId, AttemptNumber);

/// Attempts of one sender whose outcomes are not known.
#[derive(Default)]
pub(crate) struct OpenAttempts {
    /// On how many sessions each was sent again, so that one message cannot take the sender down for ever.
    resends: HashMap<AttemptKey, u32>,
    /// The jobs of those that were left open on the present consumer, answered when they are settled.
    owed: HashMap<AttemptKey, Arc<Ticket>>,
}

impl OpenAttempts {
    /// Remembers the job of an attempt that was left open.
    pub(crate) fn owe(&mut self, attempt: AttemptKey, ticket: Option<Arc<Ticket>>) {
        self.owed.extend(ticket.map(|ticket| (attempt, ticket)));
    }

    /// Takes the job of an attempt that is being settled.
    pub(crate) fn take_owed(&mut self, attempt: AttemptKey) -> Option<Arc<Ticket>> {
        self.owed.remove(&attempt)
    }

    /// Forgets all jobs, as they come again to the next consumer.
    pub(crate) fn forget_owed(&mut self) {
        self.owed.clear();
    }

    /// Counts one more session on which an attempt is to be sent again, and answers how many that makes.
    pub(crate) fn count_session(&mut self, attempt: AttemptKey) -> u32 {
        let sessions = self.resends.entry(attempt).or_insert(0);
        *sessions += 1;
        *sessions
    }

    /// The outcome of an attempt is known.
    pub(crate) fn close(&mut self, attempt: AttemptKey) {
        self.resends.remove(&attempt);
    }
}
