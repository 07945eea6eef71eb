//! A running Paceline with a simulated network beside it, and what most scenarios do with them.

use std::ops::{Deref, DerefMut};

use crate::{
    Api, Installation, Network, Process, ScenarioResult, Stage,
    processes::{Processes, START, STOP},
    stage::text,
    wait::eventually,
};

/// Which people the simulated network has, and where it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum People {
    /// Everyone is on WhatsApp and says nothing; a process of its own, which survives the installation.
    Quiet,
    /// The default people, in a process of its own.
    Lively,
    /// The default people inside the process of `up`, on its clock. On the full stack `up` is then the whole installation.
    Inside,
}

/// A running installation with its network. Dereferences to the stage that the two make.
#[derive(Debug)]
pub struct World {
    // Before the installation, whose services go only when nobody uses them any more.
    processes: Processes,
    simulator: Option<Process>,
    stage: Stage,
    /// The folder, the settings and the services.
    pub installation: Installation,
    key: String,
}

impl World {
    /// Starts the network and the installation.
    ///
    /// # Errors
    /// A process does not start.
    pub async fn start(mut installation: Installation, people: People) -> ScenarioResult<Self> {
        let outside = start_simulator(&mut installation, people).await?;
        let mut processes = Processes::new(installation.stack(), people);
        processes.launch(&installation)?;
        let key = text(&processes.key().await?, "key")?;
        let ready = processes.ready().await?;
        let (simulator, network) = match outside {
            Some((simulator, url)) => (Some(simulator), url),
            None => (None, text(ready, "simulator")?),
        };
        let api = Api::new(&text(ready, "api")?, &key)?;
        // It serves before its broker is connected.
        eventually("the server is ready", START, async || Ok((api.get("/readyz").await?.status == 200).then_some(())))
            .await?;
        let stage = Stage::new(api, Network::new(&network)?, [key.clone()]);
        Ok(Self { processes, simulator, stage, installation, key })
    }

    /// The admin key.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The process that serves the API.
    ///
    /// # Errors
    /// It does not run.
    pub fn server(&mut self) -> ScenarioResult<&mut Process> {
        self.processes.server()
    }

    /// The process that works for senders; on the embedded stack it serves the API, too.
    ///
    /// # Errors
    /// It does not run.
    pub fn worker(&mut self) -> ScenarioResult<&mut Process> {
        self.processes.worker()
    }

    /// SIGKILL to the whole installation. The network lives on, unless people are inside.
    ///
    /// # Errors
    /// A process does not run.
    pub async fn kill(&mut self) -> ScenarioResult<()> {
        self.processes.kill().await
    }

    /// SIGTERM to the whole installation, which must end in order.
    ///
    /// # Errors
    /// A process does not run, takes too long, or ends with another code than 0.
    pub async fn stop(&mut self) -> ScenarioResult<()> {
        self.processes.stop().await
    }

    /// Starts again what does not run, and waits until it is ready.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart(&mut self) -> ScenarioResult<()> {
        self.launch()?;
        self.ready().await
    }

    /// Starts again what does not run, and does not wait until it is ready.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn launch(&mut self) -> ScenarioResult<()> {
        self.processes.launch(&self.installation)
    }

    /// Waits until the installation is ready, wherever it listens now.
    ///
    /// # Errors
    /// It ended, or takes too long.
    pub async fn ready(&mut self) -> ScenarioResult<()> {
        let ready = self.processes.ready().await?;
        self.stage.api = Api::new(&text(ready, "api")?, &self.key)?;
        if self.simulator.is_none() {
            self.stage.network = Network::new(&text(ready, "simulator")?)?;
        }
        Ok(())
    }

    /// Ends everything in order and looks through the logs: no number, no text, no key stands there.
    ///
    /// # Errors
    /// A process does not end in order, or a log holds what it must not.
    pub async fn finish(mut self) -> ScenarioResult<()> {
        if let Some(services) = self.installation.services() {
            // The ids of its senders are the names of their queues, which are to go.
            let senders = self.stage.api.list("/v1/senders").await?;
            services.note_senders(senders.iter().filter_map(|sender| sender["id"].as_str()))?;
        }
        self.processes.stop().await?;
        if let Some(simulator) = self.simulator.take() {
            simulator.stop(STOP).await?;
        }
        self.stage.check_logs(&self.installation.logs()?)?;
        self.installation.succeeded()
    }
}

impl Deref for World {
    type Target = Stage;

    fn deref(&self) -> &Stage {
        &self.stage
    }
}

impl DerefMut for World {
    fn deref_mut(&mut self) -> &mut Stage {
        &mut self.stage
    }
}

/// Starts the network as a process of its own, unless people are inside; answers with where it is.
async fn start_simulator(installation: &mut Installation, people: People) -> ScenarioResult<Option<(Process, String)>> {
    let quiet: &[&str] = match people {
        People::Inside => return Ok(None),
        People::Quiet => &["--quiet"],
        People::Lively => &[],
    };
    let mut simulator = installation.start(&[&["simulator", "--listen", "127.0.0.1:0"], quiet].concat())?;
    let url = text(&simulator.event("ready", START).await?, "url")?;
    installation.set("PACELINE_SIMULATOR__URL", &url);
    installation.set("PACELINE_SIMULATOR__IN_PROCESS", "false");
    Ok(Some((simulator, url)))
}
