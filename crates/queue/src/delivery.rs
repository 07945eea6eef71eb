//! A delivery, answered by value.

use async_trait::async_trait;

use crate::QueueResult;

/// How an adapter answers one delivery.
#[async_trait]
pub trait Acker: Send {
    /// Done with: never to come again, unless the broker lost the answer.
    async fn ack(self: Box<Self>) -> QueueResult<()>;
    /// Untouched: to be delivered to another consumer.
    async fn give_back(self: Box<Self>) -> QueueResult<()>;
}

/// A payload that must be answered. Dropping it answers nothing: it comes again when the consumer ends.
pub struct Delivery<T> {
    body: T,
    redelivered: bool,
    acker: Box<dyn Acker>,
}

impl<T> Delivery<T> {
    /// A delivery of `body`. `redelivered` says that some consumer may have seen it before.
    pub fn new(body: T, redelivered: bool, acker: Box<dyn Acker>) -> Self {
        Self { body, redelivered, acker }
    }

    /// The payload.
    pub const fn body(&self) -> &T {
        &self.body
    }

    /// Whether some consumer may have seen it before.
    pub const fn is_redelivered(&self) -> bool {
        self.redelivered
    }

    /// The payload and its answer, apart, so that a batch may be worked on as one.
    pub fn split(self) -> (T, Box<dyn Acker>) {
        (self.body, self.acker)
    }

    /// Done with.
    ///
    /// # Errors
    /// The broker could not be told; the delivery comes again.
    pub async fn ack(self) -> QueueResult<()> {
        self.acker.ack().await
    }

    /// Untouched.
    ///
    /// # Errors
    /// The broker could not be told; the delivery comes again all the same.
    pub async fn give_back(self) -> QueueResult<()> {
        self.acker.give_back().await
    }
}

impl<T> std::fmt::Debug for Delivery<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery").field("redelivered", &self.redelivered).finish_non_exhaustive()
    }
}
