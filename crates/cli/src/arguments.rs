//! The command line.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand};
use reqwest::Url;

/// Bulk WhatsApp messaging that never sends twice, never loses, and always says why.
#[derive(Debug, Parser)]
#[command(name = "paceline", version, about, arg_required_else_help = true)]
pub(crate) struct Arguments {
    /// Settings for every command.
    #[command(flatten)]
    pub(crate) global: Global,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Settings for every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// A configuration file (TOML); `paceline check` shows every key, its value and where it comes from.
    #[arg(long, global = true, value_name = "FILE", env = "PACELINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Writes one JSON object per line instead of text and progress bars.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The folder of an embedded installation, instead of `data_dir`.
    #[arg(long, global = true, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The server that the client commands talk to, instead of `api.url`. The key comes from `api.key` (`PACELINE_API__KEY`).
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) api_url: Option<Url>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs a whole campaign on embedded parts and a simulated network, and checks that every message was seen once.
    Demo(Demo),
    /// Runs API, control plane and workers in one process until stopped: on SQLite and an embedded queue, or on the services that
    /// `DATABASE_URL` and `AMQP_URL` name.
    Up(Up),
    /// Runs the API, the control plane and the webhooks on PostgreSQL and RabbitMQ; any number of servers at once.
    Serve(Serve),
    /// Runs a worker process: for one phone number, or for its share of the fleet.
    Worker(Worker),
    /// Keeps one worker process per active sender running on this machine.
    Fleet(Fleet),
    /// Runs the simulated WhatsApp network as a process of its own.
    Simulator(Simulator),
    /// Brings the database to this binary's schema.
    Migrate,
    /// Explains the configuration and the services it names, and what to do about each finding.
    Check,
    /// The marketer's commands, over the API.
    #[command(subcommand)]
    Campaign(Campaign),
    /// The operator's commands, over the API.
    #[command(subcommand)]
    Sender(Sender),
    /// Where events are posted: shown, and switched on again, over the API.
    #[command(subcommand)]
    Webhook(Webhook),
    /// What nobody could work on: shown and replayed, over the API.
    #[command(subcommand)]
    Dead(Dead),
}

/// `paceline demo`.
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Recipients from this CSV file instead of the sample.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// The text, with `{{ variables }}` and `{variants|to|draw}`. For a file of your own: a greeting, unless given.
    #[arg(long, value_name = "TEXT")]
    pub(crate) template: Option<String>,
    /// The column of the phone numbers in the CSV file.
    #[arg(long, value_name = "NAME")]
    pub(crate) phone_column: Option<String>,
    /// The region (ISO 3166, for example DE) of phone numbers without a country code.
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// How many rows: the first of the file, or the sample and as many made-up ones as needed.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=5_000_000))]
    pub(crate) recipients: Option<u64>,
    /// How many phone numbers send; enough for the audience unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) senders: Option<u32>,
    /// How many seconds pass on the campaign's clock in a real one; at least 1.
    #[arg(long, value_name = "X")]
    pub(crate) speed: Option<f64>,
    /// The seed of everything that is drawn: gaps, variants, people.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
}

/// `paceline up`.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// The address of the API, instead of `server.listen`.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<std::net::SocketAddr>,
}

/// `paceline serve`.
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// What this server does.
    #[arg(long, value_name = "ROLES", value_enum, value_delimiter = ',', default_values_t = ServerRole::ALL)]
    pub(crate) roles: Vec<ServerRole>,
    /// The address of the API, instead of `server.listen`.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<std::net::SocketAddr>,
}

/// What a server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ServerRole {
    /// Answers HTTP requests.
    Api,
    /// Plans, releases, applies results, sweeps.
    Control,
    /// Delivers events to customers.
    Webhooks,
}

impl ServerRole {
    /// Every role.
    pub(crate) const ALL: [Self; 3] = [Self::Api, Self::Control, Self::Webhooks];
}

