//! `paceline check`: the configuration and the services it names, each finding with its cure.

mod exposure;

use std::{path::Path, sync::Arc};

use paceline_config::SimulatorPlace;
use paceline_domain::{Minter, SenderId};
use paceline_store::fleet::{FleetStore as _, Which};
use serde::Serialize;

use crate::{
    arguments::Global,
    data_dir::DataDir,
    entropy,
    exit::Exit,
    output::Output,
    services::{Client, Services},
    settings::Settings,
    table::Table,
};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    event: &'static str,
    what: &'static str,
    ok: bool,
    severity: Severity,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
}

impl Finding {
    fn good(what: &'static str, found: String) -> Self {
        Self::of(what, Severity::Ok, found, None)
    }

    fn bad(what: &'static str, found: String, cure: impl Into<String>) -> Self {
        Self::of(what, Severity::Error, found, Some(cure.into()))
    }

    fn of(what: &'static str, severity: Severity, found: String, cure: Option<String>) -> Self {
        Self { event: "finding", what, ok: severity != Severity::Error, severity, found, cure }
    }
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Severity {
    /// It is as it should be.
    Ok,
    /// It works, and may hurt one day.
    Warning,
    /// It does not work.
    Error,
}

/// Looks at everything and fails when something is wrong.
pub(crate) async fn run(global: &Global, output: Output) -> anyhow::Result<Exit> {
    let settings = Settings::load(global, None)?;
    say_configuration(&settings, output);
    let mut findings = Vec::new();
    match settings.find_services() {
        Ok(None) => findings.push(look_at_folder(&settings.config.data_dir)),
        Ok(Some(services)) => findings.append(&mut look_at_services(&services).await),
        Err(error) => findings.push(Finding::bad("services", error.to_string(), "set both, or neither")),
    }
    findings.append(&mut exposure::look(&settings.config, configuration_file(global).as_deref()));
    let start = "start `paceline up`, or `paceline serve`";
    findings.push(look_at_server("api", &format!("{}/readyz", settings.config.api.url), start).await);
    if settings.config.simulator.place == SimulatorPlace::Elsewhere {
        let url = format!("{}/healthz", settings.config.simulator.url);
        findings
            .push(look_at_server("simulator", &url, "start `paceline simulator`, or set simulator.in_process").await);
    }
    let mut table = Table::new(&["", "WHAT", "FOUND", "CURE"]);
    for finding in &findings {
        output.emit(finding);
        let mark = match finding.severity {
            Severity::Ok => "ok",
            Severity::Warning => "!",
            Severity::Error => "!!",
        };
        let cure = finding.cure.clone().unwrap_or_default();
        table.add(vec![mark.to_owned(), finding.what.to_owned(), finding.found.clone(), cure]);
    }
    output.say(format!("\n{table}"));
    // A server that does not run is a finding, no fault: `check` is run before the first start as well.
    let broken = findings
        .iter()
        .any(|finding| finding.severity == Severity::Error && !matches!(finding.what, "api" | "simulator"));
    Ok(if broken { Exit::Failed } else { Exit::Done })
}

/// The file that the configuration came from, where there is one.
fn configuration_file(global: &Global) -> Option<std::path::PathBuf> {
    global.config.clone().or_else(|| std::env::var_os("PACELINE_CONFIG").map(Into::into))
}

fn say_configuration(settings: &Settings, output: Output) {
    let mut table = Table::new(&["KEY", "VALUE", "FROM"]);
    for explained in settings.config.explain() {
        let source = explained.source.as_ref().map(ToString::to_string);
        output.emit(&serde_json::json!({
            "event": "setting", "key": explained.key, "value": explained.value, "source": source,
        }));
        let value = explained.value.clone().unwrap_or_else(|| "–".to_owned());
        table.add(vec![explained.key.clone(), value, source.unwrap_or_default()]);
    }
    output.say(table.to_string());
}

async fn look_at_services(services: &Services) -> Vec<Finding> {
    let (mut findings, senders) = look_at_database(services).await;
    for finding in paceline_queue_rabbitmq::diagnose(&services.broker_options(), &senders).await {
        let severity = match finding.severity {
            paceline_queue_rabbitmq::Severity::Ok => Severity::Ok,
            paceline_queue_rabbitmq::Severity::Warning => Severity::Warning,
            paceline_queue_rabbitmq::Severity::Error => Severity::Error,
        };
        findings.push(Finding::of("broker", severity, finding.what, finding.cure));
    }
    findings
}

/// What the database says of itself, and the active senders, each of which a fleet gives a process with a connection.
async fn look_at_database(services: &Services) -> (Vec<Finding>, Vec<SenderId>) {
    // Where they cannot be listed, the diagnosis says why.
    let senders = list_senders(services).await.unwrap_or_default();
    let diagnosed = async {
        let mut options = services.database_options(Client::Server)?;
        options.max_connections = options.max_connections.saturating_add(u32::try_from(senders.len())?);
        anyhow::Ok(paceline_store_postgres::diagnose(&options).await?)
    };
    let findings = match diagnosed.await {
        Ok(findings) => findings,
        Err(error) => {
            let cure = "start it, or correct DATABASE_URL; `scripts/services up` starts one to try with";
            return (vec![Finding::bad("database", format!("{error:#}"), cure)], senders);
        }
    };
    let findings = findings.into_iter().map(|finding| {
        let severity = match finding.severity {
            paceline_store_postgres::Severity::Fine => Severity::Ok,
            paceline_store_postgres::Severity::Warning => Severity::Warning,
            paceline_store_postgres::Severity::Problem => Severity::Error,
        };
        Finding::of("database", severity, finding.what, finding.cure.map(str::to_owned))
    });
    (findings.collect(), senders)
}

async fn list_senders(services: &Services) -> anyhow::Result<Vec<SenderId>> {
    let minter = Arc::new(Minter::new(entropy::seed()?));
    let store = paceline_store_postgres::open(services.database_options(Client::Worker(1))?, minter).await?;
    let senders = store.list_fleet_senders(Which::Active).await?;
    store.close().await;
    Ok(senders.into_iter().map(|sender| sender.id).collect())
}

fn look_at_folder(folder: &Path) -> Finding {
    if !folder.exists() {
        return Finding::good(
            "data_dir",
            format!("{} does not exist yet; it is made at the first start", folder.display()),
        );
    }
    match DataDir::open(folder) {
        Ok(data) if data.database().exists() => {
            Finding::good("data_dir", format!("{} holds a database", folder.display()))
        }
        Ok(_) => Finding::good("data_dir", format!("{} is empty", folder.display())),
        // A process that runs there is the usual case.
        Err(error) if error.to_string().starts_with("another paceline") => Finding::good("data_dir", error.to_string()),
        Err(error) => Finding::bad("data_dir", format!("{error:#}"), "make it writable for this user, or set data_dir"),
    }
}

async fn look_at_server(what: &'static str, url: &str, cure: &str) -> Finding {
    let client = reqwest::Client::builder().no_proxy().timeout(std::time::Duration::from_secs(3)).build();
    let answer = match client {
        Ok(client) => client.get(url).send().await,
        Err(error) => Err(error),
    };
    match answer {
        Ok(answer) if answer.status().is_success() => Finding::good(what, format!("{url} is ready")),
        Ok(answer) => {
            let status = answer.status();
            let body = answer.text().await.unwrap_or_default();
            Finding::bad(what, format!("{url} answers {status}: {body}"), "its log says more")
        }
        Err(_) => Finding::bad(what, format!("{url} does not answer"), cure),
    }
}
