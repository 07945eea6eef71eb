//! An open session: credentials unsealed, opened through the channel, its events carried by a pump.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use paceline_channel::{Channel, Credentials, OpenError, Session, SessionSetup};
use paceline_domain::{SessionChange, SessionState};
use paceline_store::StoreError;
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use crate::{
    context::Context,
    gate::Closer,
    lease::{LeaseWatch, Standing},
    meters::SessionMeter,
    pump::Pump,
};

/// The device of a sender that Paceline uses.
pub(crate) const DEVICE: i32 = 0;
/// How long a session may take to close before it is left to itself.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionStatus {
    /// Not up yet.
    Opening,
    /// Up.
    Connected,
    /// Over.
    Over(Ending),
}

/// Why a session is over, by what is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Open it again soon.
    Disconnected,
    /// Open it again after a long pause: two who take it from each other would be worse.
    Replaced,
    /// Pair again.
    LoggedOut,
    /// Open it again when the suspension is over, if it ever is.
    Suspended(Option<DateTime<Utc>>),
}

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
        let credentials = find_credentials(context, lease).await.map_err(|error| {
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

async fn find_credentials(context: &Context, lease: &LeaseWatch) -> Result<Option<Credentials>, StoreError> {
    let Some(sealed) = context.store.find_session(lease.id, DEVICE).await? else { return Ok(None) };
    match context.keyring.open(lease.id, DEVICE, &sealed) {
        Ok(credentials) => Ok(Some(credentials)),
        Err(error) => {
            // The blob stays: with the right key it can be opened again, until a new pairing replaces it.
            tracing::error!(sender.id = %lease.id, error = %error, "pairing again, since the stored session is of no use");
            context.report_session(lease.id, SessionState::Unpaired, Some(error.to_string())).await;
            Ok(None)
        }
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
        delete_session(context, lease).await;
    }
    let change = SessionChange { state, pairing_code: None, until, detail: Some(error.to_string()) };
    tokio::select! {
        biased;
        () = context.report_change(lease.id, change) => {}
        () = lease.ended() => {}
    }
    ending
}

/// Deletes credentials that the network does not accept any more. Where the store is away they stay, and the next opening finds
/// them void again.
pub(crate) async fn delete_session(context: &Context, lease: &LeaseWatch) {
    use paceline_store::leases::Fenced;
    match context.store.store_session(lease.id, DEVICE, lease.epoch, None).await {
        Ok(Fenced::Done(())) => {}
        Ok(Fenced::LeaseLost) => lease.change(Standing::Lost),
        Err(error) => {
            context.gate.close(Closer::Leases, &error);
            tracing::warn!(sender.id = %lease.id, error = %error, "void credentials cannot be deleted");
        }
    }
}
