//! One WebSocket connection: greeting, pairing, then a reader and a writer that go on at the same time, so that a client
//! that does not read cannot keep its own sends from being taken.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{Message, WebSocket};
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use paceline_domain::Repeats;
use tokio::{
    sync::{Notify, mpsc},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use crate::{
    network::{Admission, LinkId, Network, Order},
    wire::{ClientFrame, Hello, Over, OverReason, PROTOCOL, ServerFrame, WelcomeFrame},
};

mod pairing;
mod reader;
mod writer;

/// How long a client may take to greet.
const GREETING_LIMIT: Duration = Duration::from_secs(10);
/// Groups of sends that are taken and not answered yet; then the reader waits.
const ANSWERS_IN_FLIGHT: usize = 64;

/// What a connection is served with.
pub(crate) struct Ends {
    orders: mpsc::UnboundedReceiver<Order>,
    wake: Arc<Notify>,
    /// Breaks the connection.
    cut: CancellationToken,
}

/// Serves a connection until it ends.
pub(crate) async fn serve(network: Arc<Network>, mut socket: WebSocket, cut: CancellationToken) {
    let Some(hello) = greet(&mut socket).await else { return };
    let (orders_in, orders) = mpsc::unbounded_channel();
    let mut ends = Ends { orders, wake: Arc::new(Notify::new()), cut };
    let (link, repeats) = match network.admit(&hello, orders_in, ends.wake.clone()) {
        Admission::Refused(over) => return refuse(&mut socket, over).await,
        Admission::Welcome(link, repeats) => (link, repeats),
        Admission::Pairing(link, repeats) => {
            if !pairing::pair(&network, &mut socket, &mut ends, (link, repeats)).await {
                network.leave(link);
                return;
            }
            (link, repeats)
        }
    };
    if welcome(&network, &mut socket, repeats).await.is_ok() {
        converse(&network, socket, ends, link).await;
    }
    network.leave(link);
}

async fn greet(socket: &mut WebSocket) -> Option<Hello> {
    let message = timeout(GREETING_LIMIT, socket.recv()).await.ok()??.ok()?;
    let hello = message.to_text().ok().and_then(|text| serde_json::from_str::<ClientFrame<'_>>(text).ok()?.hello);
    match hello {
        Some(hello) if hello.protocol == PROTOCOL => Some(hello),
        _ => {
            refuse(socket, Over::because(OverReason::Protocol)).await;
            None
        }
    }
}

async fn refuse(socket: &mut WebSocket, over: Over) {
    let frame = ServerFrame { over: Some(over), ..ServerFrame::default() };
    // The client is gone or told; nothing else is owed to it.
    let _ = socket.send(encode(&frame)).await;
    let _ = socket.send(Message::Close(None)).await;
    let _ = timeout(GREETING_LIMIT, async { while let Some(Ok(_)) = socket.recv().await {} }).await;
}

async fn welcome(network: &Network, socket: &mut WebSocket, repeats: Repeats) -> Result<(), axum::Error> {
    let welcome = Some(WelcomeFrame { repeats, at: network.clock.now() });
    socket.send(encode(&ServerFrame { welcome, ..ServerFrame::default() })).await
}

async fn converse(network: &Arc<Network>, socket: WebSocket, ends: Ends, link: LinkId) {
    let (sink, stream) = socket.split();
    let (answers_in, answers) = mpsc::channel(ANSWERS_IN_FLIGHT);
    let reading = reader::read(network.clone(), stream, answers_in, (link, ends.cut.clone()));
    let reader = tokio::spawn(reading);
    writer::Writer::new(network.clone(), link, sink, ends).run(answers).await;
    // The writer ends only after the reader hung up; this reaps it.
    let _ = reader.await;
}

fn encode(frame: &ServerFrame) -> Message {
    Message::text(serde_json::to_string(frame).expect("plain structs of strings and numbers always serialise"))
}

async fn send(sink: &mut SplitSink<WebSocket, Message>, message: Message) -> Result<(), axum::Error> {
    sink.send(message).await
}
