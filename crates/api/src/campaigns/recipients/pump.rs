//! The first stage: from the socket to the reading thread.

use std::{io, time::Duration};

use axum::body::{Body, Bytes};
use futures_util::StreamExt;
use tokio::sync::mpsc::Sender;

use crate::problem::Problem;

/// How long a body may pause. A client that is gone for longer has given up.
const PAUSE: Duration = Duration::from_mins(1);

/// Hands the body on. Ends early, and well, when nobody wants the rest.
pub(super) async fn pump(body: Body, chunks: Sender<io::Result<Bytes>>, limit: u64) -> Result<(), Problem> {
    let mut body = body.into_data_stream();
    let mut length = 0_u64;
    let refused = loop {
        match tokio::time::timeout(PAUSE, body.next()).await {
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
