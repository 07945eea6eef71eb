//! An open session to send on, with all that may end it or hold it up.

use std::sync::Arc;

use paceline_channel::Session;
use tokio::sync::watch;

use crate::{
    gate::GateWatch,
    lease::watch::{LeaseWatch, Standing},
    send::{ceiling::Ceiling, transmit::Transmitter, turn::Turn},
    session::status::{Ending, SessionStatus},
};

/// A session that is up.
pub(crate) struct Link {
    transmitter: Arc<Transmitter>,
    status: watch::Receiver<SessionStatus>,
    lease: LeaseWatch,
    gate: GateWatch,
}

impl Link {
    /// A link over the session that the transmitter sends on.
    pub(crate) fn new(transmitter: Transmitter, status: watch::Receiver<SessionStatus>) -> Self {
        let (lease, gate) = (transmitter.lease.clone(), transmitter.context.gate.watch());
        Self { transmitter: Arc::new(transmitter), status, lease, gate }
    }

    /// What sends on it.
    pub(crate) const fn transmitter(&self) -> &Arc<Transmitter> {
        &self.transmitter
    }

    /// The session itself.
    pub(crate) fn session(&self) -> &dyn Session {
        self.transmitter.session.as_ref()
    }

    /// What is sent from now on has another ceiling; what is on its way keeps the one that it began under.
    pub(crate) fn change_ceiling(&mut self, ceiling: Arc<Ceiling>) {
        self.transmitter = Arc::new(Transmitter { ceiling, ..(*self.transmitter).clone() });
    }

    /// Why the session is over, when it is.
    pub(crate) fn ending(&self) -> Option<Ending> {
        match *self.status.borrow() {
            SessionStatus::Over(ending) => Some(ending),
            SessionStatus::Opening | SessionStatus::Connected => None,
        }
    }

    /// Whether the lease and the session are still there.
    pub(crate) fn check(&self) -> Result<(), Turn> {
        if self.lease.standing() != Standing::Held {
            return Err(Turn::LeaseOver);
        }
        if self.ending().is_some() {
            return Err(Turn::SessionOver);
        }
        Ok(())
    }

    /// Resolves once the lease or the session is over, with which of them. Cancel-safe.
    pub(crate) async fn ended(&mut self) -> Turn {
        tokio::select! {
            biased;
            () = self.lease.ended() => Turn::LeaseOver,
            _ = self.status.wait_for(|status| matches!(status, SessionStatus::Over(_))) => Turn::SessionOver,
        }
    }

    /// Resolves when the lease, the session or the store's gate stands otherwise than when it was last looked at. Cancel-safe.
    pub(crate) async fn changed(&mut self) -> Result<(), Turn> {
        tokio::select! {
            biased;
            () = self.lease.changed() => Ok(()),
            changed = self.status.changed() => changed.map_err(|_| Turn::SessionOver),
            () = self.gate.changed() => Ok(()),
        }
    }
}
