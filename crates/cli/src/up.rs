//! `paceline up`: everything in one process, until stopped.

use std::sync::Arc;

use anyhow::Context as _;
use paceline_config::{Config, SimulatorPlace};
use paceline_domain::{Clock, Minter};
use paceline_simulator::{Simulator, SimulatorHandle, SimulatorOptions};
use paceline_store_sqlite::SqliteOptions;
use serde_json::json;

use crate::{
    arguments::ServerRole,
    data_dir::{self, DataDir},
    entropy,
    exit::Exit,
    output::Output,
    serve::{self, Duty},
    services::Client,
    settings::Settings,
    setup::Setup,
    stack::Stack,
};

/// Runs until a signal, on the services where there are any.
pub(crate) async fn run(settings: Settings, output: Output) -> anyhow::Result<Exit> {
    let Some(services) = settings.find_services()? else { return run_embedded(settings, output).await };
    let mut settings = settings;
    let clock = settings.clock()?;
    let simulator = start_simulator(&settings.config, &clock).await?;
    if let Some(simulator) = &simulator {
        settings.config.simulator.url = simulator.operator_url();
    }
    let duties: Vec<Duty> = ServerRole::ALL.map(Duty::Role).into_iter().chain([Duty::Work]).collect();
    let exit = serve::run(&settings, &services, &duties, output).await;
    if let Some(simulator) = simulator {
        simulator.stop().await;
    }
    exit
}

async fn run_embedded(settings: Settings, output: Output) -> anyhow::Result<Exit> {
    let stop = crate::signals::stop_on_signal()?;
    let data = DataDir::open(&settings.config.data_dir)?;
    let clock = settings.clock()?;
    let database = data.database();
    let simulator = start_simulator(&settings.config, &clock).await?;
    let mut setup = Setup::of(&settings.config, clock)?;
    if let Some(simulator) = &simulator {
        setup.simulator_url = simulator.url();
    }
    let stack = Stack::start(data, setup).await?;

    let url = format!("http://{}", stack.address);
    stack.welcome(&url, output).await?;
    let network = simulator.as_ref().map(SimulatorHandle::operator_url);
    output.emit(&json!({ "event": "ready", "api": url, "database": database, "simulator": network }));
    output.say(format!("Paceline is up: {url} (database {}); Ctrl+C stops it", database.display()));

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
    let minter = Arc::new(Minter::new(entropy::seed()?));
    let database = if let Some(services) = settings.find_services()? {
        let options = services.database_options(Client::Server)?;
        let place = options.place();
        paceline_store_postgres::open(options, minter).await?.close().await;
        place
    } else {
        let data = DataDir::open(&settings.config.data_dir)?;
        paceline_store_sqlite::open(SqliteOptions::new(data.private_database()?), minter).await?.close().await;
        data.database().display().to_string()
    };
    output.emit(&json!({ "event": "migrated", "database": database }));
    output.say(format!("{database} has this binary's schema"));
    Ok(Exit::Done)
}

async fn start_simulator(config: &Config, clock: &Arc<dyn Clock>) -> anyhow::Result<Option<SimulatorHandle>> {
    if config.simulator.place == SimulatorPlace::Elsewhere {
        return Ok(None);
    }
    let folder = config.data_dir.join("simulator");
    data_dir::make_private(&config.data_dir)
        .and_then(|()| data_dir::make_private(&folder))
        .context("cannot make the simulated network's folder")?;
    let options = SimulatorOptions::new(Arc::clone(clock), folder.join("journal.ndjson"));
    let simulator = Simulator::start(options).await.context("the simulated network does not start")?;
    Ok(Some(simulator))
}
