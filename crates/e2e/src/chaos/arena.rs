//! The installation under test: its processes, the network, the services, and the cables between them.

use std::{path::PathBuf, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};

use super::{
    draw::{SENDERS, SERVERS},
    members::Member,
    services::Services,
    tail::Tail,
};
use crate::{Api, Cable, Installation, Network, Process, Receiver, ScenarioError, ScenarioResult, Stack, stage::text};

/// How long the network may take to start.
const START: Duration = Duration::from_mins(1);
/// For how long a client waits for an answer before it asks again, perhaps another server.
const CLIENT_WAIT: Duration = Duration::from_secs(8);
/// The broker's names of this installation begin so.
const NAMESPACE: &str = "chaos";

/// What every process is started with. Leases are short, so that a process can be frozen for longer than one; webhooks are tried for
/// longer than anything is away.
const SETTINGS: [(&str, &str); 11] = [
    ("PACELINE_WORKER__LEASE_SECONDS", "10"),
    ("PACELINE_WORKER__RENEW_SECONDS", "3"),
    ("PACELINE_WORKER__SEND_TIMEOUT_SECONDS", "5"),
    ("PACELINE_WEBHOOKS__ALLOW_PRIVATE", "127.0.0.0/8"),
    ("PACELINE_WEBHOOKS__SCHEDULE_SECONDS", "0,1,2,3,5,5,5,10,10,10,10,10,30,30"),
    ("PACELINE_WEBHOOKS__TIMEOUT_SECONDS", "3"),
    ("PACELINE_WEBHOOKS__HOLD_SECONDS", "5"),
    ("PACELINE_WEBHOOKS__PER_ENDPOINT", "32"),
    ("PACELINE_DATABASE__STATEMENT_TIMEOUT_SECONDS", "5"),
    ("PACELINE_SIMULATOR__IN_PROCESS", "false"),
    ("PACELINE_LOG__FORMAT", "json"),
];

/// Senders that send one after the other, with a typing indicator.
const STEADY: [(&str, &str); 8] = [
    ("PER_SECOND", "20"),
    ("GAP__MEDIAN_SECONDS", "0.25"),
    ("GAP__SIGMA", "0.4"),
    ("GAP__MIN_SECONDS", "0.1"),
    ("GAP__MAX_SECONDS", "1"),
    ("TYPING__CHARS_PER_SECOND", "2000"),
    ("TYPING__MIN_SECONDS", "0.01"),
    ("TYPING__MAX_SECONDS", "0.05"),
];
/// Senders that send in batches.
const BURST: [(&str, &str); 1] = [("PER_SECOND", "8")];
/// How many senders send in batches.
const BURSTING: usize = 4;

/// The running installation.
#[derive(Debug)]
pub(super) struct Arena {
    // Processes before the services that they use.
    /// Servers first; the last one works for senders. Embedded they are one.
    pub(super) members: Vec<Member>,
    pub(super) simulator: Process,
    pub(super) network_cable: Cable,
    pub(super) database_cable: Option<Cable>,
    pub(super) broker_cable: Option<Cable>,
    pub(super) installation: Installation,
    pub(super) services: Option<Services>,
    pub(super) network: Network,
    /// The network's journal.
    pub(super) journal: PathBuf,
    pub(super) tail: Tail,
    /// The servers, in order.
    pub(super) doors: Vec<Api>,
    key: String,
}

impl Arena {
    /// Starts everything on an empty installation.
    pub(super) async fn start(stack: Stack, seed: u64) -> ScenarioResult<Self> {
        let mut installation = Installation::new()?.with_profile("steady", &STEADY).with_profile("burst", &BURST);
        for (key, value) in SETTINGS {
            installation.set(key, value);
        }
        let seed = seed.to_string();
        let mut simulator = installation.start(&["simulator", "--listen", "127.0.0.1:0", "--seed", &seed])?;
        let ready = simulator.event("ready", START).await?;
        simulator.ignore_output();
        let (network, journal) = (text(&ready, "url")?, text(&ready, "journal")?.into());
        let network_cable = Cable::lay(&network, 80).await?;
        installation.set("PACELINE_SIMULATOR__URL", network_cable.url().as_str());
        let mut arena = Self {
            members: Vec::new(),
            simulator,
            network_cable,
            database_cable: None,
            broker_cable: None,
            installation,
            services: None,
            network: Network::new(&network)?,
            journal,
            tail: Tail::default(),
            doors: Vec::new(),
            key: String::new(),
        };
        if stack == Stack::Full {
            arena.start_services().await?;
        }
        arena.start_members(stack).await?;
        Ok(arena)
    }

