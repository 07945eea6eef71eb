//! The processes of the installation, each of which can be killed, frozen and started again on its own.

use std::time::Duration;

use crate::{Installation, Process, ScenarioError, ScenarioResult};

/// How long a process may take until it is ready, on a machine that is busy with other things.
const START: Duration = Duration::from_secs(90);
/// How long an orderly end may take.
const STOP: Duration = Duration::from_secs(90);

/// A process that is started again and again with the same arguments.
#[derive(Debug)]
pub(super) struct Member {
    /// What it is called in the report and where it logs.
    pub(super) name: &'static str,
    arguments: Vec<String>,
    process: Option<Process>,
}

impl Member {
    /// One that does not run yet.
    pub(super) fn new(name: &'static str, arguments: &[&str]) -> Self {
        Self { name, arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(), process: None }
    }

    /// Starts it and waits until it is ready.
    pub(super) async fn start(&mut self, installation: &Installation) -> ScenarioResult<()> {
        let process = self.launch(installation)?;
        process.event("ready", START).await?;
        process.ignore_output();
        Ok(())
    }

    /// Starts it; answers with the admin key that the first start shows.
    pub(super) async fn start_first(&mut self, installation: &Installation) -> ScenarioResult<String> {
        let process = self.launch(installation)?;
        let key = process.event("api_key", START).await?;
        process.event("ready", START).await?;
        process.ignore_output();
        crate::stage::text(&key, "key")
    }

    fn launch(&mut self, installation: &Installation) -> ScenarioResult<&mut Process> {
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        let process = installation.start_logging_to(&arguments, &format!("{}.log", self.name))?;
        Ok(self.process.insert(process))
    }

    /// SIGKILL.
    pub(super) async fn kill(&mut self) -> ScenarioResult<()> {
        self.take()?.kill().await
    }

    /// SIGTERM, which must bring an orderly end.
    pub(super) async fn stop(&mut self) -> ScenarioResult<()> {
        self.take()?.stop(STOP).await
    }

    /// SIGSTOP or SIGCONT.
    pub(super) async fn signal(&self, name: &str) -> ScenarioResult<()> {
        self.process.as_ref().ok_or_else(|| self.absent())?.signal(name).await
    }

    /// Its process id, while it runs.
    pub(super) fn id(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::id)
    }

    /// That it has not ended by itself.
    pub(super) fn check(&mut self) -> ScenarioResult<()> {
        let process = self.process.as_mut().ok_or_else(|| ScenarioError::new("a process does not run"))?;
        if process.runs()? {
            return Ok(());
        }
        let log = process.log();
        let tail = log.lines().rev().take(5).collect::<Vec<_>>().join("\n");
        Err(ScenarioError::new(format!("{} ended by itself; its last lines, newest first:\n{tail}", self.name)))
    }

    fn take(&mut self) -> ScenarioResult<Process> {
        self.process.take().ok_or_else(|| self.absent())
    }

    fn absent(&self) -> ScenarioError {
        ScenarioError::new(format!("{} does not run", self.name))
    }
}
