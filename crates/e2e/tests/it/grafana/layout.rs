//! The rules of layout: those of Grafana's own linter for dashboards, and ours.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    dashboards::{Dashboard, Panel, every},
    expressions, folder,
};

/// No more than a dozen panels a dashboard: what is more is not read.
const MOST_PANELS: usize = 12;

/// Units of Grafana's that we use.
const UNITS: [&str; 11] =
    ["none", "short", "s", "bytes", "percentunit", "ops", "opm", "mps", "eps", "reqps", "percent"];

#[test]
fn there_are_the_six_that_are_promised() {
    let names: Vec<String> = every().into_iter().map(|dashboard| dashboard.name).collect();
    assert_eq!(names, ["api", "delivery", "fleet", "overview", "senders", "stores"]);
}

#[test]
fn every_dashboard_keeps_to_the_rules() {
    let uids: BTreeSet<String> = every().iter().map(|dashboard| text(&dashboard.body, "uid")).collect();
    for dashboard in every() {
        let Dashboard { name, body } = &dashboard;
        assert!(!text(body, "title").is_empty() && !text(body, "description").is_empty(), "{name}");
        assert_eq!(body["editable"], false, "{name}: what is provisioned is changed in its file");
        variables(name, body);
        let linked: BTreeSet<String> = items(body, "links").map(|link| text(link, "url")).collect();
        let others = uids.iter().filter(|&uid| *uid != text(body, "uid")).map(|uid| format!("/d/{uid}")).collect();
        assert_eq!(linked, others, "{name} links to each of the others");
        assert!(items(body, "links").all(|link| link["includeVars"] == true && link["keepTime"] == true), "{name}");
        let panels = dashboard.panels();
        assert!((1..=MOST_PANELS).contains(&panels.len()), "{name} has {} panels", panels.len());
        let ids: BTreeSet<u64> = panels.iter().filter_map(|panel| panel.body["id"].as_u64()).collect();
        assert_eq!(ids.len(), panels.len(), "{name}: every panel has an id of its own");
        panels.iter().for_each(check_panel);
    }
}

fn variables(name: &str, body: &Value) {
    let variables: Vec<&Value> = items(&body["templating"], "list").collect();
    let names: Vec<String> = variables.iter().map(|variable| text(variable, "name")).collect();
    assert_eq!(names, ["datasource", "job", "instance", "channel"], "{name}");
    assert_eq!(variables[0]["type"], "datasource", "{name}");
    for variable in &variables[1..] {
        assert_eq!(variable["multi"], true, "{name}: {variable}");
        assert_eq!(variable["allValue"], ".+", "{name}: {variable}");
        assert_eq!(variable["refresh"], 2, "{name}: asked again when the time changes");
        assert_eq!(variable["datasource"]["uid"], "${datasource}", "{name}");
    }
}

fn check_panel(panel: &Panel) {
    let place = panel.place();
    let title = panel.text("title");
    assert!(title.ends_with('?') || title.starts_with("What needs a person: "), "{place}: the title is a question");
    assert!(panel.text("description").len() > 40, "{place}: the description says what to do");
    let unit = panel.body["fieldConfig"]["defaults"]["unit"].as_str().unwrap_or_default();
    assert!(UNITS.contains(&unit), "{place}: {unit:?} is no unit");
    assert_eq!(panel.body["datasource"]["uid"], "${datasource}", "{place}");
    assert!(!panel.expressions().is_empty(), "{place} asks nothing");
    for expression in panel.expressions() {
        check_expression(&place, &expression);
    }
}

fn check_expression(place: &str, expression: &str) {
    let selectors = expression.matches('{').count();
    for variable in ["job=~\"$job\"", "instance=~\"$instance\""] {
        assert_eq!(expression.matches(variable).count(), selectors, "{place}: each selector has {variable}");
    }
    assert!(selectors > 0, "{place}: {expression}");
    let ranges =
        ["[$__rate_interval]", "[$__range]"].map(|range| expression.matches(range).count()).iter().sum::<usize>();
    assert_eq!(expression.matches('[').count(), ranges, "{place}: ranges are Grafana's");
    for name in
        expressions::metrics_of(expression).iter().filter(|name| name.ends_with("_total") || name.ends_with("_bucket"))
    {
        for (at, _) in expression.match_indices(name.as_str()) {
            let before = &expression[..at];
            let counted = before.ends_with("rate(") || before.ends_with("increase(");
            assert!(counted, "{place}: the counter {name} is read raw");
        }
    }
}

#[test]
fn every_alert_has_a_severity_a_sentence_what_to_do_and_its_heading() {
    let rules = read("alerts/paceline.yml");
    let (runbooks, tests) = (read("runbooks.md"), read("alerts/paceline.test.yml"));
    let headings: BTreeSet<&str> = runbooks.lines().filter_map(|line| line.strip_prefix("## ")).collect();
    let alerts: Vec<&str> = rules.split("- alert: ").skip(1).collect();
    let names: BTreeSet<&str> = alerts.iter().filter_map(|alert| alert.lines().next()).collect();
    assert_eq!(names, headings, "alerts on the left, runbooks on the right");
    assert_eq!(names.len(), alerts.len());
    for alert in alerts {
        let name = alert.lines().next().unwrap_or_default();
        let severity = alert.split("severity: ").nth(1).and_then(|rest| rest.split('}').next());
        assert!(matches!(severity, Some("info" | "warning" | "critical")), "{name}");
        for key in ["summary: '", "action: '"] {
            assert!(alert.contains(key), "{name} lacks {key}");
        }
        let heading = format!("runbook_url: 'grafana/runbooks.md#{}'", name.to_lowercase());
        assert!(alert.contains(&heading), "{name}: {heading}");
        assert_eq!(tests.matches(&format!("alertname=\"{name}\"")).count(), 3, "{name} is quiet, fires, and ends");
    }
}

fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn items<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_default().to_owned()
}
