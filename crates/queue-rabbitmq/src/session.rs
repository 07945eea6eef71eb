//! One generation: a connection that is up, and what belongs to it. It ends once, and nothing outlives it.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::StreamExt;
use lapin::{Channel, Connection, Event, options::ConfirmSelectOptions};
use tokio::{
    runtime::Handle,
    sync::watch,
    time::{Instant, timeout},
};

use crate::{context::Context, dial::Hangup, fault::Fault};

/// How long a farewell may take before the socket is closed without one.
const FAREWELL: Duration = Duration::from_secs(2);
/// Between two looks at the connection, should the driver fail to tell of its end.
const LOOK: Duration = Duration::from_secs(1);
/// How long to listen for the reason of a loss.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// One generation.
pub(crate) struct Session {
    context: Arc<Context>,
    connection: Connection,
    hangup: Hangup,
    blocked: watch::Sender<Option<Blocked>>,
}

/// The broker takes no publishes on this connection.
#[derive(Debug, Clone)]
pub(crate) struct Blocked {
    pub(crate) since: Instant,
    pub(crate) reason: String,
}

impl Blocked {
    pub(crate) fn fault(&self) -> Fault {
        Fault::away(format!(
            "the broker blocks publishers ({}): see its memory and disk alarms with rabbitmq-diagnostics alarms",
            self.reason
        ))
    }
}

impl Session {
    /// Connects and declares what all senders share.
    pub(crate) async fn open(context: Arc<Context>, number: u32) -> Result<Arc<Self>, Fault> {
        let name = format!("{} #{number}", context.name);
        let dialled = crate::dial::dial(&context.address, &name).await?;
        context.begin_generation();
        let (connection, hangup) = (dialled.connection, dialled.hangup);
        let session = Self { context, connection, hangup, blocked: watch::Sender::default() };
        match session.declare_shared().await {
            Ok(()) => Ok(Arc::new(session)),
            Err(fault) => {
                session.end().await;
                Err(fault)
            }
        }
    }

    /// Declares what all senders share, again should somebody have deleted it.
    pub(crate) async fn declare_shared(&self) -> Result<(), Fault> {
        let channel = self.open_channel().await?;
        self.context.topology.declare_shared(&channel).await?;
        close(channel);
        Ok(())
    }

    /// A new channel. While the broker blocks, the driver sends nothing at all on this connection.
    pub(crate) async fn open_channel(&self) -> Result<Channel, Fault> {
        self.wait_unblocked().await?;
        let opened = self.context.topology.bounded(self.connection.create_channel()).await?;
        opened.map_err(|error| Fault::of_using(error, "the virtual host"))
    }

    /// A channel whose publishes are confirmed.
    pub(crate) async fn open_confirming_channel(&self) -> Result<Channel, Fault> {
        let channel = self.open_channel().await?;
        let selecting = channel.confirm_select(ConfirmSelectOptions::default());
        self.context.topology.bounded(selecting).await?.map_err(|error| Fault::of_using(error, "the virtual host"))?;
        Ok(channel)
    }

    pub(crate) fn is_up(&self) -> bool {
        self.connection.status().connected()
    }

    /// How many channels the broker grants.
    pub(crate) fn channel_max(&self) -> u16 {
        self.connection.configuration().channel_max()
    }

    pub(crate) fn blocked(&self) -> Option<Blocked> {
        self.blocked.borrow().clone()
    }

    /// Waits while the broker blocks publishers, but not for long.
    pub(crate) async fn wait_unblocked(&self) -> Result<(), Fault> {
        let wait = self.context.blocked_wait;
        let mut blocked = self.blocked.subscribe();
        if timeout(wait, blocked.wait_for(Option::is_none)).await.is_ok() {
            return Ok(());
        }
        Err(self.blocked().map_or_else(|| Fault::away("the broker blocks publishers"), |blocked| blocked.fault()))
    }

    /// Follows the connection until it is lost, and tells why.
    pub(crate) async fn watch(&self) -> Fault {
        let mut events = pin!(self.connection.events_listener());
        let mut last = None;
        let mut look = LOOK;
        loop {
            let was_up = self.is_up();
            match timeout(look, events.next()).await {
                Ok(Some(Event::ConnectionBlocked(reason))) => self.block(reason),
                Ok(Some(Event::ConnectionUnblocked)) => self.unblock(),
                Ok(Some(Event::Error(error))) => last = Some(error),
                Ok(Some(_)) => {}
                Err(_) if was_up => {}
                Ok(None) | Err(_) => break,
            }
            // The driver shows that the connection is lost before it tells why.
            if !self.is_up() {
                look = LAST_WORDS;
            }
        }
        last.map_or_else(|| Fault::away("the connection to the broker has ended"), |error| Fault::of_using(error, "it"))
    }

    fn block(&self, reason: String) {
        let broker = &self.context.address.shown;
        tracing::warn!(broker, reason, "the broker blocks publishers: see its memory and disk alarms");
        if self.blocked.send_replace(Some(Blocked { since: Instant::now(), reason })).is_none() {
            self.context.meters.blocked.inc();
        }
    }

    fn unblock(&self) {
        if let Some(blocked) = self.blocked.send_replace(None) {
            self.context.meters.blocked.dec();
            let (broker, blocked_s) = (&self.context.address.shown, blocked.since.elapsed().as_secs());
            tracing::info!(broker, blocked_s, "the broker takes publishes again");
        }
    }

    /// Takes leave when the broker listens, and closes the socket in any case.
    pub(crate) async fn end(&self) {
        if self.blocked.send_replace(None).is_some() {
            self.context.meters.blocked.dec();
        }
        // What fails here fails because the connection has ended.
        let _ = timeout(FAREWELL, self.connection.close(200, "OK".into())).await;
        self.hangup.cut();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.hangup.cut();
    }
}

/// Closes a channel that is no longer needed, and gives back what its consumer left unanswered. Nobody waits for it.
pub(crate) fn close(channel: Channel) {
    // Outside a runtime the driver closes it by itself, in more steps.
    let Ok(runtime) = Handle::try_current() else { return };
    drop(runtime.spawn(async move {
        // An error says that the channel has ended already.
        let _ = channel.close(200, "OK".into()).await;
    }));
}
