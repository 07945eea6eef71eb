//! The checked values.

mod sections;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use chrono::{DateTime, Utc};
use paceline_domain::EgressPolicy;
use paceline_pacing::Profiles;
use secrecy::{SecretBox, SecretString};

use crate::{ConfigProblems, ConfigSources, Explained, layers::Merged, reader::Reader};

/// A day, in seconds: more is a slip of the keyboard.
const DAY: f64 = 86_400.0;

/// The configuration, every value of it checked. What each means is in the reference, [`crate::DEFAULTS`].
#[derive(Debug)]
pub struct Config {
    /// Where the database, the keys and the journal are kept.
    pub data_dir: PathBuf,
    /// The API's server.
    pub server: Server,
    /// Campaigns.
    pub campaigns: Campaigns,
    /// Pacing.
    pub pacing: Pacing,
    /// Workers.
    pub worker: Worker,
    /// The simulated network.
    pub simulator: Simulator,
    /// The control plane.
    pub control: Control,
    /// Webhooks.
    pub webhooks: Webhooks,
    /// Campaign time.
    pub clock: ClockSettings,
    /// Senders' sessions.
    pub sessions: Sessions,
    /// Logs.
    pub log: Log,
    /// The commands that talk to a running Paceline.
    pub api: ApiClient,
    /// PostgreSQL.
    pub database: Database,
    /// RabbitMQ.
    pub amqp: Amqp,
    explained: Vec<Explained>,
}

/// The API's server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Server {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where the operators' pages are when they are on a listener of their own.
    pub metrics_listen: Option<SocketAddr>,
    /// The largest body of one upload of recipients, in bytes.
    pub max_upload_bytes: u64,
    /// The most connections in all.
    pub max_connections: u32,
    /// The most connections of one address.
    pub max_connections_per_address: u32,
    /// The most live streams of one API key.
    pub max_streams_per_key: u32,
    /// How long a request's head may take.
    pub header_timeout: Duration,
    /// How long a connection may be without a request.
    pub idle_timeout: Duration,
    /// How long a body, or the reading of an answer, may pause.
    pub pause_timeout: Duration,
    /// How long it still answers after the signal to stop, while it says that it is not ready.
    pub drain_delay: Duration,
    /// How long what is being answered may take after that.
    pub drain_timeout: Duration,
    /// The most senders that the page of metrics by sender shows; 0: there is no such page.
    pub sender_metrics: u32,
}

/// Campaigns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Campaigns {
    /// The most recipients of one campaign.
    pub max_recipients: u64,
}

/// Pacing.
#[derive(Debug, Clone, PartialEq)]
pub struct Pacing {
    /// The profile of a sender that is added without one; exists among the profiles.
    pub default_profile: String,
    /// The profiles by name.
    pub profiles: Profiles,
}

/// Workers. Durations are real time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    /// The most senders that one process leases.
    pub slots: u32,
    /// How long a lease lasts without renewal.
    pub lease: Duration,
    /// How often leases are renewed; less than half of `lease`.
    pub renew: Duration,
    /// How long one send may take; with `renew` less than `lease`.
    pub send_timeout: Duration,
}

/// The simulated network.
#[derive(Debug, Clone)]
pub struct Simulator {
    /// Where it listens, without a stroke at the end.
    pub url: String,
    /// Who runs it.
    pub place: SimulatorPlace,
    /// What calls to it carry; `None` means that it makes a token itself.
    pub token: Option<SecretString>,
}

/// Who runs the simulated network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SimulatorPlace {
    /// `paceline up`, in its own process.
    InProcess,
    /// Somebody else, at the URL.
    Elsewhere,
}

/// The control plane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// How long an outcome may be unknown before the workspace's policy decides, in campaign time.
    pub unknown_grace: Duration,
}

/// Webhooks. Durations are real time.
#[derive(Debug, Clone, PartialEq)]
pub struct Webhooks {
    /// The egress policy: which network addresses they may go to.
    pub egress: EgressPolicy,
    /// How long one try may take.
    pub timeout: Duration,
    /// The most tries at a time.
    pub concurrency: u32,
    /// The most tries at a time for one webhook endpoint.
    pub per_endpoint: u32,
    /// The most webhook endpoints of one workspace.
    pub max_endpoints: u32,
    /// How long a delivery is held while it is tried; longer than `timeout`.
    pub hold: Duration,
    /// The delay before each try, the first of which is zero.
    pub schedule: Vec<Duration>,
    /// How long nothing may reach a webhook endpoint before it is switched off.
    pub disable_after: Duration,
}

