//! What cannot be started says why, in one clear message and with its exit code.

use std::process::Output;

use paceline_e2e::{Installation, People, ScenarioResult, Stack, World};
use serde_json::Value;

use crate::{bounds::COMMAND, stacks::on_both_stacks};

on_both_stacks![while_the_network_is_away_messages_wait_and_then_go,];

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[tokio::test]
async fn every_problem_of_the_configuration_is_told_at_once_with_its_key() -> ScenarioResult<()> {
    let installation = Installation::new()?
        .with("PACELINE_SERVER__LISSTEN", "127.0.0.1:1")
        .with("PACELINE_SESSIONS__MASTER_KEY_FILE", "/nowhere/master-key")
        .with("PACELINE_API__KEY", "changeme")
        .with("PACELINE_WORKER__SLOTS", "many");
    let output = installation.run(&["up"], COMMAND).await?;
    assert_eq!(output.status.code(), Some(3));
    let told = stderr(&output);
    for part in [
        "server.lissten",
        "sessions.master_key_file",
        "/nowhere/master-key",
        "api.key",
        "everybody knows",
        "worker.slots",
    ] {
        assert!(told.contains(part), "{part} is missing in:\n{told}");
    }
    assert!(!told.contains("changeme"), "a secret is never shown, not even a bad one");
    assert!(!installation.data_dir().exists(), "nothing was made");
    Ok(())
}

#[tokio::test]
async fn problems_of_a_file_name_the_file() -> ScenarioResult<()> {
    let installation = Installation::new()?;
    let file = installation.write("paceline.toml", "[server]\nlisten_on = \"x\"\n[sever]\nlisten = \"y\"\n")?;
    let output = installation.run(&["up", "--config", &file], COMMAND).await?;
    assert_eq!(output.status.code(), Some(3));
    let told = stderr(&output);
    assert!(
        told.contains("server.listen_on") && told.contains("sever.listen") && told.contains("paceline.toml"),
        "{told}"
    );
    Ok(())
}

#[tokio::test]
async fn the_example_key_of_the_reference_is_refused() -> ScenarioResult<()> {
    let installation =
        Installation::new()?.with("PACELINE_SESSIONS__MASTER_KEY", "cGFjZWxpbmUtZXhhbXBsZS1rZXktZG8tbm90LXVzZSE=");
    let output = installation.run(&["up"], COMMAND).await?;
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).contains("sessions.master_key"), "{}", stderr(&output));
    Ok(())
}

/// The two, as somebody writes them who has no such servers.
const SERVICES: [(&str, &str); 2] =
    [("DATABASE_URL", "postgres://paceline@localhost/paceline"), ("AMQP_URL", "amqp://paceline@localhost/%2f")];

#[tokio::test]
async fn one_service_without_the_other_is_refused_and_both_are_named() -> ScenarioResult<()> {
    for (variable, url) in SERVICES {
        let installation = Installation::new()?.with(variable, url);
        for command in ["up", "migrate", "serve", "worker", "fleet"] {
            let output = installation.run(&[command], COMMAND).await?;
            assert_eq!(output.status.code(), Some(3), "{command} with {variable}");
            for (name, _) in SERVICES {
                assert!(stderr(&output).contains(name), "{command} with {variable}: {}", stderr(&output));
            }
        }
        assert!(!installation.data_dir().exists(), "nothing was made");
    }
    Ok(())
}

#[tokio::test]
async fn what_needs_both_services_is_refused_without_them_and_the_cure_is_named() -> ScenarioResult<()> {
    let installation = Installation::new()?;
    for command in ["serve", "worker", "fleet"] {
        let output = installation.run(&[command], COMMAND).await?;
        assert_eq!(output.status.code(), Some(3), "{command}");
        for part in [command, "DATABASE_URL", "AMQP_URL", "scripts/services up"] {
            assert!(stderr(&output).contains(part), "{part} is missing in: {}", stderr(&output));
        }
    }
    assert!(!installation.data_dir().exists(), "nothing was made");
    Ok(())
}

