//! A dead queue that tells which letters were acknowledged, and a store that keeps what it is told to.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_queue::{Acker, DeadConsumer, DeadLetter, DeadQueue, Delivery, QueueResult};
use paceline_store::{
    StoreError, StoreResult,
    dead_letters::{DeadLetterSink, NewDeadLetter},
};

use super::{Failures, lock};

#[derive(Default)]
pub(crate) struct FakeDead {
    pub(crate) waiting: Mutex<VecDeque<(usize, DeadLetter)>>,
    pub(crate) acked: Arc<Mutex<Vec<usize>>>,
}

/// One consumer; it ends when nothing is left.
struct FakeConsumer {
    letters: Vec<(usize, DeadLetter)>,
    acked: Arc<Mutex<Vec<usize>>>,
}

struct FakeAcker {
    number: usize,
    acked: Arc<Mutex<Vec<usize>>>,
}

#[async_trait]
impl DeadQueue for FakeDead {
    async fn consume_dead(&self) -> QueueResult<Box<dyn DeadConsumer>> {
        let letters = lock(&self.waiting).drain(..).collect();
        Ok(Box::new(FakeConsumer { letters, acked: Arc::clone(&self.acked) }))
    }
}

#[async_trait]
impl DeadConsumer for FakeConsumer {
    async fn next_batch(&mut self, _limit: usize) -> Option<Vec<Delivery<DeadLetter>>> {
        if self.letters.is_empty() {
            return None;
        }
        let delivery = |(number, letter)| {
            let acker = FakeAcker { number, acked: Arc::clone(&self.acked) };
            Delivery::new(letter, false, Box::new(acker))
        };
        Some(std::mem::take(&mut self.letters).into_iter().map(delivery).collect())
    }
}

#[async_trait]
impl Acker for FakeAcker {
    async fn ack(self: Box<Self>) -> QueueResult<()> {
        lock(&self.acked).push(self.number);
        Ok(())
    }
    async fn give_back(self: Box<Self>) -> QueueResult<()> {
        Ok(())
    }
}

/// Keeps letters, and fails as often as it is told to.
#[derive(Default)]
pub(crate) struct FakeDeadLetters {
    pub(crate) kept: Mutex<Vec<NewDeadLetter>>,
    pub(crate) failures: Failures<StoreError>,
}

#[async_trait]
impl DeadLetterSink for FakeDeadLetters {
    async fn record_dead_letters(&self, letters: &[NewDeadLetter], not_before: DateTime<Utc>) -> StoreResult<u64> {
        self.failures.next()?;
        assert!(not_before > crate::builders::noon(), "what breaks workers is put off");
        lock(&self.kept).extend(letters.iter().cloned());
        Ok(u64::try_from(letters.len()).expect("it fits"))
    }
}
