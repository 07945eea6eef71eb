//! While the store is away no intent starts. One gate for the whole process, closed by whoever finds the store away and opened by
//! whoever finds it back: the reporter for outcomes, the leasing for everything else.

use paceline_store::StoreError;
use tokio::sync::watch;

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
    closed: watch::Sender<Closed>,
    meters: Meters,
}

/// One actor's view of the gate.
#[derive(Clone)]
pub(crate) struct GateWatch(watch::Receiver<Closed>);

impl Gate {
    pub(crate) fn new(meters: Meters) -> Self {
        Self { closed: watch::Sender::new(Closed::default()), meters }
    }

    /// Closes the gate when the error says that the store is away; other errors say nothing about the next call.
    pub(crate) fn close(&self, by: Closer, error: &StoreError) {
        if !matches!(error, StoreError::Unavailable { .. }) {
            return;
        }
        self.closed.send_if_modified(|closed| {
            let before = *closed;
            *closed.of(by) = true;
            if before == Closed::default() {
                tracing::warn!(error = %error, "the store is away; no message is begun until it is back");
                self.meters.gate_closed.set(1);
            }
            *closed != before
        });
    }

    /// Opens what this closer closed.
    pub(crate) fn open(&self, by: Closer) {
        self.closed.send_if_modified(|closed| {
            let before = *closed;
            *closed.of(by) = false;
            if *closed == Closed::default() && before != *closed {
                tracing::info!("the store is back");
                self.meters.gate_closed.set(0);
            }
            *closed != before
        });
    }

    pub(crate) fn is_open(&self) -> bool {
        *self.closed.borrow() == Closed::default()
    }

    pub(crate) fn watch(&self) -> GateWatch {
        GateWatch(self.closed.subscribe())
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
        if self.0.changed().await.is_err() {
            // The gate is gone, and with it the worker.
            std::future::pending::<()>().await;
        }
    }

    /// Resolves once the gate is open. Cancel-safe.
    pub(crate) async fn opened(&mut self) {
        if self.0.wait_for(|closed| *closed == Closed::default()).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
