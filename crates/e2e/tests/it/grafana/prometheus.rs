//! A real Prometheus on a free loopback port, ended when it is dropped.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::Stdio,
    time::Duration,
};

use paceline_e2e::{Api, ScenarioError, ScenarioResult, eventually};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// The labels of a series.
pub(super) type Labels = BTreeMap<String, String>;

/// A Prometheus that scrapes.
pub(super) struct Prometheus {
    api: Api,
    ready: bool,
    _process: Child,
    _data: TempDir,
}

impl Prometheus {
    /// Starts one with this configuration.
    pub(super) fn start(configuration: &str) -> ScenarioResult<Self> {
        let data = tempfile::tempdir()?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={configuration}"))
            .arg(format!("--storage.tsdb.path={}", data.path().display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .args(["--log.level=error"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| {
                ScenarioError::new(format!(
                    "prometheus (Debian: prometheus) does not start: {error}; PROMETHEUS=none does without"
                ))
            })?;
        let api = Api::new(&format!("http://127.0.0.1:{port}"), "")?;
        Ok(Self { api, ready: false, _process: process, _data: data })
    }

    /// The series that an expression gives at this moment. Waits for the start at the first call.
    pub(super) async fn ask(&mut self, expression: &str) -> ScenarioResult<Vec<Labels>> {
        let answer = self.get(&format!("/api/v1/query?query={}", encoded(expression))).await?;
        let series = answer["data"]["result"].as_array().cloned().unwrap_or_default();
        series.into_iter().map(|series| Ok(serde_json::from_value(series["metric"].clone())?)).collect()
    }

    /// The values of a label.
    pub(super) async fn values_of(&mut self, label: &str) -> ScenarioResult<BTreeSet<String>> {
        let answer = self.get(&format!("/api/v1/label/{label}/values")).await?;
        Ok(serde_json::from_value(answer["data"].clone())?)
    }

    async fn get(&mut self, path: &str) -> ScenarioResult<Value> {
        if !self.ready {
            eventually("prometheus is ready", Duration::from_secs(30), async || {
                Ok((self.api.get("/-/ready").await?.status == 200).then_some(()))
            })
            .await?;
            self.ready = true;
        }
        self.api.get(path).await?.ok()
    }
}

/// A text as it stands in a query.
fn encoded(text: &str) -> String {
    let letters: Vec<String> = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
    letters.concat()
}
