//! The marketer's and the operator's commands against a running server, with their exit codes.

use std::{collections::BTreeMap, process::Output};

use paceline_e2e::{Audience, Installation, People, ScenarioError, ScenarioResult, Stack, World};
use serde_json::Value;

use crate::{bounds::COMMAND, stacks::on_both_stacks};

on_both_stacks![
    a_marketer_submits_watches_and_reports_a_campaign,
    a_campaign_is_halted_resumed_and_ended_by_command,
    an_operator_keeps_senders_by_command,
    refusals_and_absent_servers_have_their_exit_codes,
];

/// An installation of somebody who talks to the server from elsewhere.
fn client(world: &World) -> ScenarioResult<Installation> {
    Ok(Installation::new()?.with("PACELINE_API__URL", world.api.url()).with("PACELINE_API__KEY", world.key()))
}

async fn run(client: &Installation, arguments: &[&str]) -> ScenarioResult<Output> {
    client.run(arguments, COMMAND).await
}

/// Runs a command with `--json` that must end well; answers with its objects.
async fn objects(client: &Installation, arguments: &[&str]) -> ScenarioResult<Vec<Value>> {
    let output = run(client, &[arguments, &["--json"]].concat()).await?;
    let told = || String::from_utf8_lossy(&output.stderr).into_owned();
    if !output.status.success() {
        return Err(ScenarioError::new(format!("{arguments:?}: {}: {}", output.status, told())));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines()
        .map(|line| serde_json::from_str(line).map_err(|_| ScenarioError::new(format!("no JSON: {line}"))))
        .collect()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

async fn a_marketer_submits_watches_and_reports_a_campaign(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(Installation::on(stack).await?, People::Quiet).await?;
    world.add_senders(3, "unlimited").await?;
    let client = client(&world)?;
    let audience = Audience::ordinary(95, 150);
    let file = client.write("people.csv", format!("{}not a number,Nobody\n", audience.csv()))?;
    let submit = ["campaign", "submit", "--csv", &file, "--template", "{Hi|Hello} {{ name }}", "--watch"];
    let told = objects(&client, &submit).await?;
    let events: Vec<_> = told.iter().filter_map(|object| object["event"].as_str()).collect();
    assert_eq!(&events[..4], ["created", "uploaded", "preview", "started"], "{events:?}");
    assert!(events[4..].iter().all(|event| *event == "progress"), "{events:?}");
    let last = &told[told.len() - 1]["progress"];
    assert_eq!((&last["state"], &last["account"]["sent"]), (&"completed".into(), &150.into()), "{last}");
    let id = last["id"].as_str().unwrap_or_default();
    world.all_saw_it_once(id, &audience).await?;

    let status = objects(&client, &["campaign", "status", id]).await?;
    assert_eq!((status.len(), &status[0]["account"]["balanced"]), (1, &true.into()), "{status:?}");
    let listed = objects(&client, &["campaign", "list"]).await?;
    assert_eq!((listed.len(), &listed[0]["id"]), (1, &id.into()), "{listed:?}");
    let shown = text(&run(&client, &["campaign", "status", id]).await?);
    assert!(shown.contains("completed") && shown.contains("planned 150"), "{shown}");
    assert_report(&client, id, &audience).await?;
    world.finish().await
}

/// Every row of the file is in the report once, with what became of it.
async fn assert_report(client: &Installation, campaign: &str, audience: &Audience) -> ScenarioResult<()> {
    let file = client.folder().join("report.csv").display().to_string();
    let output = run(client, &["campaign", "report", campaign, "--output", &file]).await?;
    assert!(output.status.success());
    let mut reader = csv::Reader::from_path(&file).map_err(|error| ScenarioError::new(error.to_string()))?;
    let lines: Vec<BTreeMap<String, String>> =
        reader.deserialize().collect::<Result<_, _>>().map_err(|error| ScenarioError::new(error.to_string()))?;
    let mut rows: Vec<usize> = lines.iter().filter_map(|line| line["row"].parse().ok()).collect();
    rows.sort_unstable();
    assert_eq!(rows, (1..=audience.phones().len() + 1).collect::<Vec<_>>(), "each row of the file once");
    for line in &lines[..] {
        let row: usize = line["row"].parse().unwrap_or_default();
        match audience.phones().get(row - 1) {
            Some(phone) => assert_eq!((&line["phone"], line["bucket"].as_str()), (phone, "sent"), "{line:?}"),
            None => assert_eq!((line["bucket"].as_str(), line["reason"].as_str()), ("excluded", "invalid_phone")),
        }
    }
    let printed = text(&run(client, &["campaign", "report", campaign]).await?);
    assert_eq!(printed, std::fs::read_to_string(&file)?, "on standard output the same");
    Ok(())
}

async fn a_campaign_is_halted_resumed_and_ended_by_command(stack: Stack) -> ScenarioResult<()> {
    let mut world = World::start(Installation::on(stack).await?, People::Quiet).await?;
    world.add_senders(1, "gentle").await?;
    let client = client(&world)?;
    let file = client.write("people.csv", Audience::ordinary(96, 20).csv())?;
    let told = objects(&client, &["campaign", "submit", "--csv", &file, "--template", "Hi", "--draft"]).await?;
    let id = told[0]["campaign"]["id"].as_str().unwrap_or_default();
    assert_eq!(world.progress(id).await?["state"], "draft");
    let early = run(&client, &["campaign", "pause", id]).await?;
    assert_eq!(early.status.code(), Some(5), "a draft cannot be paused");
    assert!(String::from_utf8_lossy(&early.stderr).contains("draft"));
    world.api.act(&format!("/v1/campaigns/{id}/start")).await?.ok()?;
    for (action, state) in [("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")] {
        let moved = objects(&client, &["campaign", action, id]).await?;
        assert_eq!(moved[0]["state"], state);
    }
    let watched = objects(&client, &["campaign", "watch", id]).await?;
    assert_eq!(watched.last().map(|last| &last["progress"]["state"]), Some(&"cancelled".into()));
    world.finish().await
}

async fn an_operator_keeps_senders_by_command(stack: Stack) -> ScenarioResult<()> {
    let world = World::start(Installation::on(stack).await?, People::Quiet).await?;
    let client = client(&world)?;
    let phone = "+15550300001";
    let add = [
        "sender",
        "add",
        phone,
        "--profile",
        "brisk",
        "--pool",
        "news",
        "--name",
        "Front desk",
        "--timezone",
        "Europe/Berlin",
    ];
    let added = objects(&client, &add).await?;
    let id = added[0]["id"].as_str().unwrap_or_default().to_owned();
    assert_eq!(
        (&added[0]["profile"], &added[0]["pools"]),
        (&"brisk".into(), &serde_json::json!(["news"])),
        "{added:?}"
    );
    assert_eq!(run(&client, &["sender", "add", phone]).await?.status.code(), Some(5), "it is there already");
    world.senders_connected().await?;
    let listed = objects(&client, &["sender", "list"]).await?;
    assert_eq!((listed.len(), &listed[0]["session"]["state"]), (1, &"connected".into()), "{listed:?}");
    let shown = text(&run(&client, &["sender", "list"]).await?);
    assert!(shown.contains(phone) && shown.contains("brisk"), "{shown}");
    // By number and by id.
    assert_eq!(objects(&client, &["sender", "pause", phone]).await?[0]["state"], "paused");
    assert_eq!(objects(&client, &["sender", "resume", &id]).await?[0]["state"], "active");
    let pairing = objects(&client, &["sender", "pair", phone]).await?;
    assert_eq!(pairing.len(), 1);
    assert_eq!(objects(&client, &["sender", "remove", phone]).await?[0]["event"], "removed");
    assert!(objects(&client, &["sender", "list"]).await?.is_empty());
    assert_eq!(run(&client, &["sender", "pause", phone]).await?.status.code(), Some(5), "nobody has that number now");
    world.finish().await
}

async fn refusals_and_absent_servers_have_their_exit_codes(stack: Stack) -> ScenarioResult<()> {
    let world = World::start(Installation::on(stack).await?, People::Inside).await?;
    let client = client(&world)?;
    let unknown = run(&client, &["campaign", "status", "cmp_00000000000000000000000000000000", "--json"]).await?;
    assert_eq!(unknown.status.code(), Some(5));
    let line: Value = serde_json::from_slice(&unknown.stdout)?;
    assert_eq!((&line["event"], &line["problem"]["status"]), (&"error".into(), &404.into()), "{line}");
    let file = client.write("names.csv", "name\nAda\n")?;
    let refused = run(&client, &["campaign", "submit", "--csv", &file, "--template", "Hi"]).await?;
    assert_eq!(refused.status.code(), Some(5));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("phone"));
    let absent = run(&client, &["campaign", "submit", "--csv", "/nowhere.csv", "--template", "Hi"]).await?;
    assert_eq!(absent.status.code(), Some(1));

    let nobody =
        Installation::new()?.with("PACELINE_API__URL", "http://127.0.0.1:1").with("PACELINE_API__KEY", world.key());
    assert_eq!(run(&nobody, &["sender", "list"]).await?.status.code(), Some(6));
    let keyless = Installation::new()?.with("PACELINE_API__URL", world.api.url());
    let refused = run(&keyless, &["sender", "list"]).await?;
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("PACELINE_API__KEY"));
    let stranger =
        Installation::new()?.with("PACELINE_API__URL", world.api.url()).with("PACELINE_API__KEY", "pl_stranger");
    assert_eq!(run(&stranger, &["sender", "list"]).await?.status.code(), Some(5));
    world.finish().await
}

