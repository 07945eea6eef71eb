//! The figures of the fleet: senders, their sessions and budgets, and the processes that work for them, as gauges.
//!
//! They are read from all active senders' rows, and so less often than the account.

use std::{collections::HashMap, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use paceline_domain::{ChannelKind, Clock, SessionState};
use paceline_pacing::{Pace, Profiles};
use paceline_store::{
    fleet::{FleetStore, Which},
    senders::Sender,
};
use paceline_telemetry::{Describe, IntGauge, IntGaugeVec, Metrics};
use tokio_util::sync::CancellationToken;

use crate::{Role, StepError};

const PERIOD: Duration = Duration::from_secs(5);

const SENDERS: Describe = Describe {
    name: "paceline_senders",
    help: "Active senders, by channel and by the state of their sessions.",
    when_it_rises: "connected: good. logged_out, banned, suspended, unpaired: GET /v1/senders says which, and what the network said.",
};
const UNLEASED: Describe = Describe {
    name: "paceline_senders_unleased",
    help: "Active senders that no worker process works for.",
    when_it_rises: "Alert when it stays: their messages wait. GET /v1/fleet says what is lacking: processes, slots, or a channel.",
};
const BARRED_OF_A_POOL: Describe = Describe {
    name: "paceline_pool_senders_barred",
    help: "Active senders of one pool that the network has banned or suspended: of the pool that has the most of them.",
    when_it_rises: "Alert from 2: what the pool sends is taken for spam. Pause its campaigns before the others follow.",
};
const BUDGET: Describe = Describe {
    name: "paceline_senders_budget",
    help: "Sends of active senders with a daily cap on their day, by what became of them: spent, left.",
    when_it_rises: "spent: traffic. When left falls to 0 messages wait for the next day: add senders.",
};
const WORKERS: Describe = Describe {
    name: "paceline_workers",
    help: "Worker processes that live, by whether they are working or draining.",
    when_it_rises: "Processes were started. draining that stays: one does not come to its end.",
};
const FREE_SLOTS: Describe = Describe {
    name: "paceline_workers_free_slots",
    help: "Senders that the worker processes could still take, those left out that are there for one sender alone.",
    when_it_rises: "Workers were added. 0 beside senders without a lease: add workers.",
};
const MEMORY: Describe = Describe {
    name: "paceline_workers_resident_bytes",
    help: "Resident memory of the worker processes, of the largest and of all, as they report it.",
    when_it_rises: "Expected with more senders; a climb at a constant number is a leak.",
};

/// Exports the fleet's figures.
pub struct FleetFigures {
    store: Arc<dyn FleetStore>,
    clock: Arc<dyn Clock>,
    profiles: Arc<Profiles>,
    gauges: Gauges,
}

struct Gauges {
    senders: IntGaugeVec,
    unleased: IntGauge,
    barred_of_a_pool: IntGauge,
    budget: IntGaugeVec,
    workers: IntGaugeVec,
    free_slots: IntGauge,
    memory: IntGaugeVec,
}

impl FleetFigures {
    /// Figures of this store's fleet.
    pub fn new(store: Arc<dyn FleetStore>, clock: Arc<dyn Clock>, profiles: Arc<Profiles>, metrics: &Metrics) -> Self {
        let gauge = |describe| metrics.gauge(describe, &[]).with_label_values::<&str>(&[]);
        let gauges = Gauges {
            senders: metrics.gauge(SENDERS, &["channel", "session"]),
            unleased: gauge(UNLEASED),
            barred_of_a_pool: gauge(BARRED_OF_A_POOL),
            budget: metrics.gauge(BUDGET, &["part"]),
            workers: metrics.gauge(WORKERS, &["state"]),
            free_slots: gauge(FREE_SLOTS),
            memory: metrics.gauge(MEMORY, &["of"]),
        };
        Self { store, clock, profiles, gauges }
    }

    fn show_senders(&self, senders: &[Sender], now: DateTime<Utc>) {
        let mut sessions: HashMap<(ChannelKind, SessionState), i64> = HashMap::new();
        let mut barred: HashMap<&str, i64> = HashMap::new();
        let (mut spent, mut left, mut unleased) = (0, 0, 0);
        for sender in senders {
            *sessions.entry((sender.channel, sender.session)).or_default() += 1;
            unleased += i64::from(sender.lease.is_none());
            if is_barred(sender, now) {
                sender.pools.iter().for_each(|pool| *barred.entry(pool).or_default() += 1);
            }
            if let Some(profile) = self.profiles.find(&sender.profile) {
                let pace = Pace { profile, zone: sender.zone, seed: sender.seed };
                if let Some(more) = pace.left_today(&sender.pace, now) {
                    left += i64::from(more);
                    spent += i64::from(pace.spent_today(&sender.pace, now));
                }
            }
        }
        for &channel in ChannelKind::ALL {
            for &session in SessionState::ALL {
                let count = sessions.get(&(channel, session)).copied().unwrap_or(0);
                self.gauges.senders.with_label_values(&[channel.as_str(), session.as_str()]).set(count);
            }
        }
        self.gauges.unleased.set(unleased);
        self.gauges.barred_of_a_pool.set(barred.into_values().max().unwrap_or(0));
        self.gauges.budget.with_label_values(&["spent"]).set(spent);
        self.gauges.budget.with_label_values(&["left"]).set(left);
    }

    async fn show_workers(&self) -> Result<(), StepError> {
        let workers = self.store.list_workers().await?;
        let held: HashMap<_, _> = self.store.count_leases().await?.into_iter().collect();
        let draining = workers.iter().filter(|worker| worker.report.draining).count();
        let gauge = |state, count| self.gauges.workers.with_label_values(&[state]).set(whole(count));
        gauge("working", workers.len() - draining);
        gauge("draining", draining);
        let free = workers.iter().map(|view| &view.report).filter(|report| report.pinned.is_none() && !report.draining);
        let free =
            free.map(|report| i64::from(report.slots.saturating_sub(held.get(&report.id).copied().unwrap_or(0))));
        self.gauges.free_slots.set(free.sum());
        let resident = || workers.iter().map(|worker| worker.report.resident_bytes);
        self.gauges.memory.with_label_values(&["largest"]).set(whole(resident().max().unwrap_or(0)));
        self.gauges.memory.with_label_values(&["all"]).set(whole(resident().sum::<u64>()));
        Ok(())
    }
}

fn is_barred(sender: &Sender, now: DateTime<Utc>) -> bool {
    sender.suspension.is_some_and(|suspension| !suspension.is_over(now))
        || matches!(sender.session, SessionState::Banned | SessionState::Suspended)
}

fn whole(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

impl Role for FleetFigures {
    fn name(&self) -> &'static str {
        "fleet_figures"
    }

    async fn step(&mut self, _stop: &CancellationToken) -> Result<Duration, StepError> {
        let senders = self.store.list_fleet_senders(Which::Active).await?;
        self.show_senders(&senders, self.clock.now());
        self.show_workers().await?;
        Ok(PERIOD)
    }
}
