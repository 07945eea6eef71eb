//! The first stage: from the socket to the reading thread.

use std::{io, time::Duration};

use axum::body::{BodyDataStream, Bytes};
use futures_util::StreamExt;
use tokio::{sync::mpsc::Sender, time::Instant};

use crate::problem::Problem;

/// An upload may take as long as it gets on: in each such time that is spent waiting for it, so many bytes must come. A client that is
/// slower has given up, or means to hold the place. The time that the store takes does not count.
const WINDOW: Duration = Duration::from_mins(1);
const LEAST: u64 = 16 << 10;

/// How much of a refused body is read on, and for how long: a client that still sends would meet a closed connection
/// instead of the refusal.
const DRAINED: usize = 64 << 20;
const DRAINING: Duration = Duration::from_secs(10);

/// How an upload gets on.
#[derive(Default)]
struct Progress {
    waited: Duration,
    came: u64,
}

impl Progress {
    /// The next chunk; `Err` when the body breaks off or is too slow.
    async fn next(&mut self, body: &mut BodyDataStream) -> Result<Option<Bytes>, Problem> {
        loop {
            let since = Instant::now();
            let next = tokio::time::timeout(WINDOW.saturating_sub(self.waited), body.next()).await;
            self.waited += since.elapsed();
            if let Ok(next) = &next {
                self.came += next.as_ref().and_then(|chunk| chunk.as_ref().ok()).map_or(0, |chunk| chunk.len() as u64);
            }
            if self.waited >= WINDOW && !matches!(next, Ok(None)) {
                if self.came < LEAST {
                    return Err(Problem::RequestTimeout);
                }
                *self = Self::default();
            }
            if let Ok(next) = next {
                return next.transpose().map_err(|_| Problem::UnreadableBody);
            }
        }
    }
}

/// Hands the body on. Ends early, and well, when nobody wants the rest.
pub(super) async fn pump(
    body: &mut BodyDataStream,
    chunks: Sender<io::Result<Bytes>>,
    limit: u64,
) -> Result<(), Problem> {
    let mut length = 0_u64;
    let mut progress = Progress::default();
    let refused = loop {
        let next = tokio::select! {
            // The reader has refused the file, and the client may be waiting to hear of it.
            () = chunks.closed() => return Ok(()),
            next = progress.next(body) => next,
        };
        match next {
            Ok(None) => return Ok(()),
            Ok(Some(chunk)) => {
                length = length.saturating_add(chunk.len() as u64);
                if length > limit {
                    break Problem::TooLarge { limit };
                }
                if chunks.send(Ok(chunk)).await.is_err() {
                    return Ok(());
                }
            }
            Err(refused) => break refused,
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