/// `paceline worker`.
#[derive(Debug, Args)]
pub(crate) struct Worker {
    /// Works for this sender and no other: its number in E.164, such as +15550100, or its id.
    #[arg(long, value_name = "SENDER", conflicts_with = "slots")]
    pub(crate) sender: Option<String>,
    /// Works for as many senders at most, sharing the fleet evenly with other workers; `worker.slots` unless given.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) slots: Option<u32>,
    /// The address of its health and metrics; a free port unless given.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub(crate) listen: std::net::SocketAddr,
    /// The id under which it leases, given by the fleet that starts it.
    #[arg(long = "worker-id", value_name = "ID", hide = true)]
    pub(crate) id: Option<paceline_domain::WorkerId>,
    /// Drains when the process that started it is gone.
    #[arg(long, hide = true)]
    pub(crate) with_parent: bool,
}

/// `paceline fleet`.
#[derive(Debug, Args)]
pub(crate) struct Fleet {
    /// The most worker processes on this machine.
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) max: u32,
    /// The address of its health, metrics and list of workers (`/workers/targets`, for Prometheus). The workers' own addresses are on
    /// free ports of the same interface.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8481")]
    pub(crate) listen: std::net::SocketAddr,
}

/// `paceline simulator`.
#[derive(Debug, Args)]
pub(crate) struct Simulator {
    /// The address to listen on.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8490")]
    pub(crate) listen: std::net::SocketAddr,
    /// Accepts an address beyond loopback, so that workers of other machines reach it. Its admin calls have no authentication.
    #[arg(long)]
    pub(crate) exposed: bool,
    /// The seed of its people and faults.
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Faults to cause, as a JSON file.
    #[arg(long, value_name = "FILE")]
    pub(crate) script: Option<PathBuf>,
    /// People answer at once and write nothing: for benchmarks.
    #[arg(long)]
    pub(crate) quiet: bool,
    /// Pairing waits for `POST /phones/{e164}/accept` instead of accepting by itself.
    #[arg(long)]
    pub(crate) manual_pairing: bool,
}

/// `paceline campaign …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Campaign {
    /// Creates a campaign, uploads its recipients and starts it.
    Submit(Submit),
    /// Lists the campaigns, newest first.
    List,
    /// Shows where a campaign stands, and why.
    Status(CampaignId),
    /// Follows a campaign until nothing is waiting any more.
    Watch(CampaignId),
    /// Halts a campaign at its next message.
    Pause(CampaignId),
    /// Lets a paused campaign go on.
    Resume(CampaignId),
    /// Ends a campaign for good; what was not sent never will be.
    Cancel(CampaignId),
    /// Writes every row of a campaign with its outcome as CSV.
    Report(Report),
}

/// A campaign.
#[derive(Debug, Args)]
pub(crate) struct CampaignId {
    /// The campaign's id (`cmp_…`).
    #[arg(value_name = "CAMPAIGN")]
    pub(crate) campaign: String,
}

/// `paceline campaign submit`.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// The recipients: a CSV file with a header row.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: PathBuf,
    /// The text, with `{{ variables }}` and `{variants|to|draw}`.
    #[arg(long, value_name = "TEXT")]
    pub(crate) template: String,
    /// The pool whose senders are used.
    #[arg(long, value_name = "POOL", default_value = "default")]
    pub(crate) pool: String,
    /// What to call it; the file's name unless given.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// The column of the phone numbers.
    #[arg(long, value_name = "NAME")]
    pub(crate) phone_column: Option<String>,
    /// The region (ISO 3166, for example DE) of phone numbers without a country code.
    #[arg(long, value_name = "REGION")]
    pub(crate) region: Option<String>,
    /// The charset that the file was saved in, for example windows-1252; found by itself unless given.
    #[arg(long, value_name = "CHARSET")]
    pub(crate) encoding: Option<String>,
    /// Not to start before this (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(crate) start_at: Option<DateTime<Utc>>,
    /// What is not sent by then is not sent at all (RFC 3339).
    #[arg(long, value_name = "TIME")]
    pub(crate) expires_at: Option<DateTime<Utc>>,
    /// Uploads and previews, but does not start.
    #[arg(long)]
    pub(crate) draft: bool,
    /// Starts without asking. Nobody is asked where there is no terminal.
    #[arg(long, conflicts_with = "draft")]
    pub(crate) yes: bool,
    /// Follows the campaign to its end.
    #[arg(long, conflicts_with = "draft")]
    pub(crate) watch: bool,
}

