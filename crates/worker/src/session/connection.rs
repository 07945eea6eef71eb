//! An open session: credentials unsealed, opened through the channel, its events carried by a pump.

use std::{sync::Arc, time::Duration};

use paceline_channel::{Channel, OpenError, Session, SessionSetup};
use paceline_domain::{SessionChange, SessionState};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use crate::{
    context::Context,
    gate::Closer,
    lease::watch::LeaseWatch,
    meters::SessionMeter,
    session::{
        credentials,
        pump::Pump,
        status::{Ending, SessionStatus},
    },
};

/// How long a session may take to close before it is left to itself.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// An open session.
pub(crate) struct Connection {
    pub(crate) session: Arc<dyn Session>,
    pub(crate) status: watch::Receiver<SessionStatus>,
    pump: JoinHandle<()>,
}

impl Connection {
    /// Opens a sender's session, and reports why where it cannot be opened.
    pub(crate) async fn open(
        context: &Arc<Context>,
        lease: &LeaseWatch,
        channel: &Arc<dyn Channel>,
        meter: &Arc<SessionMeter>,
    ) -> Result<Self, Ending> {
        let credentials = credentials::find(context, lease).await.map_err(|error| {
            context.gate.close(Closer::Leases, &error);
            if !error.is_transient() {
                tracing::error!(sender.id = %lease.id, error = %error, "the session's credentials cannot be read");
            }
            Ending::Disconnected
        })?;
        if credentials.is_none() {
            meter.set_first(SessionState::Unpaired);
        }
        let setup = SessionSetup { sender: lease.id, phone: lease.sender().phone.clone(), credentials };
        match channel.open(setup).await {
            Ok(opened) => {
                let (told, status) = watch::channel(SessionStatus::Opening);
                let pump = Pump {
                    context: Arc::clone(context),
                    lease: lease.clone(),
                    channel: channel.kind(),
                    meter: Arc::clone(meter),
                    status: told,
                };
                let pump = tokio::spawn(pump.run(opened.events));
                Ok(Self { session: opened.session, status, pump })
            }
            Err(error) => Err(report_refusal(context, lease, meter, error).await),
        }
    }

    /// Closes the session, waits until its last events are carried, and answers why it is over. A session that was given up
    /// without a word counts as disconnected.
    pub(crate) async fn close(mut self) -> Ending {
        let _ = timeout(CLOSE_WITHIN, self.session.close()).await;
        if timeout(CLOSE_WITHIN, &mut self.pump).await.is_err() {
            // What it had not acknowledged comes again when the session is opened next.
            self.pump.abort();
        }
        match *self.status.borrow() {
            SessionStatus::Over(ending) => ending,
            SessionStatus::Opening | SessionStatus::Connected => Ending::Disconnected,
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

async fn report_refusal(context: &Context, lease: &LeaseWatch, meter: &SessionMeter, error: OpenError) -> Ending {
    let (state, until, ending) = match &error {
        OpenError::Unavailable { .. } => (SessionState::Disconnected, None, Ending::Disconnected),
        OpenError::LoggedOut => (SessionState::LoggedOut, None, Ending::LoggedOut),
        OpenError::Suspended { until } => (SessionState::Suspended, Some(*until), Ending::Suspended(Some(*until))),
        OpenError::Banned => (SessionState::Banned, None, Ending::Suspended(None)),
    };
    if meter.set(Some(state)) == Some(state) && ending == Ending::Disconnected {
        // Down it is, and down it was: one report for each time that it goes down is enough.
        tracing::debug!(sender.id = %lease.id, error = %error, "the session cannot be opened yet");
        return ending;
    }
    tracing::warn!(sender.id = %lease.id, error = %error, "the session cannot be opened");
    if ending == Ending::LoggedOut {
        credentials::delete(context, lease).await;
    }
    let change = SessionChange { state, pairing_code: None, until, detail: Some(error.to_string()) };
    tokio::select! {
        biased;
        () = context.report_change(lease.id, change) => {}
        () = lease.ended() => {}
    }
    ending
}
