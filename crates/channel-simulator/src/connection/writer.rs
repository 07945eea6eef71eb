//! Writes whatever has been queued meanwhile as one frame.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, stream::SplitSink};
use paceline_failpoints::{self as failpoints, Failpoint};
use tokio::{
    sync::mpsc,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_tungstenite::tungstenite::Message;

use crate::{
    channel::Socket,
    session::{Command, Shared},
    wire::ClientFrame,
};

/// A frame stays well below the largest that the network takes, even if every text is as long as a text can be.
const COMMANDS_PER_FRAME: usize = 256;
/// How often the peer is asked for a sign of life (real time).
const PING_EVERY: Duration = Duration::from_secs(10);

/// Writes until the connection ends, or until it is asked to close and everything queued is written.
pub(super) async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut commands: mpsc::Receiver<Command>,
    shared: Arc<Shared>,
) {
    let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut batch = Vec::new();
    loop {
        let next = tokio::select! {
            biased;
            () = shared.ended.cancelled() => return,
            _ = commands.recv_many(&mut batch, COMMANDS_PER_FRAME) => Next::Frame,
            () = shared.closing.cancelled() => Next::Close,
            _ = ping.tick() => Next::Ping,
        };
        if write_next(&mut sink, &shared, &mut batch, next).await.is_err() {
            shared.ended.cancel();
        }
        if next == Next::Close {
            return;
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Frame,
    Ping,
    Close,
}

type Written = Result<(), tokio_tungstenite::tungstenite::Error>;

async fn write_next(
    sink: &mut SplitSink<Socket, Message>,
    shared: &Shared,
    batch: &mut Vec<Command>,
    next: Next,
) -> Written {
    let mut sends = 0;
    let message = match next {
        Next::Ping => Message::Ping(Vec::new().into()),
        Next::Close => Message::Close(None),
        Next::Frame => {
            let frame = compose(shared, batch);
            if frame.is_empty() {
                return Ok(());
            }
            sends = frame.sends.len();
            frame.to_message()
        }
    };
    tokio::select! {
        () = shared.ended.cancelled() => return Ok(()),
        written = sink.send(message) => written?,
    }
    (0..sends).for_each(|_| failpoints::pass(Failpoint::WorkerSent));
    Ok(())
}

/// From here on, the sends of the frame may have reached the network.
fn compose(shared: &Shared, batch: &mut Vec<Command>) -> ClientFrame<'static> {
    let mut frame = ClientFrame::default();
    for command in batch.drain(..) {
        match command {
            Command::Send(send) => frame.sends.push(send),
            Command::Typing(typing) => frame.typing.push(typing),
            Command::AcknowledgeEvent(number) => frame.event_acks.push(number),
        }
    }
    if !frame.sends.is_empty() {
        shared.sends.retain_for_writing(&mut frame.sends, |send| send.n);
    }
    frame
}