#[tokio::test]
async fn check_explains_every_setting_and_migrate_prepares_a_folder() -> ScenarioResult<()> {
    let installation =
        Installation::new()?.with("PACELINE_SESSIONS__MASTER_KEY", "c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3JlISE=");
    let found = objects(&installation, &["check"]).await?;
    let setting = |key: &str| found.iter().find(|line| line["event"] == "setting" && line["key"] == key);
    assert_eq!(setting("server.listen").map(|line| line["value"].clone()), Some("\"127.0.0.1:0\"".into()));
    assert!(
        setting("server.listen").is_some_and(|line| line["source"].to_string().contains("PACELINE_SERVER__LISTEN"))
    );
    assert!(!format!("{found:?}").contains("c2l4dGVlbiBieXRlcy"), "a secret is never shown");
    let findings: Vec<_> = found.iter().filter(|line| line["event"] == "finding").collect();
    assert!(findings.iter().any(|line| line["what"] == "data_dir" && line["ok"] == true), "{findings:?}");
    assert!(findings.iter().any(|line| line["what"] == "api" && line["cure"].is_string()), "{findings:?}");

    let migrated = objects(&installation, &["migrate"]).await?;
    assert_eq!(migrated[0]["event"], "migrated");
    assert!(installation.data_dir().join("paceline.db").is_file());
    assert_eq!(objects(&installation, &["migrate"]).await?[0]["event"], "migrated", "it may be run again");
    // The first start after it still shows the key.
    let mut up = installation.start(&["up"])?;
    up.event("api_key", COMMAND).await?;
    up.event("ready", COMMAND).await?;
    up.stop(COMMAND).await
}
