//! `paceline up`: everything in one process, until stopped.

use std::sync::Arc;

use anyhow::Context as _;
use paceline_config::{Config, ExposeSecret as _, SimulatorPlace};
use paceline_domain::{Clock, Minter};
use paceline_simulator::{Simulator, SimulatorHandle, SimulatorOptions};
use paceline_store_sqlite::{SqliteOptions, SqliteStore};
use serde_json::json;

use crate::{
    data_dir::DataDir,
    entropy,
    exit::Exit,
    output::Output,
    settings::Settings,
    stack::{Stack, StackSetup},
};

/// Runs until a signal.
pub(crate) async fn run(settings: Settings, output: Output) -> anyhow::Result<Exit> {
    settings.embedded_only()?;
    let stop = crate::signals::stop_on_signal()?;
    let data = DataDir::open(&settings.config.data_dir)?;
    let clock = settings.clock()?;
    let database = data.database();
    let simulator = start_simulator(&settings.config, &data, &clock).await?;
    let simulator_url = simulator.as_ref().map_or_else(|| settings.config.simulator.url.clone(), SimulatorHandle::url);
    let stack = Stack::start(setup(settings.config, data, clock, simulator_url)?).await?;

    let url = format!("http://{}", stack.address);
    if let Some(key) = &stack.new_key {
        output.emit(&json!({ "event": "api_key", "key": key.expose() }));
        output.say(format!("the admin API key, shown this once: {}", key.expose()));
    }
    let network = simulator.as_ref().map(SimulatorHandle::url);
    output.emit(&json!({ "event": "ready", "api": url, "database": database, "simulator": network }));
    output.say(format!("Paceline is up: {url} (database {})", database.display()));

    stop.cancelled().await;
    stack.stop().await;
    if let Some(simulator) = simulator {
        simulator.stop().await;
    }
    output.emit(&json!({ "event": "stopped" }));
    Ok(Exit::Done)
}

/// Opens the database, which brings it to this binary's schema, and closes it again.
pub(crate) async fn migrate(settings: Settings, output: Output) -> anyhow::Result<Exit> {
    settings.embedded_only()?;
    let data = DataDir::open(&settings.config.data_dir)?;
    let minter = Arc::new(Minter::new(entropy::seed()?));
    let store = SqliteStore::open(SqliteOptions::new(data.database()), minter).await?;
    store.close().await;
    output.emit(&json!({ "event": "migrated", "database": data.database() }));
    output.say(format!("{} has this binary's schema", data.database().display()));
    Ok(Exit::Done)
}

async fn start_simulator(
    config: &Config,
    data: &DataDir,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<Option<SimulatorHandle>> {
    if config.simulator.place == SimulatorPlace::Elsewhere {
        return Ok(None);
    }
    std::fs::create_dir_all(data.simulator()).context("cannot make the simulated network's folder")?;
    let options = SimulatorOptions::new(Arc::clone(clock), data.simulator().join("journal.ndjson"));
    let simulator = Simulator::start(options).await.context("the simulated network does not start")?;
    Ok(Some(simulator))
}

fn setup(config: Config, data: DataDir, clock: Arc<dyn Clock>, simulator_url: String) -> anyhow::Result<StackSetup> {
    let webhooks = config.webhooks;
    let minter = Arc::new(Minter::new(entropy::seed()?));
    let worker = minter.mint(clock.real_now());
    Ok(StackSetup {
        data,
        clock,
        minter,
        profiles: Arc::new(config.pacing.profiles),
        listen: config.server.listen,
        simulator_url,
        master_key: config.sessions.master_key.map(|key| *key.expose_secret()),
        api: paceline_api::ApiOptions {
            max_upload_bytes: config.server.max_upload_bytes,
            max_recipients: config.campaigns.max_recipients,
            webhook_addresses: webhooks.allow.clone(),
            default_profile: config.pacing.default_profile,
        },
        webhooks: paceline_webhooks::WebhookOptions {
            allow: webhooks.allow,
            timeout: webhooks.timeout,
            concurrency: webhooks.concurrency,
            per_endpoint: webhooks.per_endpoint,
            hold: webhooks.hold,
            schedule: webhooks.schedule,
            ..Default::default()
        },
        worker: paceline_worker::WorkerOptions {
            slots: config.worker.slots,
            lease_ttl: config.worker.lease,
            renew_every: config.worker.renew,
            send_timeout: config.worker.send_timeout,
            ..paceline_worker::WorkerOptions::new(worker)
        },
    })
}
