//! Reads what a client sends: sends are taken in the order of the wire, without waiting for the journal.

use std::{sync::Arc, time::Duration};

use axum::extract::ws::{Message, WebSocket};
use futures_util::{StreamExt, stream::SplitStream};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

use crate::{
    network::{Answers, IncomingSend, LinkId, Network},
    wire::ClientFrame,
};

/// A client that says nothing, not even a ping, for this long is gone.
const IDLE_LIMIT: Duration = Duration::from_secs(90);

/// Reads until the client closes, breaks the protocol or is cut off. Answers go to the writer.
pub(super) async fn read(
    network: Arc<Network>,
    mut stream: SplitStream<WebSocket>,
    answers: mpsc::Sender<Answers>,
    (link, cut): (LinkId, CancellationToken),
) {
    loop {
        let message = tokio::select! {
            () = cut.cancelled() => return,
            message = timeout(IDLE_LIMIT, stream.next()) => message,
        };
        let text = match message {
            Ok(Some(Ok(Message::Text(text)))) => text,
            // Reading on after a close answers it; the stream ends then.
            Ok(Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Close(_)))) => continue,
            Ok(Some(Ok(Message::Binary(_)) | Err(_)) | None) | Err(_) => return,
        };
        let Ok(taken) = take_frame(&network, link, &text) else {
            tracing::warn!("a client broke the session protocol; its connection is closed");
            return;
        };
        if let Some(taken) = taken
            && answers.send(taken).await.is_err()
        {
            return;
        }
    }
}

/// The client broke the protocol.
struct Garbled;

/// What to answer, when the frame holds sends.
fn take_frame(network: &Network, link: LinkId, text: &str) -> Result<Option<Answers>, Garbled> {
    let frame: ClientFrame<'_> = serde_json::from_str(text).map_err(|_| Garbled)?;
    if frame.hello.is_some() {
        return Err(Garbled);
    }
    if !frame.event_acks.is_empty() {
        network.acknowledge(link, &frame.event_acks);
    }
    if !frame.typing.is_empty() {
        network.note_typing(link, frame.typing.len());
    }
    if frame.sends.is_empty() {
        return Ok(None);
    }
    let sends: Vec<_> = frame.sends.into_iter().map(|send| IncomingSend::new(network, send)).collect();
    Ok(Some(network.take_sends(link, &sends)))
}
