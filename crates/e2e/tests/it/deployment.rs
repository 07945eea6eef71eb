//! The full stack in bad times: servers, fleets and workers as separate processes, with services that go away and processes that
//! are killed. Nothing is lost, nothing is sent twice, and whoever looks is told why nothing moves.

mod broker;
mod database;
mod fleet;
mod holders;
mod kills;
mod outset;
mod refused;
mod rolling;

use std::{collections::BTreeMap, process::Output, time::Duration};

use paceline_e2e::{Api, Deployment, Installation, ScenarioError, ScenarioResult, Server, eventually};
use serde_json::Value;
use tokio::process::Command;

use crate::bounds::{COMMAND, SOON};

/// Senders of the profile `drill` send in batches, at a rate that makes a campaign last for some seconds.
fn drill() -> ScenarioResult<Installation> {
    Ok(Installation::new()?.with_profile("drill", &[("PER_SECOND", "20")]))
}

/// The same with leases that run out while somebody waits for it.
fn drill_with_short_leases() -> ScenarioResult<Installation> {
    let installation = drill()?
        .with("PACELINE_WORKER__LEASE_SECONDS", "8")
        .with("PACELINE_WORKER__RENEW_SECONDS", "2")
        .with("PACELINE_WORKER__SEND_TIMEOUT_SECONDS", "4");
    Ok(installation)
}

/// What `/readyz` answers.
struct Readiness {
    status: u16,
    retry_after: Option<String>,
    probes: Vec<Value>,
}

impl Readiness {
    async fn of(server: &Server) -> ScenarioResult<Self> {
        let response = server.api.request(reqwest::Method::GET, "/readyz").send().await?;
        let retry_after =
            response.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let status = response.status().as_u16();
        let body: Value = response.json().await?;
        Ok(Self { status, retry_after, probes: body["probes"].as_array().cloned().unwrap_or_default() })
    }

    /// Why it is not ready on account of this service.
    fn reason(&self, probe: &str) -> Option<&str> {
        let failed = self.probes.iter().find(|found| found["name"] == probe && found["ok"] == false);
        failed.and_then(|found| found["reason"].as_str())
    }
}

/// Waits until a process says that it is not ready on account of this service; answers with the reason.
async fn unready(server: &Server, probe: &str, within: Duration) -> ScenarioResult<String> {
    eventually(&format!("{} is unready: {probe}", server.address()), within, async || {
        let readiness = Readiness::of(server).await?;
        let reason = readiness.reason(probe).filter(|_| readiness.status == 503 && readiness.retry_after.is_some());
        Ok(reason.map(str::to_owned))
    })
    .await
}

/// Waits until a process is ready.
async fn ready(server: &Server, within: Duration) -> ScenarioResult<()> {
    eventually(&format!("{} is ready", server.address()), within, async || {
        let readiness = Readiness::of(server).await?;
        if readiness.status == 200 {
            return Ok(Some(()));
        }
        Err(ScenarioError::new(format!("{:?}", readiness.probes)))
    })
    .await
}

/// The lines of a process that say so.
fn said(server: &Server, message: &str) -> ScenarioResult<Vec<Value>> {
    let mut lines = server.log()?;
    lines.retain(|line| line["message"].as_str().is_some_and(|said| said.contains(message)));
    Ok(lines)
}

/// Waits until a process has said so; answers with the line.
async fn says(server: &Server, message: &str, within: Duration) -> ScenarioResult<Value> {
    eventually(&format!("{} says {message:?}", server.address()), within, async || {
        let line = said(server, message)?.into_iter().next_back();
        let log = || server.process.log().lines().rev().take(8).collect::<Vec<_>>().join("\n");
        line.map(Some).ok_or_else(|| ScenarioError::new(log()))
    })
    .await
}

/// What `paceline check` finds wrong with a service, as one text of findings and cures, when it exits with 1.
async fn check_says(deployment: &Deployment, what: &str) -> ScenarioResult<String> {
    let output = deployment.installation.run(&["check", "--json"], COMMAND).await?;
    let printed = printed(&output);
    if output.status.code() != Some(1) {
        return Err(ScenarioError::new(format!("check exits with {:?}: {printed}", output.status.code())));
    }
    let findings = String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["what"] == what && line["severity"] == "error" && line["cure"].is_string())
        .map(|line| format!("{} {}", line["found"], line["cure"]))
        .collect::<Vec<_>>()
        .join("\n");
    if findings.is_empty() {
        Err(ScenarioError::new(format!("{what} is not wrong in {printed}")))
    } else {
        Ok(findings)
    }
}

/// All that a command wrote.
fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// A worker as the fleet shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    id: String,
    pid: u32,
    host: String,
    listen: String,
    senders: Vec<String>,
}

/// The workers that live, by process id.
async fn members(api: &Api) -> ScenarioResult<BTreeMap<u32, Member>> {
    let fleet = api.get("/v1/fleet").await?.ok()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let listed = fleet["workers"].as_array().into_iter().flatten().filter(|worker| worker["silent"] == false);
    Ok(listed
        .map(|worker| {
            let pid = worker["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
            let senders = worker["senders"].as_array().into_iter().flatten().map(|sender| text(&sender["sender_id"]));
            let member = Member {
                id: text(&worker["worker_id"]),
                pid,
                host: text(&worker["host"]),
                listen: text(&worker["listen"]),
                senders: senders.collect(),
            };
            (pid, member)
        })
        .collect())
}

/// Waits until the workers hold so many senders each, in any order, and every sender is held.
async fn shares(api: &Api, expected: &[usize], within: Duration) -> ScenarioResult<BTreeMap<u32, Member>> {
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    eventually(&format!("the workers hold {expected:?}"), within, async || {
        let members = members(api).await?;
        let mut held: Vec<_> = members.values().map(|member| member.senders.len()).collect();
        held.sort_unstable();
        let unleased = api.get("/v1/fleet").await?.ok()?["unleased_count"].clone();
        if held == expected && unleased == 0 {
            return Ok(Some(members));
        }
        Err(ScenarioError::new(format!("they hold {held:?}, and nobody {unleased}")))
    })
    .await
}

/// SIGKILL to a process that ours has started.
async fn kill(pid: u32) -> ScenarioResult<()> {
    let killed = Command::new("sh").args(["-c", &format!("kill -KILL {pid}")]).status().await?;
    if killed.success() { Ok(()) } else { Err(ScenarioError::new(format!("{pid} cannot be killed"))) }
}

/// Waits until a process is gone; one that nobody reaps counts as gone.
async fn gone(pid: u32) -> ScenarioResult<()> {
    eventually(&format!("process {pid} is gone"), SOON, async || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
        Ok(matches!(state, None | Some("Z")).then_some(()))
    })
    .await
}
