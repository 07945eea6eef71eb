//! A database server and a broker of this run's own, which may be stopped: `scripts/services` runs them.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

use crate::{ScenarioError, ScenarioResult, installation::keeps_failures, stage::text};

/// Both servers, which end with this.
#[derive(Debug)]
pub(super) struct Services {
    folder: TempDir,
    /// Whether the folder stays.
    keeps: bool,
    /// Where the database is.
    pub(super) database_url: String,
    /// Where the broker is.
    pub(super) amqp_url: String,
}

impl Services {
    /// Starts them.
    pub(super) async fn up() -> ScenarioResult<Self> {
        let folder = tempfile::Builder::new().prefix("paceline-chaos-").disable_cleanup(true).tempdir()?;
        // When root starts them, they run as accounts that pass through here.
        let opened = std::os::unix::fs::PermissionsExt::from_mode(0o711);
        std::fs::set_permissions(folder.path(), opened)?;
        let mut services =
            Self { folder, keeps: keeps_failures(), database_url: String::new(), amqp_url: String::new() };
        let told = services.run(&["up", "--print", "json"]).await?;
        let urls: Value = serde_json::from_str(told.trim())?;
        services.database_url = text(&urls, "database_url")?;
        services.amqp_url = text(&urls, "amqp_url")?;
        Ok(services)
    }

    /// Lets go of what is kept of a run that fails: this one did not.
    pub(super) fn succeeded(&mut self) {
        self.keeps = false;
    }

    /// Stops one (`postgres`, `rabbitmq`), in order or as a crash would.
    pub(super) async fn stop(&self, service: &str, crashes: bool) -> ScenarioResult<()> {
        let immediate: &[&str] = if crashes { &["--immediate"] } else { &[] };
        self.run(&[&["stop", service], immediate].concat()).await.map(drop)
    }

    /// Starts one again, on its port.
    pub(super) async fn start(&self, service: &str) -> ScenarioResult<()> {
        self.run(&["start", service]).await.map(drop)
    }

    /// Deletes every queue, with all that they carry.
    pub(super) async fn delete_queues(&self) -> ScenarioResult<()> {
        let expression = "[rabbit_amqqueue:delete(Q, false, false, <<\"chaos\">>) || Q <- rabbit_amqqueue:list()], ok.";
        self.run(&["rabbitmqctl", "--", "-q", "eval", expression]).await.map(drop)
    }

    async fn run(&self, arguments: &[&str]) -> ScenarioResult<String> {
        let output = Command::from(command(self.folder.path(), arguments)).output().await?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(ScenarioError::new(format!("scripts/services {}: {said}", arguments.join(" "))))
    }
}

impl Drop for Services {
    fn drop(&mut self) {
        let how: &[&str] = if self.keeps { &["down"] } else { &["down", "--purge"] };
        let _ = command(self.folder.path(), how).output();
        if !self.keeps {
            let _ = std::fs::remove_dir_all(self.folder.path());
        }
    }
}

/// A call of the script that sees no servers but those of the folder.
fn command(folder: &Path, arguments: &[&str]) -> std::process::Command {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scripts/services");
    let mut command = std::process::Command::new(script);
    command.args(arguments).env("SERVICES_DIR", folder.join("services"));
    command.env_remove("DATABASE_URL").env_remove("AMQP_URL").stdin(std::process::Stdio::null());
    command
}