/// `paceline campaign report`.
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The campaign's id (`cmp_…`).
    #[arg(value_name = "CAMPAIGN")]
    pub(crate) campaign: String,
    /// Where to write; standard output unless given.
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// `paceline sender …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Sender {
    /// Adds a phone number.
    Add(AddSender),
    /// Lists the senders.
    List,
    /// Changes the profile, the pools or the name of a sender; its session goes on.
    Update(UpdateSender),
    /// Halts a sender after the send in hand.
    Pause(SenderRef),
    /// Lets a paused sender go on.
    Resume(SenderRef),
    /// Removes a sender; its waiting messages go to others of the pool.
    Remove(SenderRef),
    /// Shows the pairing code of a sender.
    Pair(SenderRef),
}

/// `paceline sender add`.
#[derive(Debug, Args)]
pub(crate) struct AddSender {
    /// The number in E.164, for example +15550100.
    #[arg(value_name = "PHONE")]
    pub(crate) phone: String,
    /// How it reaches WhatsApp.
    #[arg(long, value_name = "CHANNEL", default_value = "simulator")]
    pub(crate) channel: String,
    /// What to call it.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// A pool it belongs to; may be repeated.
    #[arg(long = "pool", value_name = "POOL")]
    pub(crate) pools: Vec<String>,
    /// Its pacing profile.
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
    /// Where its day begins and ends (IANA, for example Europe/Berlin).
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
}

/// `paceline sender update`.
#[derive(Debug, Args)]
#[group(id = "changes", required = true, multiple = true)]
pub(crate) struct UpdateSender {
    /// Which sender.
    #[command(flatten)]
    pub(crate) sender: SenderRef,
    /// Its pacing profile from now on.
    #[arg(long, value_name = "PROFILE")]
    pub(crate) profile: Option<String>,
    /// A pool it belongs to from now on, instead of those it belonged to; may be repeated.
    #[arg(long = "pool", value_name = "POOL")]
    pub(crate) pools: Vec<String>,
    /// What to call it.
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

/// A sender.
#[derive(Debug, Args)]
pub(crate) struct SenderRef {
    /// The sender's id (`snd_…`) or its number in E.164.
    #[arg(value_name = "SENDER")]
    pub(crate) sender: String,
}

/// `paceline webhook …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Webhook {
    /// Lists the webhook endpoints, and which of them are switched off because they did not answer.
    List,
    /// Switches a webhook endpoint on again.
    Enable(WebhookRef),
}

/// A webhook endpoint.
#[derive(Debug, Args)]
pub(crate) struct WebhookRef {
    /// The webhook endpoint's id (`whe_…`).
    #[arg(value_name = "ENDPOINT")]
    pub(crate) endpoint: String,
}

/// `paceline dead …`.
#[derive(Debug, Subcommand)]
pub(crate) enum Dead {
    /// Lists the dead letters.
    List(ListDead),
    /// Replays dead letters: a result is applied, the messages of a job need not wait any longer. Doing it twice does no harm.
    Replay(ReplayDead),
}

/// `paceline dead list`.
#[derive(Debug, Args)]
pub(crate) struct ListDead {
    /// Those that were replayed too.
    #[arg(long)]
    pub(crate) all: bool,
    /// Shows what each letter holds, which may be what a person wrote.
    #[arg(long)]
    pub(crate) body: bool,
}

/// `paceline dead replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayDead {
    /// The letters (`dlt_…`).
    #[arg(value_name = "LETTER", required_unless_present = "all", conflicts_with = "all")]
    pub(crate) letters: Vec<String>,
    /// Every letter that was not replayed.
    #[arg(long)]
    pub(crate) all: bool,
}
