//! The first stage: from the socket to the reading thread.

use std::{io, time::Duration};

use axum::body::{BodyDataStream, Bytes};
use futures_util::StreamExt;
use tokio::sync::mpsc::Sender;

use crate::problem::Problem;

/// How long a body may pause. A client that is gone for longer has given up.
const PAUSE: Duration = Duration::from_mins(1);

/// How much of a refused body is read on, and for how long: a client that still sends would meet a closed connection
/// instead of the refusal.
const DRAINED: usize = 64 << 20;
const DRAINING: Duration = Duration::from_secs(10);

/// Hands the body on. Ends early, and well, when nobody wants the rest.
pub(super) async fn pump(
    body: &mut BodyDataStream,
    chunks: Sender<io::Result<Bytes>>,
    limit: u64,
) -> Result<(), Problem> {
    let mut length = 0_u64;
    let refused = loop {
        let next = tokio::select! {
            // The reader has refused the file, and the client may be waiting to hear of it.
            () = chunks.closed() => return Ok(()),
            next = tokio::time::timeout(PAUSE, body.next()) => next,
        };
        match next {
            Ok(None) => return Ok(()),
            Ok(Some(Ok(chunk))) => {
                length = length.saturating_add(chunk.len() as u64);
                if length > limit {
                    break Problem::TooLarge { limit };
                }
                if chunks.send(Ok(chunk)).await.is_err() {
                    return Ok(());
                }
            }
            Ok(Some(Err(_))) | Err(_) => break Problem::UnreadableBody,
        }
    };
    // The reader must not take what came so far for the whole file.
    let _ = chunks.send(Err(io::Error::from(io::ErrorKind::UnexpectedEof))).await;
    Err(refused)
}

/// Reads the rest of a refused body and drops it.
pub(super) async fn drain(body: &mut BodyDataStream) {
    let mut left = DRAINED;
    let rest = async {
        while let Some(Ok(chunk)) = body.next().await
            && left > chunk.len()
        {
            left -= chunk.len();
        }
    };
    // A client that sends on after that is cut off.
    let _ = tokio::time::timeout(DRAINING, rest).await;
}
