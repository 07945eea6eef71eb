//! `paceline check`: the configuration and the services it names, each finding with its cure.

use std::path::Path;

use paceline_config::SimulatorPlace;
use serde::Serialize;

use crate::{arguments::Global, data_dir::DataDir, exit::Exit, output::Output, settings::Settings, table::Table};

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    event: &'static str,
    what: &'static str,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
}

impl Finding {
    fn good(what: &'static str, found: String) -> Self {
        Self { event: "finding", what, ok: true, found, cure: None }
    }

    fn bad(what: &'static str, found: String, cure: impl Into<String>) -> Self {
        Self { event: "finding", what, ok: false, found, cure: Some(cure.into()) }
    }
}

/// Looks at everything and fails when something is wrong.
pub(crate) async fn run(global: &Global, output: Output) -> anyhow::Result<Exit> {
    let settings = Settings::load(global, None)?;
    say_configuration(&settings, output);
    let mut findings = Vec::new();
    if let Err(error) = settings.embedded_only() {
        findings.push(Finding::bad(
            "services",
            error.to_string(),
            "the fleet on a database and a broker comes with a later version",
        ));
    }
    findings.push(look_at_folder(&settings.config.data_dir));
    findings.push(look_at_server("api", &format!("{}/readyz", settings.config.api.url), "start `paceline up`").await);
    if settings.config.simulator.place == SimulatorPlace::Elsewhere {
        let url = format!("{}/healthz", settings.config.simulator.url);
        findings
            .push(look_at_server("simulator", &url, "start `paceline simulator`, or set simulator.in_process").await);
    }
    let mut table = Table::new(&["", "WHAT", "FOUND", "CURE"]);
    for finding in &findings {
        output.emit(finding);
        let mark = if finding.ok { "ok" } else { "!!" };
        let cure = finding.cure.clone().unwrap_or_default();
        table.add(vec![mark.to_owned(), finding.what.to_owned(), finding.found.clone(), cure]);
    }
    output.say(format!("\n{table}"));
    // A server that does not run is a finding, no fault: `check` is run before the first start as well.
    let broken = findings.iter().any(|finding| !finding.ok && !matches!(finding.what, "api" | "simulator"));
    Ok(if broken { Exit::Failed } else { Exit::Done })
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
