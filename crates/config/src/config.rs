//! The checked values.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use chrono::{DateTime, Utc};
use paceline_domain::{AddressPolicy, Network};
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
    /// The largest body of one upload of recipients, in bytes.
    pub max_upload_bytes: u64,
    /// How long it still answers after the signal to stop, while it says that it is not ready.
    pub drain_delay: Duration,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Simulator {
    /// Where it listens, without a stroke at the end.
    pub url: String,
    /// Who runs it.
    pub place: SimulatorPlace,
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
    /// Which addresses they may go to.
    pub allow: AddressPolicy,
    /// How long one try may take.
    pub timeout: Duration,
    /// The most tries at a time.
    pub concurrency: u32,
    /// The most tries at a time for one endpoint.
    pub per_endpoint: u32,
    /// How long a delivery is held while it is tried; longer than `timeout`.
    pub hold: Duration,
    /// The delay before each try, the first of which is zero.
    pub schedule: Vec<Duration>,
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
    let server = server(reader);
    let max_recipients = reader.whole("campaigns.max_recipients", 1..=100_000_000);
    let pacing = pacing(reader);
    let worker = worker(reader);
    let simulator = simulator(reader);
    let unknown_grace = reader.seconds("control.unknown_grace_seconds", 0.0..=30.0 * DAY);
    let webhooks = webhooks(reader);
    let clock = clock(reader);
    let master_key = reader.master_key("sessions.master_key");
    let log = log(reader);
    let (url, key) = (reader.http_url("api.url"), reader.secret("api.key"));
    let (database, amqp) = (database(reader), amqp(reader));
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

fn server(reader: &mut Reader<'_>) -> Option<Server> {
    let listen = reader.parsed("server.listen", "write an address and a port, for example 127.0.0.1:8480");
    let max_upload_bytes = reader.whole("server.max_upload_bytes", 1_024..=1_u64 << 40);
    let drain_delay = reader.seconds("server.drain_delay_seconds", 0.0..=300.0);
    Some(Server { listen: listen?, max_upload_bytes: max_upload_bytes?, drain_delay: drain_delay? })
}

fn pacing(reader: &mut Reader<'_>) -> Option<Pacing> {
    let default_profile = reader.some_text("pacing.default_profile");
    let profiles = reader.profiles();
    let (default_profile, profiles) = (default_profile?, profiles?);
    if profiles.find(&default_profile).is_none() {
        let known: Vec<_> = profiles.names().collect();
        let cure = format!("choose one of {}", known.join(", "));
        reader.refuse("pacing.default_profile", format!("there is no profile {default_profile:?}"), cure);
    }
    Some(Pacing { default_profile, profiles })
}

fn worker(reader: &mut Reader<'_>) -> Option<Worker> {
    let slots = reader.whole("worker.slots", 1..=100_000);
    let lease = reader.seconds("worker.lease_seconds", 1.0..=3_600.0);
    let renew = reader.seconds("worker.renew_seconds", 0.1..=3_600.0);
    let send_timeout = reader.seconds("worker.send_timeout_seconds", 0.1..=3_600.0);
    let worker = Worker { slots: slots?, lease: lease?, renew: renew?, send_timeout: send_timeout? };
    if worker.renew * 2 >= worker.lease {
        reader.refuse("worker.renew_seconds", "is not less than half of worker.lease_seconds", "renew more often");
    }
    if worker.renew + worker.send_timeout >= worker.lease {
        let what =
            "with worker.renew_seconds is not less than worker.lease_seconds, so that a send could outlive its lease";
        reader.refuse("worker.send_timeout_seconds", what, "lengthen the lease or shorten the other two");
    }
    Some(worker)
}

fn simulator(reader: &mut Reader<'_>) -> Option<Simulator> {
    let url = reader.http_url("simulator.url");
    let place =
        if reader.flag("simulator.in_process")? { SimulatorPlace::InProcess } else { SimulatorPlace::Elsewhere };
    Some(Simulator { url: url?, place })
}

fn webhooks(reader: &mut Reader<'_>) -> Option<Webhooks> {
    let allow = allowed(reader);
    let timeout = reader.seconds("webhooks.timeout_seconds", 0.1..=300.0);
    let concurrency = reader.whole("webhooks.concurrency", 1..=10_000);
    let per_endpoint = reader.whole("webhooks.per_endpoint", 1..=10_000);
    let hold = reader.seconds("webhooks.hold_seconds", 0.2..=DAY);
    let schedule = schedule(reader);
    let (timeout, hold) = (timeout?, hold?);
    if hold <= timeout {
        reader.refuse("webhooks.hold_seconds", "is not longer than webhooks.timeout_seconds", "lengthen it");
    }
    Some(Webhooks {
        allow: allow?,
        timeout,
        concurrency: concurrency?,
        per_endpoint: per_endpoint?,
        hold,
        schedule: schedule?,
    })
}

fn allowed(reader: &mut Reader<'_>) -> Option<AddressPolicy> {
    const KEY: &str = "webhooks.allow_private";
    match reader.flag(KEY) {
        Some(true) => return Some(AddressPolicy::Any),
        Some(false) => return Some(AddressPolicy::PublicOnly),
        None => {}
    }
    let list = reader.merged().find(KEY)?.into_array()?;
    let mut networks = Vec::new();
    for text in list.into_iter().filter_map(figment::value::Value::into_string) {
        match text.trim().parse::<Network>() {
            Ok(network) => networks.push(network),
            Err(error) => reader.refuse(KEY, error.to_string(), "or write true for all"),
        }
    }
    Some(if networks.is_empty() { AddressPolicy::PublicOnly } else { AddressPolicy::PublicAnd(networks) })
}

fn schedule(reader: &mut Reader<'_>) -> Option<Vec<Duration>> {
    const KEY: &str = "webhooks.schedule_seconds";
    const MOST: u64 = 30 * 86_400;
    let list = reader.merged().find(KEY)?.into_array()?;
    let delays: Option<Vec<u64>> =
        list.iter().map(|value| value.to_i128()?.try_into().ok().filter(|&seconds| seconds <= MOST)).collect();
    let Some(delays) = delays else {
        reader.refuse(KEY, "holds a delay that is out of bounds", format!("choose each from 0 to {MOST}"));
        return None;
    };
    if delays.first() != Some(&0) {
        reader.refuse(KEY, "does not begin with 0", "the first try is made at once");
    }
    Some(delays.into_iter().map(Duration::from_secs).collect())
}

fn clock(reader: &mut Reader<'_>) -> Option<ClockSettings> {
    const ORIGIN: &str = "clock.origin";
    let speed = reader.number("clock.speed", 1.0..=1_000_000.0);
    let origin = reader.text(ORIGIN).and_then(|text| {
        let read = DateTime::parse_from_rfc3339(text.trim());
        let cure = "write a time with its zone, for example 2026-01-05T08:00:00Z";
        read.map_err(|error| reader.refuse(ORIGIN, format!("{text:?}: {error}"), cure)).ok()
    });
    let speed = speed?;
    if reader.source(ORIGIN).is_some() && speed <= 1.0 {
        reader.refuse(ORIGIN, "has no effect while clock.speed is 1", "leave it out, or raise clock.speed");
    }
    Some(ClockSettings { speed, origin: origin.map(|origin| origin.to_utc()) })
}

fn log(reader: &mut Reader<'_>) -> Option<Log> {
    let filter = reader.some_text("log.filter");
    let format = match reader.text("log.format")?.as_str() {
        "auto" => Some(LogFormat::Auto),
        "json" => Some(LogFormat::Json),
        "text" => Some(LogFormat::Text),
        other => {
            reader.refuse("log.format", format!("{other:?} is no format"), "choose auto, json or text");
            None
        }
    };
    Some(Log { format: format?, filter: filter? })
}

fn database(reader: &mut Reader<'_>) -> Option<Database> {
    let url = service_url(reader, "database.url", &["postgres://", "postgresql://"]);
    let connections = reader.whole("database.connections", 2..=10_000);
    let statement_timeout = reader.seconds("database.statement_timeout_seconds", 0.1..=3_600.0);
    let statements =
        if reader.flag("database.prepare_statements")? { Statements::Prepared } else { Statements::Unnamed };
    Some(Database { url, connections: connections?, statement_timeout: statement_timeout?, statements })
}

fn amqp(reader: &mut Reader<'_>) -> Option<Amqp> {
    const NAMESPACE: &str = "amqp.namespace";
    let url = service_url(reader, "amqp.url", &["amqp://", "amqps://"]);
    let namespace = reader.text(NAMESPACE).unwrap_or_default();
    if namespace.len() > 60 || !namespace.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)) {
        let cure = "write at most 60 letters, digits, - and _";
        reader.refuse(NAMESPACE, format!("{namespace:?} cannot stand in a queue's name"), cure);
    }
    let queues = match reader.text("amqp.queues")?.as_str() {
        "quorum" => Some(QueueKind::Quorum),
        "classic" => Some(QueueKind::Classic),
        other => {
            reader.refuse("amqp.queues", format!("{other:?} is no kind of queue"), "choose quorum or classic");
            None
        }
    };
    Some(Amqp { url, queues: queues?, namespace })
}

fn service_url(reader: &mut Reader<'_>, key: &str, schemes: &[&str]) -> Option<SecretString> {
    use secrecy::ExposeSecret;
    let url = reader.secret(key)?;
    if schemes.iter().any(|scheme| url.expose_secret().starts_with(scheme)) {
        return Some(url);
    }
    let twin = format!("{key}_file");
    let named = if reader.source(key).is_some() { key } else { &twin };
    reader.refuse(named, "is a URL of another kind", format!("begin it with {}", schemes[0]));
    None
}