    async fn start_services(&mut self) -> ScenarioResult<()> {
        let services = Services::up().await?;
        let database = Cable::lay(&services.database_url, 5_432).await?;
        let broker = Cable::lay(&services.amqp_url, 5_672).await?;
        self.installation.set("DATABASE_URL", database.url().as_str());
        self.installation.set("AMQP_URL", broker.url().as_str());
        self.installation.set("PACELINE_AMQP__NAMESPACE", NAMESPACE);
        (self.database_cable, self.broker_cable) = (Some(database), Some(broker));
        self.services = Some(services);
        Ok(())
    }

    async fn start_members(&mut self, stack: Stack) -> ScenarioResult<()> {
        let (command, servers): (_, &[&'static str]) = match stack {
            Stack::Embedded => ("up", &["up"]),
            Stack::Full => ("serve", &["server-0", "server-1"]),
        };
        let mut addresses = Vec::new();
        for &name in servers {
            let address = free_address().await?;
            self.members.push(Member::new(name, &[command, "--listen", &address]));
            addresses.push(address);
        }
        if stack == Stack::Full {
            debug_assert_eq!(servers.len(), SERVERS);
            self.members.push(Member::new("fleet", &["fleet", "--listen", &free_address().await?]));
        }
        let (first, others) = self.members.split_first_mut().ok_or_else(|| ScenarioError::new("no process"))?;
        self.key = first.start_first(&self.installation).await?;
        for other in others {
            other.start(&self.installation).await?;
        }
        for address in addresses {
            self.doors.push(Api::waiting(&format!("http://{address}"), &self.key, CLIENT_WAIT)?);
        }
        Ok(())
    }

    /// An API of the first server that is waited for as long as a long list takes.
    pub(super) fn patient(&self) -> ScenarioResult<Api> {
        let door = self.doors.first().ok_or_else(|| ScenarioError::new("no server"))?;
        Api::new(door.url(), &self.key)
    }

    /// Adds the senders, and the webhook endpoint that every event goes to.
    pub(super) async fn furnish(&self, receiver: &Receiver) -> ScenarioResult<()> {
        let api = self.patient()?;
        for number in 0..SENDERS {
            let profile = if number < BURSTING { "burst" } else { "steady" };
            api.post("/v1/senders", &json!({ "phone": phone_of(number), "profile": profile })).await?.ok()?;
        }
        let endpoint = api.post("/v1/webhook-endpoints", &json!({ "url": receiver.url })).await?.ok()?;
        receiver.expect(&endpoint);
        for fault in NETWORK_FAULTS {
            self.network.add_fault(&serde_json::from_str(fault)?).await?;
        }
        Ok(())
    }

    /// Starts again whoever has ended by itself, and tells of it.
    pub(super) async fn revive(&mut self) -> ScenarioResult<()> {
        for member in &mut self.members {
            if let Err(error) = member.check() {
                member.start(&self.installation).await?;
                return Err(error);
            }
        }
        Ok(())
    }

    /// Asks whichever server answers.
    pub(super) async fn ask(&self, path: &str) -> ScenarioResult<Value> {
        let mut last = ScenarioError::new("no server");
        for door in &self.doors {
            match door.send(door.request(Method::GET, path)).await.and_then(crate::Answer::ok) {
                Ok(answer) => return Ok(answer),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

impl Arena {
    /// Ends everything in order. What is clean leaves nothing behind.
    pub(super) async fn finish(mut self, is_clean: bool) -> ScenarioResult<()> {
        // Who works for senders ends before those whom it reports to.
        while let Some(mut member) = self.members.pop() {
            member.stop().await?;
        }
        self.simulator.stop(START).await?;
        if !is_clean {
            return Ok(());
        }
        if let Some(services) = &mut self.services {
            services.succeeded();
        }
        self.installation.succeeded()
    }
}

/// What the network does all the time: acknowledgements that are lost, and many that are late, so that kills find sends without an
/// answer; receipts that come twice or in the wrong order; broken sessions; refusals for a moment.
const NETWORK_FAULTS: [&str; 6] = [
    r#"{ "kind": "lose_ack", "probability": 0.001 }"#,
    r#"{ "kind": "slow_ack", "probability": 0.3, "delay_ms": 150 }"#,
    r#"{ "kind": "receipts_doubled", "probability": 0.1 }"#,
    r#"{ "kind": "receipts_reordered", "probability": 0.1 }"#,
    r#"{ "kind": "disconnect", "probability": 0.0005 }"#,
    r#"{ "kind": "reject", "reason": "unavailable", "probability": 0.002 }"#,
];

/// The number of a sender.
pub(super) fn phone_of(number: usize) -> String {
    format!("+1555{:07}", 200_001 + number)
}

/// An address that nobody else takes before its process does: only listeners take ports there.
async fn free_address() -> ScenarioResult<String> {
    let listener = tokio::net::TcpListener::bind((crate::cable::INTERFACE, 0)).await?;
    Ok(listener.local_addr()?.to_string())
}
