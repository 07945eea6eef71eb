//! `paceline demo`: a campaign from a CSV file to the last receipt, judged by the network's own journal.

use std::{collections::BTreeSet, process::Output, time::Duration};

use paceline_e2e::{Installation, ScenarioError, ScenarioResult};
use serde_json::{Value, json};

use crate::bounds::COMMAND;

const DEMO: Duration = Duration::from_mins(1);
/// Fast enough for a test: the pace stays that of the default profile.
const FAST: &str = "5000";

/// The fields of the summary, and no others.
const FIELDS: [&str; 16] = [
    "event",
    "planned",
    "excluded",
    "sent",
    "delivered",
    "read",
    "replied",
    "opted_out",
    "failed",
    "unknown",
    "expired",
    "cancelled",
    "waiting",
    "balanced",
    "network",
    "seconds",
];

/// A file as a spreadsheet of a German office writes it: BOM, semicolons, CRLF, its own column names, no country codes.
const OWN: &str = "\u{feff}Kunde;Mobil;Ort\r\n\
    \"Groß; Ute\";0151 23456741;Köln\r\n\
    Jörg;0151-23456742;Bonn\r\n\
    \"Zeile\r\nzwei\";+49 151 23456743;Ulm\r\n\
    Jörg noch einmal;004915123456742;Bonn\r\n\
    Niemand;12;Kiel\r\n\
    ;015123456744;Jena\r\n\
    zu;viele;Spalten;hier\r\n";

async fn demo(arguments: &[&str]) -> ScenarioResult<(Installation, Output)> {
    let installation = Installation::new()?;
    let output = installation.run(&[&["demo", "--json", "--speed", FAST], arguments].concat(), DEMO).await?;
    Ok((installation, output))
}

/// The last line, which must be the summary.
fn summary(output: &Output) -> ScenarioResult<Value> {
    let text = String::from_utf8_lossy(&output.stdout);
    let objects: Vec<Value> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let last = objects.last().filter(|last| last["event"] == "summary").cloned();
    last.ok_or_else(|| {
        ScenarioError::new(format!("no summary; standard error: {}", String::from_utf8_lossy(&output.stderr)))
    })
}

fn count(summary: &Value, key: &str) -> u64 {
    summary[key].as_u64().unwrap_or_else(|| panic!("{key} is not a count in {summary}"))
}

