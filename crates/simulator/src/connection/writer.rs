//! Writes answers and events to a client. An acknowledgement is written only after the journal is durable; and what was
//! taken reaches people even when the connection is gone by then.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{Message, WebSocket};
use futures_util::stream::SplitSink;
use tokio::{
    sync::{Notify, mpsc},
    time::{Instant, sleep, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{Ends, encode, send};
use crate::{
    network::{Answers, LinkId, Network, Order},
    wire::{Over, ServerFrame, WelcomeFrame},
};

/// How many events a frame carries at most.
const EVENTS_PER_FRAME: usize = 256;
/// How many groups of answers a frame carries at most.
const GROUPS_PER_FRAME: usize = 16;
/// How long a client that was told that the session is over may take to close.
const FAREWELL_LIMIT: Duration = Duration::from_secs(2);

/// The writing half of a connection.
pub(super) struct Writer {
    network: Arc<Network>,
    link: LinkId,
    sink: SplitSink<WebSocket, Message>,
    orders: mpsc::UnboundedReceiver<Order>,
    wake: Arc<Notify>,
    cut: CancellationToken,
    late: (mpsc::UnboundedSender<u64>, mpsc::UnboundedReceiver<u64>),
    /// When the client was told that the session is over, until when it may close by itself.
    farewell: Option<Instant>,
    /// The socket failed: nothing can be written any more, but what was taken is still settled.
    broken: bool,
}

impl Writer {
    pub(super) fn new(network: Arc<Network>, link: LinkId, sink: SplitSink<WebSocket, Message>, ends: Ends) -> Self {
        let Ends { orders, wake, cut } = ends;
        let late = mpsc::unbounded_channel();
        Self { network, link, sink, orders, wake, cut, late, farewell: None, broken: false }
    }

    /// Writes until the reader has hung up and everything it took is answered.
    pub(super) async fn run(mut self, mut answers: mpsc::Receiver<Answers>) {
        let mut groups = Vec::new();
        let mut more_events = true;
        loop {
            let mut frame = ServerFrame::default();
            let mut then = None;
            if !more_events {
                let farewell = self.farewell;
                tokio::select! {
                    biased;
                    Some(order) = self.orders.recv() => then = Some(order),
                    () = until(farewell) => self.hang_up(),
                    Some(n) = self.late.1.recv() => frame.acks.push(n),
                    taken = answers.recv_many(&mut groups, GROUPS_PER_FRAME) => {
                        if taken == 0 {
                            return;
                        }
                        then = self.answer(&mut groups, &mut frame).await;
                    }
                    () = self.wake.notified() => {}
                }
            }
            frame.events = self.network.next_events(self.link, EVENTS_PER_FRAME);
            more_events = !frame.events.is_empty();
            self.write(frame).await;
            if let Some(order) = then {
                self.obey(order).await;
            }
        }
    }

    /// Waits for the journal, lets people have what was sent, and collects what the client is told.
    async fn answer(&self, groups: &mut Vec<Answers>, frame: &mut ServerFrame) -> Option<Order> {
        let position = groups.iter().map(|group| group.position).max().unwrap_or(0);
        let durable = self.network.journal.wait(position).await.is_ok();
        let mut then = None;
        for mut group in groups.drain(..) {
            frame.nacks.append(&mut group.nacks);
            if !durable {
                // What is not in the journal was not sent; nobody may be told that it was.
                group.forget_deliveries();
                self.network.settle(self.link, &mut group);
                then = Some(Order::Cut);
                continue;
            }
            self.network.settle(self.link, &mut group);
            frame.acks.append(&mut group.acks);
            for (delay, n) in group.late_acks.drain(..) {
                self.acknowledge_later(delay, n);
            }
            then = group.then.take().or(then);
        }
        then
    }

    fn acknowledge_later(&self, delay: Duration, n: u64) {
        let late = self.late.0.clone();
        let cut = self.cut.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = sleep(delay) => { let _ = late.send(n); }
                () = cut.cancelled() => {}
            }
        });
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Paired { .. } => {}
            Order::Welcome(repeats) => {
                let welcome = Some(WelcomeFrame { repeats, at: self.network.clock.now() });
                self.write(ServerFrame { welcome, ..ServerFrame::default() }).await;
            }
            Order::Over(over) => self.say_over(over).await,
            Order::Cut => self.cut.cancel(),
        }
    }

    /// The client does not close by itself.
    fn hang_up(&mut self) {
        self.farewell = None;
        self.cut.cancel();
    }

    async fn say_over(&mut self, over: Over) {
        self.farewell = Some(Instant::now() + FAREWELL_LIMIT);
        self.write(ServerFrame { over: Some(over), ..ServerFrame::default() }).await;
    }

    async fn write(&mut self, frame: ServerFrame) {
        if self.broken || frame.is_empty() {
            return;
        }
        let written = tokio::select! {
            () = self.cut.cancelled() => false,
            sent = send(&mut self.sink, encode(&frame)) => sent.is_ok(),
        };
        if !written {
            self.broken = true;
            self.cut.cancel();
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
