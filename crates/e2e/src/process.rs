//! The real binary as a child process.

use std::{
    path::PathBuf,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader, Lines},
    process::{Child, ChildStdout, Command},
};

use crate::{ScenarioError, ScenarioResult};

/// A running process of the binary, ended when this is dropped.
#[derive(Debug)]
pub struct Process {
    child: Child,
    lines: Option<Lines<BufReader<ChildStdout>>>,
    log: PathBuf,
}

impl Process {
    pub(crate) fn start(mut command: Command, log: PathBuf) -> ScenarioResult<Self> {
        let log_file = std::fs::OpenOptions::new().create(true).append(true).open(&log)?;
        let mut child = command.stdout(Stdio::piped()).stderr(log_file).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| ScenarioError::new("the child has no standard output"))?;
        Ok(Self { child, lines: Some(BufReader::new(stdout).lines()), log })
    }

    /// Reads JSON lines until one has `"event": name`.
    ///
    /// # Errors
    /// The process ended, or `within` has passed; with the end of its log.
    pub async fn event(&mut self, name: &str, within: Duration) -> ScenarioResult<Value> {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let lines = self.lines.as_mut().ok_or_else(|| ScenarioError::new("its output is ignored"))?;
            let line = tokio::time::timeout_at(deadline, lines.next_line())
                .await
                .map_err(|_| self.failure(&format!("wrote no {name:?} event within {within:?}")))??;
            let line = line.ok_or_else(|| self.failure(&format!("ended without a {name:?} event")))?;
            let object: Value = serde_json::from_str(&line)?;
            if object["event"] == name {
                return Ok(object);
            }
        }
    }

    /// Lets it write what it likes from now on, which nobody reads: a process whose output fills up stands still.
    pub fn ignore_output(&mut self) {
        if let Some(mut lines) = self.lines.take() {
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        }
    }

    /// Whether it has not ended.
    ///
    /// # Errors
    /// The system does not say.
    pub fn runs(&mut self) -> ScenarioResult<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// The process's id.
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// SIGKILL: the process gets no chance to do anything more.
    ///
    /// # Errors
    /// It cannot be killed.
    pub async fn kill(mut self) -> ScenarioResult<()> {
        self.child.kill().await.map_err(ScenarioError::from)
    }

    /// SIGTERM, and waits for the end.
    ///
    /// # Errors
    /// It did not end within `within`.
    pub async fn terminate(mut self, within: Duration) -> ScenarioResult<ExitStatus> {
        self.signal("TERM").await?;
        self.wait(within).await
    }

    /// SIGTERM, and waits for an orderly end.
    ///
    /// # Errors
    /// It did not end within `within`, or with another code than 0.
    pub async fn stop(self, within: Duration) -> ScenarioResult<()> {
        self.signal("TERM").await?;
        self.ended(within).await
    }

    /// Waits for an orderly end.
    ///
    /// # Errors
    /// It did not end within `within`, or with another code than 0.
    pub async fn ended(mut self, within: Duration) -> ScenarioResult<()> {
        let status = self.wait(within).await?;
        if status.success() { Ok(()) } else { Err(self.failure(&format!("stopped with {status}"))) }
    }

    /// Sends a signal by name (`TERM`).
    ///
    /// # Errors
    /// The process has ended.
    pub async fn signal(&self, name: &str) -> ScenarioResult<()> {
        let id = self.child.id().ok_or_else(|| self.failure("has ended already"))?;
        // The shell's own `kill`: a system without procps has no other.
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {id}")]).status().await?;
        if sent.success() { Ok(()) } else { Err(self.failure("cannot be signalled")) }
    }

    /// Waits for the end.
    ///
    /// # Errors
    /// It did not end within `within`.
    pub async fn wait(&mut self, within: Duration) -> ScenarioResult<ExitStatus> {
        let ended = tokio::time::timeout(within, self.child.wait()).await;
        Ok(ended.map_err(|_| self.failure(&format!("did not end within {within:?}")))??)
    }

    /// What the process, and earlier ones of its command, logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn failure(&self, what: &str) -> ScenarioError {
        let log = self.log();
        let lines: Vec<_> = log.lines().collect();
        let tail = lines[lines.len().saturating_sub(15)..].join("\n");
        ScenarioError::new(format!("the process {what}; its log ends:\n{tail}"))
    }
}
