//! What all actors of a worker share.

use std::{sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use paceline_channel::Channel;
use paceline_domain::{ChannelKind, Clock, ResultBody, SenderId, SessionChange, SessionState, WorkerResult};
use paceline_pacing::{Profile, Profiles};
use paceline_queue::Queue;

use crate::{
    gate::Gate,
    keyring::SessionKeyring,
    meters::Meters,
    options::{WorkerDeps, WorkerOptions},
    report::{publish::publish_until_confirmed, reporter::Reporter},
    store::WorkerStore,
};

/// What all actors of a worker share.
pub(crate) struct Context {
    pub(crate) store: Arc<dyn WorkerStore>,
    pub(crate) queue: Arc<dyn Queue>,
    pub(crate) channels: Vec<Arc<dyn Channel>>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) profiles: Arc<Profiles>,
    pub(crate) keyring: SessionKeyring,
    pub(crate) meters: Meters,
    pub(crate) gate: Arc<Gate>,
    pub(crate) reporter: Reporter,
    pub(crate) options: WorkerOptions,
}

impl Context {
    pub(crate) fn new(deps: WorkerDeps, options: WorkerOptions, gate: Arc<Gate>, reporter: Reporter) -> Self {
        let meters = Meters::new(&deps.metrics);
        deps.channels.iter().for_each(|channel| meters.show_zeros(channel.kind()));
        let WorkerDeps { store, queue, channels, clock, profiles, keyring, metrics: _ } = deps;
        Self { store, queue, channels, clock, profiles, keyring, meters, gate, reporter, options }
    }

    pub(crate) fn find_channel(&self, kind: ChannelKind) -> Option<Arc<dyn Channel>> {
        self.channels.iter().find(|channel| channel.kind() == kind).cloned()
    }

    /// The profile of a name, or the most careful one where the name is not known.
    pub(crate) fn profile(&self, name: &str) -> Profile {
        if let Some(profile) = self.profiles.find(name) {
            return profile.clone();
        }
        tracing::warn!(profile.name = name, "no such pacing profile; the default one is used");
        self.profiles.find(Profiles::DEFAULT).cloned().unwrap_or_else(Profile::gentle)
    }

    /// How much real time passes until campaign time `at`.
    pub(crate) fn real_time_until(&self, at: DateTime<Utc>, now: DateTime<Utc>) -> Duration {
        let campaign = (at - now).to_std().unwrap_or(Duration::ZERO);
        let speed = self.clock.speed();
        if speed > 0.0 {
            Duration::try_from_secs_f64(campaign.as_secs_f64() / speed).unwrap_or(Duration::MAX)
        } else {
            campaign
        }
    }

    /// Publishes results until the queue has confirmed them.
    pub(crate) async fn publish_until_confirmed(&self, results: Vec<WorkerResult>) {
        publish_until_confirmed(self.queue.as_ref(), results).await;
    }

    /// Reports a change of a sender's session.
    pub(crate) async fn report_session(&self, sender: SenderId, state: SessionState, detail: Option<String>) {
        let change = SessionChange { state, pairing_code: None, until: None, detail };
        self.report_change(sender, change).await;
    }

    /// Reports a change of a sender's session.
    pub(crate) async fn report_change(&self, sender: SenderId, change: SessionChange) {
        let result = WorkerResult { sender, at: self.clock.now(), body: ResultBody::Session(change) };
        self.publish_until_confirmed(vec![result]).await;
    }
}
