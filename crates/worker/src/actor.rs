//! One sender's actor: holds the lease, and opens a session, works on it and closes it, again and again.

use std::sync::Arc;

use paceline_channel::Channel;

use crate::{
    backoff::Backoff,
    context::Context,
    lease::watch::{LeaseWatch, Standing},
    meters::SessionMeter,
    send::send_loop::SendLoop,
    session::{
        connection::Connection,
        status::{Ending, SessionStatus},
    },
};

/// One sender's actor.
pub(crate) struct Actor {
    context: Arc<Context>,
    lease: LeaseWatch,
    channel: Arc<dyn Channel>,
    meter: Arc<SessionMeter>,
    send_loop: SendLoop,
}

impl Actor {
    /// An actor for the sender of this lease, which reaches WhatsApp through this channel.
    pub(crate) fn new(context: Arc<Context>, lease: LeaseWatch, channel: Arc<dyn Channel>) -> Self {
        let send_loop = SendLoop::new(Arc::clone(&context), lease.clone(), channel.kind());
        Self { meter: Arc::new(context.meters.session()), send_loop, channel, lease, context }
    }

    /// Works for the sender until the lease ends, then releases it.
    pub(crate) async fn run(mut self) {
        let first_pause = self.context.options.reconnect_pause;
        let mut backoff = Backoff::of_sender(self.lease.id, self.lease.epoch, first_pause);
        while self.lease.standing() == Standing::Held {
            let ending = self.work_on_session(&mut backoff).await;
            tokio::select! {
                biased;
                () = self.rest(ending, &mut backoff) => {}
                () = self.lease.ended() => {}
            }
        }
        tracing::info!(sender.id = %self.lease.id, lease.standing = ?self.lease.standing(), "the actor ends");
        if self.lease.standing() != Standing::Lost {
            self.lease.release(self.context.store.as_ref()).await;
        }
    }

    async fn rest(&self, ending: Ending, backoff: &mut Backoff) {
        match ending {
            Ending::Disconnected | Ending::LoggedOut => tokio::time::sleep(backoff.next_pause()).await,
            Ending::Replaced => tokio::time::sleep(self.context.options.replaced_pause).await,
            Ending::Suspended(Some(until)) => self.context.clock.sleep_until(until).await,
            Ending::Suspended(None) => std::future::pending().await,
        }
    }

    /// Opens a session, works on it until it or the lease is over, and closes it.
    async fn work_on_session(&mut self, backoff: &mut Backoff) -> Ending {
        let opening = Connection::open(&self.context, &self.lease, &self.channel, &self.meter);
        let opened = tokio::select! {
            biased;
            opened = opening => opened,
            () = self.lease.ended() => Err(Ending::Disconnected),
        };
        let connection = match opened {
            Ok(connection) => connection,
            Err(ending) => return ending,
        };
        let mut status = connection.status.clone();
        let up = tokio::select! {
            biased;
            up = status.wait_for(|status| *status != SessionStatus::Opening) => up.is_ok_and(|s| *s == SessionStatus::Connected),
            () = self.lease.ended() => false,
        };
        if up {
            backoff.reset();
            tracing::info!(sender.id = %self.lease.id, lease.epoch = self.lease.epoch.0, "the session is up");
            self.send_loop.work_on(Arc::clone(&connection.session), status).await;
        }
        connection.close().await
    }
}
