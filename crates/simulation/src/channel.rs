//! The channel's ports: sessions on the simulated network, with sends whose answers get lost.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use paceline_channel::{
    Accepted, Channel, ChannelEvent, EventAck, OpenError, OpenedSession, SendError, SendRequest, Session,
    SessionEvents, SessionSetup, TypingState,
};
use paceline_domain::{Address, ChannelKind, FailureReason, Repeats, SenderId};
use tokio::{
    sync::oneshot,
    time::{sleep, timeout},
};

use crate::{
    network::{Next, Reached, SessionId, saying},
    world::{Port, World},
};

/// The network as one node reaches it.
pub(crate) struct NodeChannel {
    port: Port,
}

impl NodeChannel {
    pub(crate) const fn new(port: Port) -> Self {
        Self { port }
    }
}

#[async_trait]
impl Channel for NodeChannel {
    fn kind(&self) -> ChannelKind {
        ChannelKind::Simulator
    }

    async fn open(&self, setup: SessionSetup) -> Result<OpenedSession, OpenError> {
        let pause = {
            let mut world = self.port.enter();
            let fails = world.weather.open_fails;
            if world.chance.happens(fails) {
                return Err(OpenError::Unavailable { reason: "the simulated network is busy".to_owned() });
            }
            world.chance.millis(1, 200)
        };
        sleep(pause).await;
        let mut world = self.port.enter();
        let now = world.now;
        let id = world.network.open((setup.sender, self.port.node), setup.credentials.as_ref(), now)?;
        world.tell(&self.port, format_args!("opens session {id}"));
        let line = Line { port: self.port.clone(), sender: setup.sender, id };
        Ok(OpenedSession { session: Arc::new(line.clone()), events: Box::new(line) })
    }
}

/// An open session: both the part that sends and the part that listens.
#[derive(Clone)]
struct Line {
    port: Port,
    sender: SenderId,
    id: SessionId,
}

/// What becomes of a send.
enum SendFate {
    Fails(SendError),
    Lost,
    /// Arrives after the first span; the answer, unless it is lost, takes the second.
    Arrives(Duration, Option<Duration>),
}

impl SendFate {
    fn draw(world: &mut World, request: &SendRequest) -> Self {
        let World { weather, chance, network, now, .. } = world;
        if chance.happens(weather.unsent) {
            // Without a word of the network the worker waits for minutes after a few refusals.
            let retry_after = chance.happens(850).then(|| chance.millis(100, 3_000));
            return Self::Fails(SendError::Unsent { reason: "busy".to_owned(), retry_after });
        }
        if chance.happens(weather.throttled) {
            let until = *now + chance.millis(500, 4_000);
            return Self::Fails(SendError::Throttled { until });
        }
        let accepted = network.accepted.keys().any(|(_, _, id)| *id == request.id);
        if !accepted && chance.happens(weather.rejected) {
            return Self::Fails(SendError::Rejected(FailureReason::NotOnWhatsapp));
        }
        if chance.happens(weather.send_lost) {
            return Self::Lost;
        }
        let slow = chance.happens(weather.send_slow);
        let mut span = || if slow { chance.skewed(1_900) } else { chance.millis(1, 60) };
        let (there, back) = (span(), span());
        let lost = chance.happens(weather.answer_lost);
        Self::Arrives(there, (!lost).then_some(back))
    }
}

impl Line {
    /// Sends the bytes off: from here on they arrive whatever becomes of the node. Answers with where the answer comes.
    fn send_off(&self, request: SendRequest) -> Result<oneshot::Receiver<Accepted>, SendError> {
        let mut world = self.port.enter();
        if world.network.is_over(self.id) {
            return Err(SendError::SessionOver);
        }
        world.tell(&self.port, format_args!("sends {}", request.id));
        let World { books, store, .. } = &mut *world;
        books.send(&store.maps.look(), self.sender, &request);
        let (answer, answered) = oneshot::channel();
        world.step(&self.port);
        let (there, back) = match SendFate::draw(&mut world, &request) {
            SendFate::Fails(error) => return Err(error),
            SendFate::Lost => (None, None),
            SendFate::Arrives(there, back) => (Some(there), back),
        };
        let id = self.id;
        if let Some(there) = there {
            world.later(there, move |world| {
                let reached = world.arrive(id, &request);
                let (Reached::Accepted(provider_id), Some(back)) = (reached, back) else { return };
                world.later(back, move |world| {
                    if !world.network.is_over(id) {
                        // Whoever asked may be dead.
                        let _ = answer.send(Accepted { provider_id });
                    }
                });
            });
        }
        Ok(answered)
    }
}

#[async_trait]
impl Session for Line {
    fn repeats(&self) -> Repeats {
        let world = self.port.enter();
        world.flaw.map_or(world.network.repeats, |flaw| flaw.bend_repeats(world.network.repeats))
    }

    async fn send(&self, request: SendRequest) -> Result<Accepted, SendError> {
        let within = request.timeout;
        let answered = match self.send_off(request) {
            Ok(answered) => answered,
            Err(error) => {
                sleep(Duration::from_millis(5)).await;
                return Err(error);
            }
        };
        let answer = async {
            match answered.await {
                Ok(accepted) => accepted,
                // Nobody will answer any more, and whoever waits cannot know that.
                Err(_) => std::future::pending().await,
            }
        };
        timeout(within, answer).await.map_err(|_| SendError::Unknown)
    }

    async fn show_typing(&self, _to: &Address, _state: TypingState) -> Result<(), SendError> {
        if self.port.enter().network.is_over(self.id) { Err(SendError::SessionOver) } else { Ok(()) }
    }

    async fn close(&self) {
        let mut world = self.port.enter();
        world.tell(&self.port, format_args!("closes session {}", self.id));
        world.network.end(self.id, None);
    }
}

#[async_trait]
impl SessionEvents for Line {
    async fn next(&mut self) -> Option<ChannelEvent> {
        loop {
            let changed = {
                let mut world = self.port.enter();
                match world.network.next(self.id) {
                    Next::Saying(at, body) => return Some(saying(at, body)),
                    Next::Event(event) => {
                        let ack = Ack { port: self.port.clone(), sender: self.sender, event: event.id };
                        return Some(ChannelEvent::new(event.at, event.body, Some(Box::new(ack))));
                    }
                    Next::Over => return None,
                    Next::Nothing(changed) => changed,
                }
            };
            changed.notified().await;
        }
    }
}

struct Ack {
    port: Port,
    sender: SenderId,
    event: u64,
}

#[async_trait]
impl EventAck for Ack {
    async fn acknowledge(self: Box<Self>) {
        let mut world = self.port.enter();
        let doubled = world.weather.event_doubled;
        if !world.chance.happens(doubled) {
            world.network.acknowledge(self.sender, self.event);
        }
    }
}
