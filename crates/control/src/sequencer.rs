//! The sequencer: events get their numbers after the commits that wrote them.

use std::{sync::Arc, time::Duration};

use paceline_store::events::EventStore;
use tokio_util::sync::CancellationToken;

use crate::{Role, StepError};

const LIMIT: u32 = 1_000;
const BUSY: Duration = Duration::from_millis(50);
const IDLE: Duration = Duration::from_millis(100);

/// The sequencer.
pub struct Sequencer {
    store: Arc<dyn EventStore>,
}

impl Sequencer {
    /// A sequencer of the store's events.
    pub fn new(store: Arc<dyn EventStore>) -> Self {
        Self { store }
    }
}

impl Role for Sequencer {
    fn name(&self) -> &'static str {
        "sequencer"
    }

    async fn step(&mut self, _stop: &CancellationToken) -> Result<Duration, StepError> {
        let numbered = self.store.number_events(LIMIT).await?;
        Ok(match numbered {
            0 => IDLE,
            full if full >= u64::from(LIMIT) => Duration::ZERO,
            _ => BUSY,
        })
    }
}
