//! `paceline fleet`: one worker process per active sender, on this machine.
//!
//! It decides from the database alone, once a second: an active sender that no one leases gets a process, one that is paused
//! or removed loses it. A process that ended is reaped, and only because it has been reaped does the fleet end its lease at once.

mod child;
mod children;
mod meters;
mod targets;

use std::{sync::Arc, time::Duration};

use paceline_domain::WorkerId;
use paceline_store::{
    StoreResult,
    fleet::{FleetStore as _, Which},
    leases::{DeadHolder, LeaseStore as _},
    senders::Sender,
};
use paceline_store_postgres::PostgresStore;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::{
    arguments::{self, Global},
    exit::Exit,
    front::Front,
    output::Output,
    readiness::Readiness,
    services::{Client, Services},
    settings::Settings,
    setup::Setup,
};
use children::{Children, Ended};

/// How often the senders are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Runs until a signal, then drains every worker.
pub(crate) async fn run(
    arguments: &arguments::Fleet,
    global: &Global,
    settings: &Settings,
    services: &Services,
    output: Output,
) -> anyhow::Result<Exit> {
    let stop = crate::signals::stop_on_signal()?;
    // Makes the session key, where none is configured, before the workers ask for it.
    let mut setup = Setup::of(&settings.config, settings.clock()?)?;
    // What a fleet listens on is for operators alone.
    (setup.listen, setup.metrics_listen) = (arguments.listen, None);
    let readiness = Arc::new(Readiness::default());
    let front = Front::open(&setup, readiness.clone()).await?;
    output.emit(&json!({ "event": "listening", "metrics": front.address }));
    let opened = services.open_store(Client::Worker(1), &setup, &readiness, &stop).await?;
    if let Some(store) = opened {
        let store = Arc::new(store);
        readiness.watch_store(store.clone());
        front.serve(targets::router(&front, &setup, readiness, store.clone()));
        output.emit(&json!({ "event": "ready", "metrics": front.address }));
        let launch = child::Launch::new(global, arguments.listen.ip())?;
        let children = Children::new(launch, arguments.max, &setup);
        let mut fleet = Fleet { store: Arc::clone(&store), children, dead: Vec::new(), away: false, output };
        fleet.keep(&stop).await;
        front.draining.cancel();
        fleet.drain().await;
        store.close().await;
    }
    front.close().await;
    output.emit(&json!({ "event": "stopped" }));
    Ok(Exit::Done)
}

struct Fleet {
    store: Arc<PostgresStore>,
    children: Children,
    /// Workers that have been reaped and whose leases are still to be ended.
    dead: Vec<WorkerId>,
    /// Whether the database could not be asked the last time.
    away: bool,
    output: Output,
}

impl Fleet {
    async fn keep(&mut self, stop: &CancellationToken) {
        let mut ticks = interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                ended = self.children.next_ended() => {
                    self.note_end(&ended);
                    self.look().await;
                }
                _ = ticks.tick() => self.look().await,
            }
        }
    }

    /// One look at the senders, and what follows from it. While the database is away the workers are left as they are.
    async fn look(&mut self) {
        match self.decide().await {
            Ok(()) if self.away => {
                self.away = false;
                tracing::info!("the database answers again");
            }
            Ok(()) => {}
            Err(error) => {
                if !self.away {
                    tracing::warn!(%error, "the database does not answer; workers are neither started nor stopped");
                }
                self.away = true;
            }
        }
        if let Some(table) = self.children.table_when_changed() {
            self.output.say(table);
        }
    }

    async fn decide(&mut self) -> StoreResult<()> {
        self.end_leases_of_the_dead().await?;
        let senders: Vec<Sender> = self.store.list_fleet_senders(Which::Active).await?;
        for line in self.children.follow(&senders) {
            self.output.emit(&line);
        }
        Ok(())
    }

    fn note_end(&mut self, ended: &Ended) {
        self.output.emit(&ended.line);
        self.dead.push(ended.worker);
    }

    /// They have been reaped, so their senders can be taken over without waiting for the leases to run out.
    async fn end_leases_of_the_dead(&mut self) -> StoreResult<()> {
        while let Some(&worker) = self.dead.last() {
            self.store.end_leases(DeadHolder::Worker(worker)).await?;
            self.store.remove_worker(worker).await?;
            self.dead.pop();
        }
        Ok(())
    }

    async fn drain(&mut self) {
        tracing::info!(workers.count = self.children.len(), "draining the workers");
        self.children.stop_all();
        while let Some(ended) = self.children.next_ended_of_the_stopped().await {
            self.note_end(&ended);
        }
        if let Err(error) = self.end_leases_of_the_dead().await {
            tracing::warn!(%error, "leases of ended workers run out by themselves");
        }
    }
}
