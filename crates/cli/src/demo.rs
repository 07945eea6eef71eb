//! `paceline demo`: a whole campaign on embedded parts, through the same API that everyone uses, and a report that is checked
//! against what the simulated network saw.

mod audience;
mod progress;
mod receiver;
mod report;
mod schedule;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use paceline_config::{Config, ConfigSources};
use paceline_domain::Clock;
use paceline_simulator::{Simulator, SimulatorHandle, SimulatorOptions};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::{
    arguments::Demo,
    client::Client,
    clock::ScaledClock,
    data_dir::{self, DataDir},
    exit::Exit,
    output::Output,
    setup::Setup,
    stack::Stack,
};

use self::{audience::Audience, progress::Bars, receiver::Receiver, report::Report, schedule::Schedule};

/// Runs the demo in `folder`, or in a new folder of its own.
pub(crate) async fn run(arguments: Demo, folder: Option<PathBuf>, output: Output) -> anyhow::Result<Exit> {
    let began = Instant::now();
    let audience = audience::load(arguments.csv.as_deref(), arguments.recipients)?;
    let schedule = Schedule::of(&arguments, audience.rows);
    let clock: Arc<dyn Clock> = Arc::new(ScaledClock::starting_at(schedule.origin(), schedule.speed));
    let folder = folder.unwrap_or_else(|| new_folder(clock.as_ref()));
    let data = DataDir::open(&folder)?;
    let stop = crate::signals::stop_on_signal()?;

    let simulator = start_simulator(&arguments, &data, &clock).await?;
    let parts = start(&folder, data, clock, &simulator, &stop).await?;
    output.emit(&json!({ "event": "ready", "database": folder.join("paceline.db"), "api": parts.url }));
    output.say(format!(
        "{} rows, {} senders, {}× real time; the database is {}",
        audience.rows,
        schedule.senders,
        schedule.speed,
        folder.join("paceline.db").display(),
    ));

    let outcome = run_campaign(&arguments, &audience, &schedule, &parts, &simulator, output, &stop).await;
    let report = match outcome {
        Ok(campaign) => {
            Some(report::collect(&parts.client, &campaign, &simulator, &parts.receiver, began.elapsed()).await?)
        }
        Err(error) => {
            parts.stack.stop().await;
            simulator.stop().await;
            return Err(error);
        }
    };
    parts.stack.stop().await;
    simulator.stop().await;
    let Some(report) = report else { return Ok(Exit::Failed) };
    finish(&report, &folder, parts.key.as_str(), output);
    Ok(report.verdict())
}

/// What the campaign runs on.
struct Parts {
    stack: Stack,
    client: Client,
    receiver: Receiver,
    url: String,
    key: String,
}

/// Beside where the user works, and new each time: a demo deletes nothing.
fn new_folder(clock: &dyn Clock) -> PathBuf {
    PathBuf::from("paceline-demo").join(clock.real_now().format("%Y%m%d-%H%M%S").to_string())
}

async fn start_simulator(arguments: &Demo, data: &DataDir, clock: &Arc<dyn Clock>) -> anyhow::Result<SimulatorHandle> {
    let mut options = SimulatorOptions::new(Arc::clone(clock), data.simulator().join("journal.ndjson"));
    options.seed = arguments.seed;
    data_dir::make_private(&data.simulator()).context("cannot make the simulated network's folder")?;
    Simulator::start(options).await.context("the simulated network does not start")
}

async fn start(
    folder: &Path,
    data: DataDir,
    clock: Arc<dyn Clock>,
    simulator: &SimulatorHandle,
    stop: &CancellationToken,
) -> anyhow::Result<Parts> {
    let config = Config::load(&ConfigSources {
        overrides: vec![
            ("data_dir".to_owned(), folder.display().to_string()),
            ("server.listen".to_owned(), "127.0.0.1:0".to_owned()),
            ("simulator.url".to_owned(), simulator.url()),
            ("webhooks.allow_private".to_owned(), "true".to_owned()),
        ],
        ..ConfigSources::default()
    })?;
    let mut setup = Setup::of(&config, clock)?;
    setup.webhooks.poll = Duration::from_millis(50);
    let stack = Stack::start(data, setup).await?;
    let key = stack.welcome.secret.as_ref().context("the folder holds an installation already; choose an empty one")?;
    let key = key.expose().to_owned();
    let url = format!("http://{}", stack.address);
    let client = Client::new(url.parse()?, SecretString::from(key.clone()))?;
    let receiver = Receiver::start(stop.clone()).await?;
    Ok(Parts { stack, client, receiver, url, key })
}

