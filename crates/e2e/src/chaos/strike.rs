//! Faults, done.

use std::time::Duration;

use paceline_testkit::HeldLock;
use serde_json::Value;
use tokio::{process::Command, time::sleep};

use super::{
    arena::{Arena, phone_of},
    draw::SENDERS,
    fault::{Fault, Manner, Service, Victim},
    recovery::{BUSY, Watch},
};
use crate::{Cable, ScenarioError, ScenarioResult, eventually};

/// How long a worker is looked for: after an outage they come back one by one.
const LOOKING: Duration = Duration::from_secs(20);
/// What a slow connection adds to each piece of a stream.
const DELAY: Duration = Duration::from_millis(120);

impl Arena {
    /// Does it, and makes it good; answers with the wait for the next send, which began when the blow fell (kills, restarts) or when all
    /// was in order again (freezes, outages).
    pub(super) async fn strike(&mut self, fault: Fault) -> ScenarioResult<Watch> {
        match fault {
            Fault::Kill(victim) => self.kill(victim).await,
            Fault::Freeze(victim, length) => self.freeze(victim, length).await,
            Fault::Restart(_) => self.roll().await,
            Fault::Outage(service, manner, length) => self.outage(service, manner, length).await,
            Fault::QueuesDeleted => {
                let busy = self.tail.busy(BUSY);
                self.services()?.delete_queues().await?;
                Ok(Watch::each(&self.tail, busy))
            }
        }
    }

    async fn kill(&mut self, victim: Victim) -> ScenarioResult<Watch> {
        if let Victim::Worker(number) = victim {
            let (phone, pid) = self.worker(number).await?;
            let busy = self.tail.busy(BUSY);
            signal(pid, "KILL").await?;
            return Ok(Watch::number(&self.tail, phone, &busy));
        }
        let index = self.index(victim)?;
        self.members[index].kill().await?;
        let watch = Watch::anybody(&self.tail);
        self.members[index].start(&self.installation).await?;
        Ok(watch)
    }

    async fn freeze(&mut self, victim: Victim, length: Duration) -> ScenarioResult<Watch> {
        if let Victim::Worker(number) = victim {
            let (phone, pid) = self.worker(number).await?;
            let busy = self.tail.busy(BUSY);
            signal(pid, "STOP").await?;
            sleep(length).await;
            // Whoever stays frozen for too long may be gone by now.
            let _ = signal(pid, "CONT").await;
            return Ok(Watch::number(&self.tail, phone, &busy));
        }
        let index = self.index(victim)?;
        self.members[index].signal("STOP").await?;
        sleep(length).await;
        self.members[index].signal("CONT").await?;
        Ok(Watch::anybody(&self.tail))
    }

    /// Every process ends in order and starts again, one after the other.
    async fn roll(&mut self) -> ScenarioResult<Watch> {
        for member in &mut self.members {
            member.stop().await?;
            member.start(&self.installation).await?;
        }
        Ok(Watch::anybody(&self.tail))
    }

    async fn outage(&mut self, service: Service, manner: Manner, length: Duration) -> ScenarioResult<Watch> {
        match manner {
            Manner::Stopped | Manner::Crashed => self.stop_servers(service, manner, length).await?,
            Manner::Cut | Manner::Silent | Manner::Slow => self.disturb(service, manner, length).await?,
            Manner::Frozen => {
                self.simulator.signal("STOP").await?;
                sleep(length).await;
                self.simulator.signal("CONT").await?;
            }
            Manner::Locked => {
                let lock = HeldLock::take(&self.installation.data_dir().join("paceline.db")).await?;
                sleep(length).await;
                lock.give_back().await?;
            }
        }
        Ok(Watch::anybody(&self.tail))
    }

    async fn stop_servers(&self, service: Service, manner: Manner, length: Duration) -> ScenarioResult<()> {
        let services = self.services()?;
        let names: &[&str] = match service {
            Service::Database => &["postgres"],
            Service::Broker => &["rabbitmq"],
            Service::Both => &["postgres", "rabbitmq"],
            Service::Network => return Err(ScenarioError::new("the network is no service of the script")),
        };
        for name in names {
            services.stop(name, manner == Manner::Crashed).await?;
        }
        sleep(length).await;
        for name in names {
            services.start(name).await?;
        }
        Ok(())
    }

    async fn disturb(&mut self, service: Service, manner: Manner, length: Duration) -> ScenarioResult<()> {
        let cable = match service {
            Service::Network => Some(&mut self.network_cable),
            Service::Database => self.database_cable.as_mut(),
            Service::Broker => self.broker_cable.as_mut(),
            Service::Both => None,
        };
        let cable: &mut Cable = cable.ok_or_else(|| ScenarioError::new("there is no cable to that"))?;
        match manner {
            Manner::Cut => cable.cut().await,
            Manner::Silent => cable.hold_still(),
            _ => cable.slow_down(DELAY),
        }
        sleep(length).await;
        cable.mend().await
    }

    fn index(&self, victim: Victim) -> ScenarioResult<usize> {
        match victim {
            Victim::Up => Some(0),
            Victim::Server(number) => Some(number),
            Victim::Fleet => self.members.len().checked_sub(1),
            Victim::Worker(_) | Victim::Everything => None,
        }
        .ok_or_else(|| ScenarioError::new(format!("{victim} is not one process of ours")))
    }

    fn services(&self) -> ScenarioResult<&super::services::Services> {
        self.services.as_ref().ok_or_else(|| ScenarioError::new("the embedded stack has no services"))
    }

    /// The worker of this sender, or of the next one that has a worker: its number and its process.
    async fn worker(&self, number: usize) -> ScenarioResult<(String, u32)> {
        eventually("some sender has a worker", LOOKING, async || {
            let fleet = self.ask("/v1/fleet").await?;
            let held: Vec<_> = fleet["workers"].as_array().into_iter().flatten().filter_map(holding).collect();
            let of = |phone: String| held.iter().find(|(held, _)| *held == phone).cloned();
            Ok((0..SENDERS).find_map(|step| of(phone_of((number + step) % SENDERS))))
        })
        .await
    }
}

/// Whom a living worker sends for.
fn holding(worker: &Value) -> Option<(String, u32)> {
    let pid = worker["pid"].as_u64().filter(|_| worker["silent"] == false)?;
    let phone = worker["senders"][0]["phone"].as_str()?;
    let pid = u32::try_from(pid).ok()?;
    // A fleet shows a killed worker for a moment longer.
    std::path::Path::new(&format!("/proc/{pid}")).exists().then(|| (phone.to_owned(), pid))
}

/// A signal to a process that one of ours has started.
async fn signal(pid: u32, name: &str) -> ScenarioResult<()> {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {pid}")]).status().await?;
    if sent.success() { Ok(()) } else { Err(ScenarioError::new(format!("process {pid} cannot be signalled"))) }
}
