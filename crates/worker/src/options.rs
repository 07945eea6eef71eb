//! What a worker is made of, and its settings.

use std::{sync::Arc, time::Duration};

use paceline_channel::Channel;
use paceline_domain::{Clock, SenderId, WorkerId};
use paceline_pacing::Profiles;
use paceline_queue::Queue;
use paceline_store::release::RELEASE_HOLD;
use paceline_telemetry::Metrics;

use crate::{keyring::SessionKeyring, store::WorkerStore};

/// What a worker is made of.
pub struct WorkerDeps {
    /// The store.
    pub store: Arc<dyn WorkerStore>,
    /// The queue.
    pub queue: Arc<dyn Queue>,
    /// The channels; senders of other kinds are left to other workers.
    pub channels: Vec<Arc<dyn Channel>>,
    /// Campaign time and real time.
    pub clock: Arc<dyn Clock>,
    /// The pacing profiles by name.
    pub profiles: Arc<Profiles>,
    /// The keys that seal session credentials.
    pub keyring: SessionKeyring,
    /// Where the worker counts.
    pub metrics: Arc<Metrics>,
}

/// A worker's settings. Durations are real time.
#[derive(Debug, Clone)]
pub struct WorkerOptions {
    /// This process; a new id at each start.
    pub worker: WorkerId,
    /// The name of the machine, for whoever looks at the fleet.
    pub host: String,
    /// Where this process serves its own metrics and health, as `host:port`.
    pub listen: Option<String>,
    /// The most senders it works for. Several workers share the fleet evenly, so that one may hold fewer.
    pub slots: u32,
    /// This sender and no other, when named.
    pub pinned: Option<SenderId>,
    /// How long a lease holds unless renewed. More than `renew_every` and `send_timeout` together.
    pub lease_ttl: Duration,
    /// How often leases are renewed. A pause or a removal of a sender is noticed then.
    pub renew_every: Duration,
    /// How often to look for senders that nobody holds.
    pub claim_every: Duration,
    /// How often the worker reports itself. It counts as gone when it has been silent for four times as long.
    pub report_every: Duration,
    /// How long a send may take; then its outcome is unknown.
    pub send_timeout: Duration,
    /// How long a job may stay unanswered for pacing's sake. A message whose slot lies further away goes back to the store.
    pub max_hold: Duration,
    /// How long a claim holds, as the control plane has it.
    pub release_hold: Duration,
    /// How old a claim is before a worker with nothing in hand misses its job: what is published arrives at once.
    pub missed_after: Duration,
    /// How long to leave a session alone that another connection has taken over.
    pub replaced_pause: Duration,
    /// The first pause before a session is opened again; doubles up to a minute.
    pub reconnect_pause: Duration,
    /// How long the drain may take before what is left is abandoned, as in a crash.
    pub drain_within: Duration,
}

impl WorkerOptions {
    /// The defaults.
    pub const fn new(worker: WorkerId) -> Self {
        Self {
            worker,
            host: String::new(),
            listen: None,
            slots: 1_000,
            pinned: None,
            lease_ttl: Duration::from_secs(30),
            renew_every: Duration::from_secs(8),
            claim_every: Duration::from_millis(500),
            report_every: Duration::from_secs(3),
            send_timeout: Duration::from_secs(15),
            max_hold: Duration::from_mins(2),
            release_hold: RELEASE_HOLD,
            missed_after: Duration::from_secs(10),
            replaced_pause: Duration::from_secs(30),
            reconnect_pause: Duration::from_secs(1),
            drain_within: Duration::from_secs(45),
        }
    }
}