/// From senders to the last receipt. Returns the campaign's id.
async fn run_campaign(
    arguments: &Demo,
    audience: &Audience,
    schedule: &Schedule,
    parts: &Parts,
    simulator: &SimulatorHandle,
    output: Output,
    stop: &CancellationToken,
) -> anyhow::Result<String> {
    let client = &parts.client;
    let endpoint = json!({ "url": format!("http://{}/", parts.receiver.address) });
    let endpoint = client.post("/v1/webhook-endpoints", &endpoint, None).await?;
    parts.receiver.expect_signatures_of(endpoint["secret"].as_str().unwrap_or_default().to_owned());
    for number in 1..=schedule.senders {
        let sender = json!({
            "phone": format!("+1555{:07}", 100_000 + number),
            "pools": ["demo"],
            "name": format!("Sender {number}"),
            "seed": arguments.seed.wrapping_mul(10_007).wrapping_add(number.into()) >> 1,
        });
        client.post("/v1/senders", &sender, None).await?;
    }
    let campaign = create(arguments, audience, client).await?;
    let uploaded =
        client.upload(&format!("/v1/campaigns/{campaign}/recipients"), "text/csv", audience.csv.clone().into()).await?;
    output.emit(&json!({ "event": "uploaded", "campaign_id": campaign, "upload": uploaded }));
    let preview = client.act(&format!("/v1/campaigns/{campaign}/preview")).await?;
    output.emit(&json!({ "event": "preview", "preview": preview }));
    if let Some(text) = preview["rows"].as_array().into_iter().flatten().find_map(|row| row["text"].as_str()) {
        output.say(format!("the first message: {text}"));
    }
    client.act(&format!("/v1/campaigns/{campaign}/start")).await?;
    let mut bars = Bars::new(output);
    let mut settled = Settled::default();
    loop {
        let progress = client.read(&format!("/v1/campaigns/{campaign}/progress")).await?;
        bars.show(&progress, simulator);
        output.emit(&json!({ "event": "progress", "progress": progress }));
        if settled.is_over(&progress, simulator, parts) || stop.is_cancelled() {
            break;
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(250)) => {}
            () = stop.cancelled() => {}
        }
    }
    bars.finish();
    Ok(campaign)
}

async fn create(arguments: &Demo, audience: &Audience, client: &Client) -> anyhow::Result<String> {
    let mut definition = json!({
        "name": "Demo",
        "pool": "demo",
        "template": arguments.template.as_deref().unwrap_or(audience.template),
    });
    for (key, value) in [("phone_column", &arguments.phone_column), ("default_region", &arguments.region)] {
        if let Some(value) = value {
            definition[key] = json!(value);
        }
    }
    let campaign = client.post("/v1/campaigns", &definition, None).await?;
    campaign["id"].as_str().map(str::to_owned).context("the API answered a campaign without an id")
}

/// Notices that nothing more will happen: the campaign has ended, the network is quiet, and neither the account nor the
/// webhooks have moved for a while.
#[derive(Debug, Default)]
struct Settled {
    seen: Option<(Value, (u64, u64))>,
    since: Option<Instant>,
}

impl Settled {
    fn is_over(&mut self, progress: &Value, simulator: &SimulatorHandle, parts: &Parts) -> bool {
        const STILL: Duration = Duration::from_secs(1);
        let ended = matches!(progress["state"].as_str(), Some("completed" | "cancelled"));
        let now = (progress["account"].clone(), parts.receiver.counts());
        if !ended || !simulator.is_quiet() || self.seen.as_ref() != Some(&now) {
            self.seen = Some(now);
            self.since = None;
            return false;
        }
        self.since.get_or_insert_with(Instant::now).elapsed() >= STILL
    }
}

fn finish(report: &Report, folder: &std::path::Path, key: &str, output: Output) {
    output.say(report.to_string());
    output.say(format!(
        "\nOpen it again with:\n  paceline up --data-dir {}\nand read it with the key {key}, for example:\n  PACELINE_API__KEY={key} paceline campaign list",
        folder.display(),
    ));
    output.emit(&report.details());
    output.emit(&report.summary());
}
