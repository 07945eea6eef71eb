//! Dashboards and alerts: their layout, that every expression parses, and that no panel is empty after a campaign, asked of a real
//! Prometheus on either stack.
//!
//! `PROMETHEUS=none` leaves out what takes the programs `prometheus` and `promtool`; where it is not set and they are missing, a test
//! fails.

mod dashboards;
mod expressions;
mod layout;
mod prometheus;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use paceline_e2e::{Audience, Installation, People, Receiver, ScenarioError, ScenarioResult, Stack, World, eventually};
use serde_json::json;

use self::{
    dashboards::{Panel, all},
    prometheus::Prometheus,
};
use crate::{
    bounds::{CAMPAIGN, SOON},
    stacks::on_both_stacks,
};

on_both_stacks![no_panel_is_empty_after_a_campaign];

/// The folder of dashboards and alerts.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../grafana")
}

/// Whether the programs of Prometheus are to be had; somebody has to say so where they are not.
fn prometheus_is_left_out() -> bool {
    let left_out = std::env::var("PROMETHEUS").is_ok_and(|word| word == "none");
    if left_out {
        say("PROMETHEUS=none: what a real Prometheus is asked for is left out");
    }
    left_out
}

/// A word for whoever reads the output of a test that did less than it could.
#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn say(word: &str) {
    eprintln!("{word}");
}

fn promtool(arguments: &[&str]) {
    let output = Command::new("promtool")
        .args(arguments)
        .current_dir(folder().join("alerts"))
        .output()
        .expect("promtool is installed (Debian: prometheus), or PROMETHEUS=none");
    let told = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "promtool {}:\n{told}", arguments.join(" "));
}

#[test]
fn every_expression_of_every_panel_parses() {
    if prometheus_is_left_out() {
        return;
    }
    let mut rules = vec!["groups:\n  - name: panels\n    rules:".to_owned()];
    for panel in all() {
        for (target, expression) in panel.expressions().iter().enumerate() {
            let expression = json!(expressions::filled_in(expression));
            let labels = json!({ "panel": panel.place(), "target": target.to_string() });
            rules.push(format!("      - {{record: panel, expr: {expression}, labels: {labels}}}"));
        }
    }
    let rules = rules.join("\n");
    let file = tempfile::NamedTempFile::with_suffix(".yml").expect("a file can be made");
    std::fs::write(file.path(), rules).expect("it can be written");
    promtool(&["check", "rules", &file.path().display().to_string()]);
}

#[test]
fn every_alert_fires_stays_quiet_and_ends_in_its_test() {
    if prometheus_is_left_out() {
        return;
    }
    promtool(&["check", "rules", "--lint=all", "--lint-fatal", "paceline.yml"]);
    promtool(&["test", "rules", "paceline.test.yml"]);
}

async fn no_panel_is_empty_after_a_campaign(stack: Stack) -> ScenarioResult<()> {
    if prometheus_is_left_out() {
        return Ok(());
    }
    let installation = Installation::on(stack)
        .await?
        .with("PACELINE_SERVER__SENDER_METRICS", "1")
        .with("PACELINE_WEBHOOKS__ALLOW_PRIVATE", "127.0.0.0/8")
        // A pause that is drawn and kept, and a budget that can be spent.
        .with_profile(
            "brisk",
            &[
                ("DAILY_CAP", "1000"),
                ("PER_SECOND", "20"),
                ("GAP__MEDIAN_SECONDS", "0.3"),
                ("GAP__SIGMA", "0.2"),
                ("GAP__MIN_SECONDS", "0.1"),
                ("GAP__MAX_SECONDS", "1"),
            ],
        );
    let mut world = World::start(installation, People::Lively).await?;
    let mut prometheus = Prometheus::start(&scraping(&world).await?)?;
    let receiver = Receiver::start().await?;
    let endpoint = world.api.post("/v1/webhook-endpoints", &json!({ "url": receiver.url })).await?.ok()?;
    receiver.expect(&endpoint);
    world.must_not_be_logged([endpoint["secret"].as_str().unwrap_or_default().to_owned()]);
    world.add_senders(2, "brisk").await?;
    world.senders_connected().await?;
    let campaign = world.submit(&Audience::mixed(31, 60)).await?;
    world.ended(&campaign, CAMPAIGN).await?;

    // Rates need two scrapes of what has risen.
    let panels: Vec<Panel> = all().into_iter().filter(|panel| panel.is_of(stack)).collect();
    eventually(
        "every expression of every panel has something to show",
        SOON.max(Duration::from_secs(45)),
        async || {
            let mut empty = Vec::new();
            for panel in &panels {
                for expression in panel.expressions() {
                    if prometheus.ask(&expressions::filled_in(&expression)).await?.is_empty() {
                        empty.push(format!("{}: {expression}", panel.place()));
                    }
                }
            }
            if empty.is_empty() { Ok(Some(())) } else { Err(ScenarioError::new(empty.join("\n"))) }
        },
    )
    .await?;
    named_and_labelled_as_shown(&mut prometheus, &panels).await?;
    senders_stand_by_their_ids(&world).await?;
    drop(prometheus);
    world.finish().await
}

/// Writes what Prometheus scrapes: every process, often.
async fn scraping(world: &World) -> ScenarioResult<String> {
    let fleet = world.api.get("/v1/fleet").await?.ok()?;
    let workers = fleet["workers"].as_array().into_iter().flatten().filter_map(|worker| worker["listen"].as_str());
    let server = world.api.url().trim_start_matches("http://");
    let targets: BTreeSet<&str> = workers.chain([server]).collect();
    let configuration = json!({
        "global": { "scrape_interval": "1s", "scrape_timeout": "1s" },
        "scrape_configs": [{ "job_name": "paceline", "static_configs": [{ "targets": targets }] }],
    });
    world.installation.write("prometheus.yml", configuration.to_string())
}

/// An expression that asks for more than one thing (`or`) is not empty for one of them alone: each name and label must be there.
async fn named_and_labelled_as_shown(prometheus: &mut Prometheus, panels: &[Panel]) -> ScenarioResult<()> {
    let metrics: BTreeSet<String> = prometheus.values_of("__name__").await?;
    for panel in panels {
        for expression in panel.expressions() {
            for name in expressions::metrics_of(&expression) {
                assert!(metrics.contains(&name), "{}: nobody shows {name}", panel.place());
                let series = prometheus.ask(&name).await?;
                for label in expressions::labels_of(&expression).into_iter().filter(|label| label != "le") {
                    // An expression may join metrics of different labels; that is told by `on`, which none does.
                    assert!(
                        series.iter().any(|labels| labels.contains_key(&label)),
                        "{}: {name} has no {label}",
                        panel.place()
                    );
                }
            }
        }
    }
    Ok(())
}

/// `/metrics/senders` shows as many senders as it may, each by its id, and says how many it leaves out.
async fn senders_stand_by_their_ids(world: &World) -> ScenarioResult<()> {
    let page = world.api.text("/metrics/senders").await?;
    let senders = world.api.list("/v1/senders").await?;
    let shown = senders.iter().filter(|sender| page.contains(sender["id"].as_str().unwrap_or("no id"))).count();
    assert_eq!(shown, 1, "{page}");
    assert!(page.contains("\npaceline_senders_left_out 1\n"), "{page}");
    assert!(page.contains("paceline_sender_spent_today{sender=\"snd_"), "{page}");
    for sender in &senders {
        let digits = sender["phone"].as_str().unwrap_or_default().trim_start_matches('+');
        assert!(!digits.is_empty() && !page.contains(digits), "a number stands on the page");
    }
    Ok(())
}
