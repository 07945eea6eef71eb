//! While the store is away no intent starts. One gate for the whole process, closed by whoever finds the store away and opened by
//! whoever finds it back: the reporter for outcomes, the leasing for everything else.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use paceline_store::StoreError;
use tokio::sync::Notify;

use crate::meters::Meters;

/// Who closes the gate, and must open it again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Closer {
    /// Outcomes cannot be recorded; opened by the next one that can.
    Outcomes,
    /// An intent, an adoption or a lease failed; opened by the next renewal or claim that works.
    Leases,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Closed {
    outcomes: bool,
    leases: bool,
}

/// The gate.
pub(crate) struct Gate {
    bars: Arc<Bars>,
    meters: Meters,
}

/// What the gate and those who watch it share. Those who wait are woken in the order in which they came, which a `watch` channel
/// leaves to chance: a replayed run must wake them as the first did.
#[derive(Default)]
struct Bars {
    closed: Mutex<(Closed, Changes)>,
    changed: Notify,
}

/// How often the gate has opened or closed.
type Changes = u64;

/// One actor's view of the gate.
#[derive(Clone)]
pub(crate) struct GateWatch {
    bars: Arc<Bars>,
    seen: Changes,
}

impl Gate {
    pub(crate) fn new(meters: Meters) -> Self {
        Self { bars: Arc::default(), meters }
    }

    /// Closes the gate when the error says that the store is away; other errors say nothing about the next call.
    pub(crate) fn close(&self, by: Closer, error: &StoreError) {
        if !matches!(error, StoreError::Unavailable { .. }) {
            return;
        }
        let (before, _) = self.bars.change(|closed| *closed.of(by) = true);
        if before == Closed::default() {
            tracing::warn!(error = %error, "the store is away; no message is begun until it is back");
            self.meters.gate_closed.set(1);
        }
    }

    /// Opens what this closer closed.
    pub(crate) fn open(&self, by: Closer) {
        let (before, after) = self.bars.change(|closed| *closed.of(by) = false);
        if after == Closed::default() && before != after {
            tracing::info!("the store is back");
            self.meters.gate_closed.set(0);
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.bars.look().0 == Closed::default()
    }

    pub(crate) fn watch(&self) -> GateWatch {
        GateWatch { bars: Arc::clone(&self.bars), seen: self.bars.look().1 }
    }
}

impl Bars {
    fn look(&self) -> MutexGuard<'_, (Closed, Changes)> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is closed, and tells those who watch when that made a difference. Answers with before and after.
    fn change(&self, change: impl FnOnce(&mut Closed)) -> (Closed, Closed) {
        let (before, after) = {
            let mut look = self.look();
            let before = look.0;
            change(&mut look.0);
            look.1 += u64::from(look.0 != before);
            (before, look.0)
        };
        if before != after {
            self.changed.notify_waiters();
        }
        (before, after)
    }
}

impl Closed {
    const fn of(&mut self, by: Closer) -> &mut bool {
        match by {
            Closer::Outcomes => &mut self.outcomes,
            Closer::Leases => &mut self.leases,
        }
    }
}

impl GateWatch {
    /// Resolves when the gate opens or closes after the last look. Cancel-safe.
    pub(crate) async fn changed(&mut self) {
        let seen = self.seen;
        self.wait_for(|_, changes| changes != seen).await;
    }

    /// Resolves once the gate is open. Cancel-safe.
    pub(crate) async fn opened(&mut self) {
        self.wait_for(|closed, _| closed == Closed::default()).await;
    }

    async fn wait_for(&mut self, is_so: impl Fn(Closed, Changes) -> bool) {
        loop {
            // Made before the look, so that no change between the two is missed.
            let next = self.bars.changed.notified();
            let (closed, changes) = *self.bars.look();
            if is_so(closed, changes) {
                self.seen = changes;
                return;
            }
            next.await;
        }
    }
}