/// Campaign time.
#[derive(Debug, Clone, PartialEq)]
pub struct ClockSettings {
    /// How many seconds of it pass in a real second; at least 1.
    pub speed: f64,
    /// Where it begins; given only when `speed` is above 1.
    pub origin: Option<DateTime<Utc>>,
}

/// Senders' sessions.
#[derive(Debug)]
pub struct Sessions {
    /// The key that encrypts them; `None` means that the binary makes one and keeps it in `data_dir`.
    pub master_key: Option<SecretBox<[u8; 32]>>,
}

/// Logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// How lines look.
    pub format: LogFormat,
    /// Which lines.
    pub filter: String,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// Readable on a terminal, JSON otherwise.
    Auto,
    /// JSON.
    Json,
    /// Readable.
    Text,
}

/// PostgreSQL.
#[derive(Debug, Clone)]
pub struct Database {
    /// Its URL; `None` means the embedded database.
    pub url: Option<SecretString>,
    /// The most connections of a server process.
    pub connections: u32,
    /// How long one statement may take, in real time.
    pub statement_timeout: Duration,
    /// Whether statements are prepared once for each connection.
    pub statements: Statements,
}

/// Whether statements are prepared once for each connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statements {
    /// They are.
    Prepared,
    /// They are not: nothing is left in a connection, as a pooler in transaction mode needs it.
    Unnamed,
}

/// RabbitMQ.
#[derive(Debug, Clone)]
pub struct Amqp {
    /// Its URL; `None` means the embedded queue.
    pub url: Option<SecretString>,
    /// Which kind of queue is declared.
    pub queues: QueueKind,
    /// What stands before every name; empty for nothing.
    pub namespace: String,
}

/// The kinds of queues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueueKind {
    /// Replicated.
    Quorum,
    /// On one node.
    Classic,
}

/// The commands that talk to a running Paceline.
#[derive(Debug, Clone)]
pub struct ApiClient {
    /// Where it listens, without a stroke at the end.
    pub url: String,
    /// The API key.
    pub key: Option<SecretString>,
}

impl Config {
    /// Lays the sources over each other and checks everything.
    ///
    /// # Errors
    /// All that is wrong, each with its key, its source and its cure.
    pub fn load(sources: &ConfigSources) -> Result<Self, ConfigProblems> {
        let merged = Merged::of(sources);
        let mut reader = Reader::new(&merged);
        let config = read(&mut reader);
        let mut problems = merged.problems.clone();
        problems.extend(reader.into_problems());
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(ConfigProblems::new(problems)),
        }
    }

    /// Every key with its value and where that came from; secrets are hidden.
    pub fn explain(&self) -> &[Explained] {
        &self.explained
    }
}

/// Reads every section before it gives up, so that all problems are found at once.
fn read(reader: &mut Reader<'_>) -> Option<Config> {
    let data_dir = reader.some_text("data_dir");
    let server = sections::server(reader);
    let max_recipients = reader.whole("campaigns.max_recipients", 1..=100_000_000);
    let pacing = sections::pacing(reader);
    let worker = sections::worker(reader);
    let simulator = sections::simulator(reader);
    let unknown_grace = reader.seconds("control.unknown_grace_seconds", 0.0..=30.0 * DAY);
    let webhooks = sections::webhooks(reader);
    let clock = sections::clock(reader);
    let master_key = reader.master_key("sessions.master_key");
    let log = sections::log(reader);
    let (url, key) = (reader.http_url("api.url"), reader.secret("api.key"));
    let (database, amqp) = (sections::database(reader), sections::amqp(reader));
    Some(Config {
        data_dir: data_dir?.into(),
        server: server?,
        campaigns: Campaigns { max_recipients: max_recipients? },
        pacing: pacing?,
        worker: worker?,
        simulator: simulator?,
        control: Control { unknown_grace: unknown_grace? },
        webhooks: webhooks?,
        clock: clock?,
        sessions: Sessions { master_key },
        log: log?,
        api: ApiClient { url: url?, key },
        database: database?,
        amqp: amqp?,
        explained: Explained::all(reader.merged()),
    })
}
