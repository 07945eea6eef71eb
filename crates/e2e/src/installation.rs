//! One installation: a folder, and the settings that every process of it is started with.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    time::Duration,
};

use paceline_testkit::TestServices;
use tempfile::TempDir;
use tokio::process::Command;

use crate::{Process, ScenarioError, ScenarioResult, Stack};

/// Names the variable that, once set, keeps the folder and the database of a scenario that fails.
const KEEP: &str = "PACELINE_E2E_KEEP";

/// Leases so short that they can be waited for, and the other two in proportion.
const HASTY_LEASES: [(&str, &str); 3] = [
    ("PACELINE_WORKER__LEASE_SECONDS", "5"),
    ("PACELINE_WORKER__RENEW_SECONDS", "1"),
    ("PACELINE_WORKER__SEND_TIMEOUT_SECONDS", "3"),
];

/// A folder, the settings of every process that is started in it, and the services that these use. Folder and services go with
/// this.
#[derive(Debug)]
pub struct Installation {
    folder: TempDir,
    settings: BTreeMap<String, String>,
    services: Option<TestServices>,
}

impl Installation {
    /// An empty embedded installation that listens on a free port.
    ///
    /// # Errors
    /// No folder can be made.
    pub fn new() -> ScenarioResult<Self> {
        let folder = tempfile::Builder::new().prefix("paceline-e2e-").disable_cleanup(keeps_failures()).tempdir()?;
        let settings = BTreeMap::from([("PACELINE_SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned())]);
        Ok(Self { folder, settings, services: None })
    }

    /// An empty installation on a stack; the full one on services of its own.
    ///
    /// # Errors
    /// No folder can be made, or there are no services.
    pub async fn on(stack: Stack) -> ScenarioResult<Self> {
        let mut installation = Self::new()?;
        if stack == Stack::Full {
            let services = TestServices::from_environment().await?;
            installation.set("DATABASE_URL", services.database_url());
            installation.set("AMQP_URL", services.amqp_url());
            installation.set("PACELINE_AMQP__NAMESPACE", services.namespace());
            installation.services = Some(services);
        }
        Ok(installation)
    }

    /// The same installation for a scenario that kills workers. On the full stack the leases of a killed one have to run out; on a
    /// busy machine such short ones may run out under a living worker, too. Embedded, a start ends all leases.
    #[must_use]
    pub fn with_kills(mut self) -> Self {
        if self.stack() == Stack::Full {
            for (key, value) in HASTY_LEASES {
                self.set(key, value);
            }
        }
        self
    }

    /// On what it runs.
    pub fn stack(&self) -> Stack {
        if self.services.is_some() { Stack::Full } else { Stack::Embedded }
    }

    /// The services of the full stack.
    pub fn services(&self) -> Option<&TestServices> {
        self.services.as_ref()
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

    /// Lets go of what is kept of a scenario that fails: this one did not.
    ///
    /// # Errors
    /// The folder cannot be removed.
    pub(crate) fn succeeded(mut self) -> ScenarioResult<()> {
        self.services = None;
        Ok(std::fs::remove_dir_all(self.folder())?)
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        if keeps_failures() {
            std::mem::forget(self.services.take());
        }
    }
}

/// Whether what fails is kept.
pub(crate) fn keeps_failures() -> bool {
    std::env::var_os(KEEP).is_some()
}
