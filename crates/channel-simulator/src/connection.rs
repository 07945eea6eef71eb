//! One connection: a task that writes, a task that reads.

use futures_util::StreamExt;
use paceline_channel::OpenedSession;
use tokio::sync::mpsc;

use crate::{
    channel::Socket,
    events::SimulatorEvents,
    session::{Shared, SimulatorSession},
    wire::ServerFrame,
};

mod reader;
mod writer;

/// How many events may be unacknowledged at a time.
pub(crate) const WINDOW: u32 = 4096;
/// Room for changes of the session itself beside a full window.
const SESSION_EVENTS: usize = 64;
/// How many commands may wait to be written.
const COMMANDS: usize = 1024;

/// Starts the tasks of a connection whose greeting was answered with `first`.
pub(crate) fn start(socket: Socket, first: ServerFrame) -> OpenedSession {
    let shared = Shared::new();
    let (commands, commanded) = mpsc::channel(COMMANDS);
    let (hear, heard) = mpsc::channel(WINDOW as usize + SESSION_EVENTS);
    let (sink, stream) = socket.split();
    tokio::spawn(writer::write(sink, commanded, shared.clone()));
    tokio::spawn(reader::Reader::new(shared.clone(), hear).run(first, stream));
    OpenedSession {
        session: std::sync::Arc::new(SimulatorSession { shared, commands: commands.clone() }),
        events: Box::new(SimulatorEvents { heard, commands }),
    }
}
