//! One installation: a folder, and the settings that every process of it is started with.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::process::Command;

use crate::{Process, ScenarioError, ScenarioResult};

/// A folder, and the settings of every process that is started in it. The folder goes with this.
#[derive(Debug)]
pub struct Installation {
    folder: TempDir,
    settings: BTreeMap<String, String>,
}

impl Installation {
    /// An empty installation that listens on a free port.
    ///
    /// # Errors
    /// No folder can be made.
    pub fn new() -> ScenarioResult<Self> {
        let folder = tempfile::Builder::new().prefix("paceline-e2e-").tempdir()?;
        let settings = BTreeMap::from([("PACELINE_SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned())]);
        Ok(Self { folder, settings })
    }

    /// The same installation with a setting more (`PACELINE_…`).
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.set(key, value);
        self
    }

    /// The same installation with a pacing profile more. `keys` are the profile's keys as the environment has them.
    #[must_use]
    pub fn with_profile(mut self, name: &str, keys: &[(&str, &str)]) -> Self {
        let prefix = format!("PACELINE_PACING__PROFILES__{}__", name.to_uppercase());
        self.set(&format!("{prefix}VERSION"), "1");
        for (key, value) in keys {
            self.set(&format!("{prefix}{key}"), value);
        }
        self
    }

    /// Changes a setting for the processes that are started from now on.
    pub fn set(&mut self, key: &str, value: &str) {
        self.settings.insert(key.to_owned(), value.to_owned());
    }

    /// Where its files are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its data folder, which the first process makes.
    pub fn data_dir(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// Writes a file into the folder and answers with its path.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> ScenarioResult<String> {
        let path = self.folder().join(name);
        std::fs::write(&path, bytes)?;
        Ok(path.display().to_string())
    }

    /// The binary: the one that `scripts/test` built and `PACELINE_BIN` names.
    ///
    /// # Errors
    /// `PACELINE_BIN` is not set.
    pub fn binary() -> ScenarioResult<PathBuf> {
        let named = std::env::var_os("PACELINE_BIN").map(PathBuf::from);
        let named = named.ok_or_else(|| {
            ScenarioError::new("PACELINE_BIN does not name the paceline binary; scripts/test builds it and sets it")
        })?;
        let found = named.canonicalize();
        found.map_err(|error| ScenarioError::new(format!("PACELINE_BIN names {}: {error}", named.display())))
    }

    /// A command of the binary with this installation's settings and nothing of the caller's own.
    ///
    /// # Errors
    /// There is no binary.
    pub fn command(&self, arguments: &[&str]) -> ScenarioResult<Command> {
        let mut command = Command::new(Self::binary()?);
        for (key, _) in std::env::vars_os().filter(|(key, _)| key.to_string_lossy().starts_with("PACELINE_")) {
            command.env_remove(key);
        }
        command
            .args(arguments)
            .env_remove("DATABASE_URL")
            .env_remove("AMQP_URL")
            .env("PACELINE_DATA_DIR", self.data_dir())
            .envs(&self.settings)
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        Ok(command)
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// It cannot be started, or does not end within `within`.
    pub async fn run(&self, arguments: &[&str], within: Duration) -> ScenarioResult<Output> {
        let mut command = self.command(arguments)?;
        let ended = tokio::time::timeout(within, command.output()).await;
        let late = |_| ScenarioError::new(format!("`paceline {}` did not end within {within:?}", arguments.join(" ")));
        ended.map_err(late)?.map_err(ScenarioError::from)
    }

    /// Starts a command that keeps running and writes JSON lines. What it logs goes to `<command>.log` in the folder,
    /// behind what an earlier one of the same command logged.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(&self, arguments: &[&str]) -> ScenarioResult<Process> {
        let name = arguments.first().copied().unwrap_or("paceline");
        self.start_logging_to(arguments, &format!("{name}.log"))
    }

    /// The same with another log: several processes of one command are told apart by theirs.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start_logging_to(&self, arguments: &[&str], log: &str) -> ScenarioResult<Process> {
        let mut command = self.command(arguments)?;
        command.arg("--json");
        Process::start(command, self.folder().join(log))
    }

    /// All that was logged by processes that were started and not run to their end.
    ///
    /// # Errors
    /// A log cannot be read.
    pub fn logs(&self) -> ScenarioResult<String> {
        let mut logs = String::new();
        for entry in std::fs::read_dir(self.folder())? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "log") {
                logs.push_str(&String::from_utf8_lossy(&std::fs::read(path)?));
            }
        }
        Ok(logs)
    }
}
