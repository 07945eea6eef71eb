//! A request body that is hashed while the handler reads it, and whose rest can be read after the handler is done.
//!
//! An idempotent request is known by its method, path, content type and body, and an upload's body is too long to keep; so the hash is
//! taken in passing. What a handler that refuses early leaves unread is read afterwards, up to a limit.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    body::{Body, BodyDataStream, Bytes},
    http::{header::CONTENT_TYPE, request::Parts},
};
use futures_util::{Stream, StreamExt};
use sha2::{Digest, Sha256};

/// How long the rest of a body may take to arrive after the answer is known.
const REST: Duration = Duration::from_secs(10);

/// A body in passing, shared by the handler that reads it and the middleware that wants its hash.
#[derive(Clone)]
pub(crate) struct Tee(Arc<Mutex<Passing>>);

struct Passing {
    stream: BodyDataStream,
    hash: Sha256,
    length: u64,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    NotYet,
    Whole,
    Broken,
}

impl Tee {
    /// Begins to hash a request.
    pub(crate) fn new(parts: &Parts, body: Body) -> Self {
        let mut hash = Sha256::new();
        hash.update(parts.method.as_str());
        hash.update(b" ");
        hash.update(parts.uri.path_and_query().map_or("", |path| path.as_str()));
        hash.update(b"\n");
        // The same bytes are another request when they are to be read in another way.
        hash.update(parts.headers.get(CONTENT_TYPE).map_or(&[][..], |kind| kind.as_bytes()));
        hash.update(b"\n");
        Self(Arc::new(Mutex::new(Passing { stream: body.into_data_stream(), hash, length: 0, end: End::NotYet })))
    }

    /// The body for the handler.
    pub(crate) fn body(&self) -> Body {
        Body::from_stream(self.clone())
    }

    /// The hash of what has been read so far.
    pub(crate) fn hash(&self) -> [u8; 32] {
        self.lock().hash.clone().finalize().into()
    }

    /// Reads what is left, up to `limit` bytes in all, and answers the hash; `None` when the body broke off, is longer, or
    /// does not end in time.
    pub(crate) async fn finish(mut self, limit: u64) -> Option<[u8; 32]> {
        let rest = async { while self.lock().length <= limit && self.next().await.is_some() {} };
        let in_time = tokio::time::timeout(REST, rest).await.is_ok();
        let passing = self.lock();
        (in_time && passing.end == End::Whole && passing.length <= limit)
            .then(|| passing.hash.clone().finalize().into())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Passing> {
        // Poisoned only if a poll of the connection panicked; the next poll then ends the stream.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream for Tee {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut passing = self.lock();
        if passing.end != End::NotYet {
            return Poll::Ready(None);
        }
        let polled = passing.stream.poll_next_unpin(context);
        match &polled {
            Poll::Pending => {}
            Poll::Ready(None) => passing.end = End::Whole,
            Poll::Ready(Some(Err(_))) => passing.end = End::Broken,
            Poll::Ready(Some(Ok(chunk))) => {
                passing.hash.update(chunk);
                passing.length = passing.length.saturating_add(chunk.len() as u64);
            }
        }
        polled
    }
}