#[tokio::test]
async fn a_folder_in_use_is_refused_and_its_owner_goes_on() -> ScenarioResult<()> {
    let mut world = World::start(Installation::new()?, People::Inside).await?;
    world.add_senders(1, "unlimited").await?;
    let lease = world.senders_connected().await?[0]["lease"]["epoch"].clone();
    assert!(lease.is_u64(), "{lease}");
    for command in ["up", "migrate"] {
        let output = world.installation.run(&[command, "--json"], COMMAND).await?;
        assert_eq!(output.status.code(), Some(1));
        assert!(stderr(&output).contains("another paceline process is using"), "{}", stderr(&output));
        let line: Value = serde_json::from_slice(&output.stdout)?;
        assert_eq!(line["event"], "error", "{line}");
    }
    assert_eq!(world.api.get("/readyz").await?.status, 200);
    assert_eq!(world.senders_connected().await?[0]["lease"]["epoch"], lease, "it holds its sender as before");
    world.finish().await
}

#[tokio::test]
async fn a_database_that_is_none_is_refused_and_left_as_it_is() -> ScenarioResult<()> {
    let installation = Installation::new()?;
    std::fs::create_dir_all(installation.data_dir())?;
    let database = installation.data_dir().join("paceline.db");
    let garbage = b"these are my holiday photos, not a database\n".repeat(200);
    std::fs::write(&database, &garbage)?;
    let output = installation.run(&["up"], COMMAND).await?;
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    assert!(told.contains("database"), "{told}");
    assert!(!told.contains("panicked"), "{told}");
    assert_eq!(std::fs::read(&database)?, garbage);
    Ok(())
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_made_is_told() -> ScenarioResult<()> {
    let installation = Installation::new()?;
    let file = installation.write("occupied", "a file")?;
    let installation = installation.with("PACELINE_DATA_DIR", &file);
    let output = installation.run(&["up"], COMMAND).await?;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&file), "{}", stderr(&output));
    Ok(())
}

#[tokio::test]
async fn an_address_in_use_is_told() -> ScenarioResult<()> {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = taken.local_addr()?.to_string();
    let output = Installation::new()?.run(&["up", "--listen", &address], COMMAND).await?;
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&address), "{}", stderr(&output));
    Ok(())
}

#[tokio::test]
async fn a_wrong_command_line_exits_with_two() -> ScenarioResult<()> {
    let installation = Installation::new()?;
    for arguments in
        [&["fly"][..], &["campaign", "submit"], &["demo", "--recipients", "-3"], &["up", "--listen", "here"], &[]]
    {
        let output = installation.run(arguments, COMMAND).await?;
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    }
    Ok(())
}

async fn while_the_network_is_away_messages_wait_and_then_go(stack: Stack) -> ScenarioResult<()> {
    // Nothing listens there yet: the port was free a moment ago.
    let reserved = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = reserved.local_addr()?.to_string();
    drop(reserved);
    let installation = Installation::on(stack)
        .await?
        .with("PACELINE_SIMULATOR__URL", &format!("http://{address}"))
        .with("PACELINE_SIMULATOR__IN_PROCESS", "false");
    let mut up = installation.start(&["up"])?;
    let key = up.event("api_key", COMMAND).await?["key"].as_str().unwrap_or_default().to_owned();
    let ready = up.event("ready", COMMAND).await?;
    let api = paceline_e2e::Api::new(ready["api"].as_str().unwrap_or_default(), &key)?;
    api.post("/v1/senders", &serde_json::json!({ "phone": "+15550200001", "profile": "unlimited" })).await?.ok()?;
    let message = api.post("/v1/messages", &serde_json::json!({ "to": "+4915112345678", "text": "Hi" })).await?.ok()?;
    let path = format!("/v1/messages/{}", message["id"].as_str().unwrap_or_default());
    let story = api.get(&path).await?.ok()?;
    assert_eq!(story["state"], "waiting", "{story}");
    assert_ne!(story["why"]["code"], "ready", "{story}");

    let _network = installation.start(&["simulator", "--listen", &address, "--quiet"])?;
    paceline_e2e::eventually("the message is sent", COMMAND, async || {
        Ok((api.get(&path).await?.ok()?["state"] == "sent").then_some(()))
    })
    .await
}