/// What holds for every demo that ended well.
fn assert_sound(summary: &Value) {
    let found: BTreeSet<_> = summary.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(found, FIELDS.into(), "the fields of the summary");
    let network: BTreeSet<_> = summary["network"].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(network, BTreeSet::from(["physical_sends", "distinct_messages", "duplicates", "repeats_dropped"]));
    assert_eq!(summary["balanced"], true);
    assert!(summary["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
    let buckets = ["sent", "failed", "unknown", "expired", "cancelled", "waiting"].map(|key| count(summary, key));
    assert_eq!(buckets.iter().sum::<u64>(), count(summary, "planned"), "the buckets partition: {summary}");
    assert!(
        count(summary, "sent") >= count(summary, "delivered") && count(summary, "delivered") >= count(summary, "read")
    );
    assert!(count(summary, "replied") >= count(summary, "opted_out"), "an opt-out is a reply");
    let network = &summary["network"];
    assert_eq!((count(network, "duplicates"), count(network, "repeats_dropped")), (0, 0), "{network}");
    assert_eq!(count(network, "physical_sends"), count(summary, "sent"), "{summary}");
    assert_eq!(count(network, "distinct_messages"), count(summary, "sent"), "{summary}");
}

#[tokio::test]
async fn the_sample_ends_balanced_with_what_its_readme_promises() -> ScenarioResult<()> {
    let (installation, output) = demo(&[]).await?;
    let summary = summary(&output)?;
    assert_eq!(output.status.code(), Some(0), "{summary}");
    assert_sound(&summary);
    assert_eq!(count(&summary, "planned"), 258);
    assert_eq!(
        summary["excluded"],
        json!({ "duplicate": 12, "invalid_phone": 10, "malformed_row": 10, "missing_variable": 10 })
    );
    assert_eq!((count(&summary, "failed"), count(&summary, "opted_out")), (10, 12), "not on WhatsApp, STOP: {summary}");
    assert!(count(&summary, "replied") >= 52, "{summary}");
    open_again(&installation).await
}

/// `paceline up` opens what the demo left, and has the same account.
async fn open_again(installation: &Installation) -> ScenarioResult<()> {
    let parent = installation.folder().join("paceline-demo");
    let folder =
        std::fs::read_dir(&parent)?.next().ok_or_else(|| ScenarioError::new("the demo left no folder"))??.path();
    let folder = folder.display().to_string();
    let mut up = installation.start(&["up", "--data-dir", &folder])?;
    let ready = up.event("ready", COMMAND).await?;
    assert!(ready["database"].as_str().is_some_and(|database| database.starts_with(&folder)), "{ready}");
    let metrics = paceline_e2e::Api::new(ready["api"].as_str().unwrap_or_default(), "")?;
    let planned = paceline_e2e::eventually("the account is shown", COMMAND, async || {
        let page = metrics.text("/metrics").await?;
        Ok(page.contains("paceline_messages{bucket=\"planned\"} 258").then_some(page))
    })
    .await?;
    assert!(planned.contains("paceline_account_imbalance 0"));
    up.stop(COMMAND).await
}

#[tokio::test]
async fn the_same_seed_gives_the_same_people_and_another_seed_the_same_exclusions() -> ScenarioResult<()> {
    let run = async |seed: &str| summary(&demo(&["--seed", seed, "--recipients", "120"]).await?.1);
    let (one, same, other) = tokio::join!(run("7"), run("7"), run("8"));
    let (one, same, other) = (one?, same?, other?);
    for key in ["planned", "excluded", "failed", "opted_out"] {
        assert_eq!(one[key], same[key], "{key}");
        assert_eq!(one[key], other[key], "{key}: decided by the file, whatever the seed");
    }
    for summary in [one, same, other] {
        assert_sound(&summary);
    }
    Ok(())
}

#[tokio::test]
async fn a_file_of_the_users_own_is_sent_with_their_template_column_and_region() -> ScenarioResult<()> {
    let installation = Installation::new()?;
    let file = installation.write("kunden.csv", OWN)?;
    let arguments = ["demo", "--json", "--speed", FAST, "--csv", &file, "--phone-column", "Mobil", "--region", "DE"];
    let template = "{Hallo|Guten Tag} {{ Kunde }} aus {{ Ort }}!";
    let output = installation.run(&[&arguments[..], &["--template", template]].concat(), DEMO).await?;
    let summary = summary(&output)?;
    assert_eq!(output.status.code(), Some(0), "{summary}");
    assert_sound(&summary);
    assert_eq!(count(&summary, "planned"), 3, "{summary}");
    assert_eq!(
        summary["excluded"],
        json!({ "duplicate": 1, "invalid_phone": 1, "malformed_row": 1, "missing_variable": 1 })
    );
    Ok(())
}

#[tokio::test]
async fn more_people_than_the_sample_has_are_made_up() -> ScenarioResult<()> {
    let (_installation, output) = demo(&["--recipients", "900", "--senders", "30"]).await?;
    let summary = summary(&output)?;
    assert_eq!(output.status.code(), Some(0), "{summary}");
    assert_sound(&summary);
    assert_eq!(count(&summary, "planned"), 258 + 600);
    Ok(())
}

#[tokio::test]
async fn a_file_without_a_phone_column_is_refused_with_what_was_found() -> ScenarioResult<()> {
    let installation = Installation::new()?;
    let file = installation.write("names.csv", "name,city\nAda,London\n")?;
    let output = installation.run(&["demo", "--csv", &file], COMMAND).await?;
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.contains("phone") && told.contains("name") && told.contains("city"), "{told}");
    let missing = installation.run(&["demo", "--csv", "/nowhere/people.csv"], COMMAND).await?;
    assert!(!missing.status.success());
    assert!(String::from_utf8_lossy(&missing.stderr).contains("/nowhere/people.csv"));
    Ok(())
}

#[tokio::test]
async fn a_person_reads_a_report_and_how_to_open_the_database() -> ScenarioResult<()> {
    let installation = Installation::new()?;
    let output = installation.run(&["demo", "--recipients", "40", "--speed", FAST], DEMO).await?;
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let report = String::from_utf8_lossy(&output.stdout);
    for part in [
        "planned",
        "excluded",
        "delivered",
        "opted out",
        "account    balanced",
        "SENDER",
        "paceline up --data-dir",
        "the first message: ",
    ] {
        assert!(report.contains(part), "{part:?} is missing in:\n{report}");
    }
    Ok(())
}
