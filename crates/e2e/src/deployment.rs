//! The full stack as separate processes: servers, fleets and workers on an empty database and a namespace of the broker, each service
//! at the end of a cable.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use paceline_testkit::TestServices;
use serde_json::Value;

use crate::{
    Api, Cable, Installation, Network, Process, ScenarioError, ScenarioResult, cable::INTERFACE, stage::Stage,
    stage::text,
};

/// How long a process may take until it is ready.
const START: Duration = Duration::from_secs(30);
/// How long an orderly end may take.
const STOP: Duration = Duration::from_secs(40);

/// An installation on services of its own, with the simulated network beside it. Dereferences to the stage that its first server and
/// the network make.
#[derive(Debug)]
pub struct Deployment {
    /// The folder and the settings.
    pub installation: Installation,
    /// What the database and the broker are to those who do not come by the cables.
    pub services: TestServices,
    /// The cable to the database.
    pub database: Cable,
    /// The cable to the broker.
    pub broker: Cable,
    stage: Stage,
    key: String,
    simulator: Process,
    /// How many processes were started, so that each has a log of its own.
    started: u32,
}

/// A process that answers HTTP requests.
#[derive(Debug)]
pub struct Server {
    /// The process.
    pub process: Process,
    /// Its API with the admin key, or what else it answers.
    pub api: Api,
}

impl Deployment {
    /// Starts the network, and a server that makes the schema and the admin key, which ends again. Nothing else runs then.
    ///
    /// # Errors
    /// There are no services, or one of the two does not start.
    pub async fn new(mut installation: Installation) -> ScenarioResult<Self> {
        let services = TestServices::from_environment().await?;
        let database = Cable::lay(services.database_url(), 5_432).await?;
        let broker = Cable::lay(services.amqp_url(), 5_672).await?;
        installation.set("DATABASE_URL", database.url().as_str());
        installation.set("AMQP_URL", broker.url().as_str());
        installation.set("PACELINE_AMQP__NAMESPACE", services.namespace());
        installation.set("PACELINE_SERVER__LISTEN", &format!("{INTERFACE}:0"));
        let mut simulator = installation.start(&["simulator", "--listen", "127.0.0.1:0", "--quiet"])?;
        let network = text(&simulator.event("ready", START).await?, "url")?;
        installation.set("PACELINE_SIMULATOR__URL", &network);
        installation.set("PACELINE_SIMULATOR__IN_PROCESS", "false");

        let mut first = installation.start(&["serve", "--roles", "api"])?;
        let key = text(&first.event("api_key", START).await?, "key")?;
        let base = text(&first.event("ready", START).await?, "api")?;
        first.stop(STOP).await?;
        let passwords = [database.url(), broker.url()].map(|url| url.password().map(str::to_owned));
        // A password that is a common word would be found where it is none.
        let secrets = passwords.into_iter().flatten().filter(|password| password.len() >= 12).chain([key.clone()]);
        let stage = Stage::new(Api::new(&base, &key)?, Network::new(&network)?, secrets);
        Ok(Self { installation, services, database, broker, stage, key, simulator, started: 0 })
    }

    /// Starts a process of its own log, which then has told where it listens.
    ///
    /// # Errors
    /// It does not start.
    pub async fn launch(&mut self, arguments: &[&str]) -> ScenarioResult<Server> {
        self.started += 1;
        let command = arguments.first().copied().unwrap_or("paceline");
        let mut process = self.installation.start_logging_to(arguments, &format!("{command}-{}.log", self.started))?;
        let listening = process.event("listening", START).await?;
        let base = match listening["api"].as_str() {
            Some(url) => url.to_owned(),
            None => format!("http://{}", text(&listening, "metrics")?),
        };
        Ok(Server { process, api: Api::new(&base, &self.key)? })
    }

    /// Starts a process, which then is ready.
    ///
    /// # Errors
    /// It does not become ready.
    pub async fn start(&mut self, arguments: &[&str]) -> ScenarioResult<Server> {
        let mut server = self.launch(arguments).await?;
        server.ready().await?;
        Ok(server)
    }

    /// Starts a server with every role, which the stage then asks.
    ///
    /// # Errors
    /// It does not become ready.
    pub async fn serve(&mut self) -> ScenarioResult<Server> {
        let server = self.start(&["serve"]).await?;
        self.stage.api = server.api.clone();
        Ok(server)
    }

    /// Starts a fleet.
    ///
    /// # Errors
    /// It does not become ready.
    pub async fn fleet(&mut self) -> ScenarioResult<Server> {
        self.start(&["fleet", "--listen", "127.0.0.1:0"]).await
    }

    /// Ends these processes and the network in order, and looks through the logs: no number, no text, no key, no password.
    ///
    /// # Errors
    /// A process does not end in order, or a log holds what it must not.
    pub async fn finish(self, running: impl IntoIterator<Item = Server>) -> ScenarioResult<()> {
        // The ids of its senders are the names of their queues, which are to go.
        let senders = self.api.list("/v1/senders").await?;
        self.services.note_senders(senders.iter().filter_map(|sender| sender["id"].as_str()))?;
        for server in running {
            server.process.stop(STOP).await?;
        }
        self.simulator.stop(STOP).await?;
        self.stage.check_logs(&self.installation.logs()?)
    }
}

impl Deref for Deployment {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.stage
    }
}

impl DerefMut for Deployment {
    fn deref_mut(&mut self) -> &mut Stage {
        &mut self.stage
    }
}

impl Server {
    /// Waits until it says that it is ready.
    ///
    /// # Errors
    /// It ended, or takes too long.
    pub async fn ready(&mut self) -> ScenarioResult<()> {
        self.process.event("ready", START).await.map(drop)
    }

    /// SIGKILL: it gets no chance to do anything more.
    ///
    /// # Errors
    /// It cannot be killed.
    pub async fn kill(self) -> ScenarioResult<()> {
        self.process.kill().await
    }

    /// SIGTERM, and an orderly end.
    ///
    /// # Errors
    /// It takes too long, or ends with another code than 0.
    pub async fn stop(self) -> ScenarioResult<()> {
        self.process.stop(STOP).await
    }

    /// The address that it listens on, as `host:port`.
    pub fn address(&self) -> &str {
        self.api.url().trim_start_matches("http://")
    }

    /// What it logged, line by line.
    ///
    /// # Errors
    /// A line is no JSON.
    pub fn log(&self) -> ScenarioResult<Vec<Value>> {
        self.process.log().lines().map(|line| serde_json::from_str(line).map_err(ScenarioError::from)).collect()
    }
}
