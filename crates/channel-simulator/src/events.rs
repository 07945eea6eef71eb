//! The part of a session that listens.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_channel::{ChannelEvent, EventAck, EventBody, SessionEvents};
use tokio::sync::mpsc;

use crate::{
    session::Command,
    wire::{EventFrame, EventFrameBody},
};

/// Hands out the events of a session.
pub(crate) struct SimulatorEvents {
    pub(crate) heard: mpsc::Receiver<Heard>,
    pub(crate) commands: mpsc::Sender<Command>,
}

/// Something that the reader heard.
pub(crate) enum Heard {
    /// The network repeats it until it is acknowledged.
    Repeated(EventFrame),
    /// A change of the session itself.
    Session(DateTime<Utc>, EventBody),
}

#[async_trait]
impl SessionEvents for SimulatorEvents {
    async fn next(&mut self) -> Option<ChannelEvent> {
        Some(match self.heard.recv().await? {
            Heard::Session(at, body) => ChannelEvent::new(at, body, None),
            Heard::Repeated(frame) => {
                let ack = Ack { number: frame.e, commands: self.commands.clone() };
                let body = match frame.body {
                    EventFrameBody::Receipt(receipt) => EventBody::Receipt(receipt.into()),
                    EventFrameBody::Inbound(inbound) => EventBody::Inbound(inbound.into()),
                };
                ChannelEvent::new(frame.at, body, Some(Box::new(ack)))
            }
        })
    }
}

struct Ack {
    number: u64,
    commands: mpsc::Sender<Command>,
}

#[async_trait]
impl EventAck for Ack {
    async fn acknowledge(self: Box<Self>) {
        // Best effort: over a connection that is gone, the event comes again on the next one.
        let _ = self.commands.send(Command::AcknowledgeEvent(self.number)).await;
    }
}
