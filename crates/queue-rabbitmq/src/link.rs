//! A connection that is kept: lost, it is made again without a limit of tries. Each that comes up is a generation of its own.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};

use crate::{
    backoff::{Backoff, mix},
    context::Context,
    fault::Fault,
    session::Session,
};

/// A generation that lived this long was no part of the trouble before it.
const STEADY: Duration = Duration::from_secs(30);
/// Channels that are left for declarations beside the consumers.
const SPARE_CHANNELS: usize = 16;

/// A connection that is kept.
pub(crate) struct Link {
    away_wait: Duration,
    state: watch::Receiver<LinkState>,
    // Consumers that have, or are about to have, a channel of it.
    seats: AtomicUsize,
    capacity: AtomicUsize,
}

/// How it stands with one connection.
#[derive(Clone)]
pub(crate) enum LinkState {
    /// There is none; the fault of the last try, once there was one.
    Away { since: Instant, fault: Option<Fault> },
    /// This one.
    Up(Arc<Session>),
}

impl Link {
    /// Begins to connect, in the background.
    pub(crate) fn start(context: Arc<Context>, number: u32) -> Arc<Self> {
        let (sender, state) = watch::channel(LinkState::Away { since: Instant::now(), fault: None });
        let capacity = usize::from(context.address.channel_max()).saturating_sub(SPARE_CHANNELS).max(1);
        let link = Arc::new(Self {
            away_wait: context.away_wait,
            state,
            seats: AtomicUsize::new(0),
            capacity: AtomicUsize::new(capacity),
        });
        let backoff = Backoff::new(mix(context.seed ^ u64::from(number)));
        let tasks = context.tasks.clone();
        let keeper = Keeper { context, number, state: sender, link: Arc::downgrade(&link), backoff };
        drop(tasks.spawn(keeper.keep()));
        link
    }

    pub(crate) fn state(&self) -> LinkState {
        self.state.borrow().clone()
    }

    /// The generation that is up; waits for one, but not for long, and not at all for what the broker refuses.
    pub(crate) async fn session(&self) -> Result<Arc<Session>, Fault> {
        let mut state = self.state.clone();
        let up = async {
            loop {
                match &*state.borrow_and_update() {
                    LinkState::Up(session) if session.is_up() => return Ok(Arc::clone(session)),
                    LinkState::Away { fault: Some(fault), .. } if fault.is_refusal() => return Err(fault.clone()),
                    LinkState::Up(_) | LinkState::Away { .. } => {}
                }
                state.changed().await.map_err(|_| Fault::away("the queue was closed"))?;
            }
        };
        timeout(self.away_wait, up).await.unwrap_or_else(|_| Err(self.fault()))
    }

    fn fault(&self) -> Fault {
        match &*self.state.borrow() {
            LinkState::Away { fault: Some(fault), .. } => fault.clone(),
            _ => Fault::away("the broker has not answered yet"),
        }
    }

    /// A place for one more consumer, when there is one.
    pub(crate) fn take_seat(self: &Arc<Self>) -> Option<Seat> {
        let capacity = self.capacity.load(Ordering::Relaxed);
        let taken = self
            .seats
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seats| (seats < capacity).then_some(seats + 1));
        taken.ok().map(|_| Seat(Arc::clone(self)))
    }

    fn grant(&self, channel_max: u16) {
        let capacity = usize::from(channel_max).saturating_sub(SPARE_CHANNELS).max(1);
        self.capacity.store(capacity, Ordering::Relaxed);
    }
}

/// A consumer's place on a connection.
pub(crate) struct Seat(pub(crate) Arc<Link>);

impl Drop for Seat {
    fn drop(&mut self) {
        self.0.seats.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who makes the connection again and again.
struct Keeper {
    context: Arc<Context>,
    number: u32,
    state: watch::Sender<LinkState>,
    link: Weak<Link>,
    backoff: Backoff,
}

impl Keeper {
    async fn keep(mut self) {
        let stop = self.context.stop.clone();
        let mut since = Instant::now();
        let mut reconnecting = false;
        loop {
            let opening = Session::open(Arc::clone(&self.context), self.number);
            let Some(opened) = stop.run_until_cancelled(opening).await else { break };
            let fault = match opened {
                Ok(session) => {
                    if std::mem::replace(&mut reconnecting, true) {
                        self.context.meters.reconnects.inc();
                    }
                    let Some(fault) = self.follow(&session).await else { break };
                    since = Instant::now();
                    fault
                }
                Err(fault) => fault,
            };
            self.context.outage.lost(self.number, &fault);
            self.state.send_replace(LinkState::Away { since, fault: Some(fault) });
            let pause = self.backoff.next_pause();
            if stop.run_until_cancelled(tokio::time::sleep(pause)).await.is_none() {
                break;
            }
        }
        let closed = Fault::away("the queue was closed");
        self.state.send_replace(LinkState::Away { since, fault: Some(closed) });
    }

    /// Follows a generation to its end. Nothing when the queue was closed.
    async fn follow(&mut self, session: &Arc<Session>) -> Option<Fault> {
        let began = Instant::now();
        if let Some(link) = self.link.upgrade() {
            link.grant(session.channel_max());
        }
        self.context.meters.connections.inc();
        self.context.outage.connected(self.number);
        self.state.send_replace(LinkState::Up(Arc::clone(session)));
        let fault = self.context.stop.run_until_cancelled(session.watch()).await;
        self.context.meters.connections.dec();
        if began.elapsed() >= STEADY {
            self.backoff.reset();
        }
        session.end().await;
        fault
    }
}
