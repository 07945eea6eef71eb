//! The operator's look at dead letters, over the API.

use serde_json::{Value, json};

use crate::{
    arguments::{Dead, ListDead, ReplayDead},
    client::{Client, ClientError},
    output::Output,
    table::Table,
};

/// Runs one command.
pub(crate) async fn run(command: Dead, client: &Client, output: Output) -> anyhow::Result<()> {
    match command {
        Dead::List(list) => show(&list, client, output).await,
        Dead::Replay(replay) if replay.all => replay_all(client, output).await,
        Dead::Replay(ReplayDead { letters, .. }) => {
            for letter in &letters {
                replay(letter, client, output).await?;
            }
            Ok(())
        }
    }
}

async fn show(list: &ListDead, client: &Client, output: Output) -> anyhow::Result<()> {
    let which = if list.all { "all" } else { "waiting" };
    let include = if list.body { "&include=body" } else { "" };
    let mut table = Table::new(&["LETTER", "KIND", "REASON", "SENDER", "RESULT", "MESSAGES", "RECEIVED", "REPLAYED"]);
    for letter in client.list(&format!("/v1/dead-letters?show={which}{include}")).await? {
        output.emit(&letter);
        table.add(row(&letter));
        if list.body {
            table.add(vec![format!("  {}", letter["body"])]);
        }
    }
    output.say(table.to_string());
    Ok(())
}

/// Each alone, so that one that is refused does not keep the others.
async fn replay_all(client: &Client, output: Output) -> anyhow::Result<()> {
    let (mut replayed, mut refused) = (0_u32, 0_u32);
    for letter in client.list("/v1/dead-letters?show=waiting").await? {
        match replay(&text(&letter["id"]), client, output).await {
            Ok(()) => replayed += 1,
            Err(ClientError::Refused { status, problem }) => {
                refused += 1;
                output.emit(&json!({ "event": "refused", "id": letter["id"], "problem": problem }));
                output.say(format!("{} is refused ({status}): {}", text(&letter["id"]), text(&problem["title"])));
            }
            Err(error) => return Err(error.into()),
        }
    }
    output.say(format!("{replayed} replayed, {refused} refused"));
    if refused > 0 {
        anyhow::bail!("{refused} dead letters could not be replayed; `paceline dead list` shows why each died");
    }
    Ok(())
}

async fn replay(letter: &str, client: &Client, output: Output) -> Result<(), ClientError> {
    let replayed = client.act(&format!("/v1/dead-letters/{letter}/replay")).await?;
    output.emit(&replayed);
    output.say(format!("{letter} is replayed"));
    Ok(())
}

fn row(letter: &Value) -> Vec<String> {
    vec![
        text(&letter["id"]),
        text(&letter["kind"]),
        text(&letter["reason"]),
        text(&letter["sender_id"]),
        text(&letter["result"]),
        letter["message_ids"].as_array().map_or(0, Vec::len).to_string(),
        text(&letter["received_at"]),
        text(&letter["replayed_at"]),
    ]
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
