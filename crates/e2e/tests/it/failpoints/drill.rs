//! One drill: an installation one of whose processes is to end at a failpoint, what it is given to do, and what is asked afterwards.

use std::{collections::BTreeMap, os::unix::process::ExitStatusExt as _};

use paceline_e2e::{
    Audience, Installation, Process, Receiver, ScenarioError, ScenarioResult, Stack, World, eventually,
};
use serde_json::{Value, json};

use super::books::Books;
use crate::bounds::CAMPAIGN;

/// The variable that arms a failpoint.
const VARIABLE: &str = "PACELINE_FAILPOINT";
const SIGKILL: i32 = 9;

/// What a process that ends at a failpoint says last.
const KILLED: &str = "killed at a failpoint, as was asked for";
const FROZEN: &str = "frozen at a failpoint, as was asked for";

/// An installation on either stack with a sender or two, and a customer who wants to hear of everything.
pub(super) struct Drill {
    pub(super) world: World,
    pub(super) receiver: Receiver,
    /// Everybody who is written to, by campaign.
    pub(super) campaigns: BTreeMap<String, Audience>,
    /// How often a process died that was telling the customer things.
    pub(super) cut_off: usize,
    /// What the running processes are armed with.
    order: String,
}

impl Drill {
    /// Starts everything, armed so.
    pub(super) async fn start(stack: Stack, order: &str) -> ScenarioResult<Self> {
        Self::start_with(Self::installation(stack).await?, order).await
    }

    /// What a drill needs: leases that are soon over, a rate that spreads a campaign over many batches, a customer on this machine.
    pub(super) async fn installation(stack: Stack) -> ScenarioResult<Installation> {
        Ok(Installation::on(stack)
            .await?
            .with_kills()
            .with_profile("drill", &[("PER_SECOND", "40")])
            .with("PACELINE_WEBHOOKS__ALLOW_PRIVATE", "127.0.0.0/8")
            .with("PACELINE_WEBHOOKS__TIMEOUT_SECONDS", "2")
            .with("PACELINE_WEBHOOKS__HOLD_SECONDS", "3")
            .with("PACELINE_WEBHOOKS__SCHEDULE_SECONDS", "0,1,1,1,1,2,2,2,2"))
    }

    /// The same on an installation with more settings.
    pub(super) async fn start_with(installation: Installation, order: &str) -> ScenarioResult<Self> {
        let installation = installation.with(VARIABLE, order);
        let mut world = World::start(installation, paceline_e2e::People::Quiet).await?;
        // With one sender nobody waits until a dead worker's share of the senders is let go of.
        let senders = if order.contains("worker.") { 1 } else { 2 };
        world.add_senders(senders, "drill").await?;
        world.senders_connected().await?;
        let receiver = Receiver::start().await?;
        let endpoint = world.api.post("/v1/webhook-endpoints", &json!({ "url": receiver.url })).await?.ok()?;
        receiver.expect(&endpoint);
        world.must_not_be_logged([endpoint["secret"].as_str().unwrap_or_default().to_owned()]);
        Ok(Self { world, receiver, campaigns: BTreeMap::new(), cut_off: 0, order: order.to_owned() })
    }

    /// Ends everything in order and starts it again, armed so.
    pub(super) async fn arm(&mut self, order: &str) -> ScenarioResult<()> {
        self.world.stop().await?;
        self.revive_armed(order).await?;
        self.world.senders_connected().await.map(drop)
    }

    /// Starts a campaign for so many people that nobody else writes to; answers with its id. The process may end before it answers.
    pub(super) async fn submit(&mut self, series: u32, people: usize) -> ScenarioResult<String> {
        let audience = Audience::ordinary(series, people);
        let campaign = self.world.draft(&audience).await?;
        let _ = self.world.api.act(&format!("/v1/campaigns/{campaign}/start")).await;
        self.campaigns.insert(campaign.clone(), audience);
        Ok(campaign)
    }

    /// Waits until the process that was to die has died: of SIGKILL, having said at which failpoint.
    pub(super) async fn died(&mut self) -> ScenarioResult<()> {
        let failpoint = self.failpoint();
        let tells = self.world.installation.stack() == Stack::Embedded || !failpoint.starts_with("worker.");
        self.cut_off += usize::from(tells);
        let process = self.victim()?;
        let status = process.wait(CAMPAIGN).await?;
        if status.signal() == Some(SIGKILL) && said(process, KILLED, &failpoint) {
            return Ok(());
        }
        Err(ScenarioError::new(format!(
            "the process was to die at {failpoint}; it ended with {status}:\n{}",
            process.log()
        )))
    }

    /// Waits until the process that was to be frozen is; answers with its id.
    pub(super) async fn froze(&mut self) -> ScenarioResult<u32> {
        let failpoint = self.failpoint();
        let process = self.victim()?;
        let id = process.id().ok_or_else(|| ScenarioError::new("the process has ended"))?;
        eventually(&format!("the process is frozen at {failpoint}"), CAMPAIGN, async || {
            let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
            let state = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().next());
            Ok((state == Some("T") && said(process, FROZEN, &failpoint)).then_some(id))
        })
        .await
    }

    /// Starts what has died again, with nothing armed.
    pub(super) async fn revive(&mut self) -> ScenarioResult<()> {
        self.revive_armed("").await
    }

    /// The same, to die again.
    pub(super) async fn revive_armed(&mut self, order: &str) -> ScenarioResult<()> {
        self.launch_armed(order)?;
        self.world.ready().await
    }

    /// The same, to die before it may be ready.
    pub(super) fn launch_armed(&mut self, order: &str) -> ScenarioResult<()> {
        self.world.installation.set(VARIABLE, order);
        order.clone_into(&mut self.order);
        self.world.launch()
    }

    /// What is started from now on is not armed; what runs stays as it is.
    pub(super) fn disarm(&mut self) {
        self.world.installation.set(VARIABLE, "");
    }

    /// Lets claims run out that a killed server may have left: they hold for minutes, since nobody knows who lives. Embedded, a start
    /// ends them.
    pub(super) async fn let_claims_run_out(&self) -> ScenarioResult<()> {
        if let Some(services) = self.world.installation.services() {
            services.end_releases().await?;
        }
        Ok(())
    }

    /// Waits until every campaign has ended and the customer has heard of all of it; answers with the books of it.
    pub(super) async fn books(&self) -> ScenarioResult<Books> {
        for campaign in self.campaigns.keys() {
            self.world.ended(campaign, CAMPAIGN).await?;
        }
        Books::read(self).await
    }

    /// Ends everything in order.
    pub(super) async fn finish(self) -> ScenarioResult<()> {
        self.world.finish().await
    }

    /// The order's failpoint, without its kind and its pass.
    fn failpoint(&self) -> String {
        let words = self.order.split(':').find(|word| word.contains('.'));
        words.unwrap_or_default().to_owned()
    }

    /// The process in which the failpoint is.
    fn victim(&mut self) -> ScenarioResult<&mut Process> {
        if self.failpoint().starts_with("worker.") { self.world.worker() } else { self.world.server() }
    }
}

/// Whether it was the last thing that a process said.
fn said(process: &Process, message: &str, failpoint: &str) -> bool {
    let log = process.log();
    let last = log.lines().next_back().and_then(|line| serde_json::from_str::<Value>(line).ok()).unwrap_or_default();
    last["message"] == message && last["failpoint"] == failpoint
}
