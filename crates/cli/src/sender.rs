//! The operator's commands, over the API.

use serde_json::{Value, json};

use crate::{
    arguments::{AddSender, Sender, SenderRef, UpdateSender},
    client::{Client, ClientError},
    output::Output,
    table::Table,
};

/// Runs one command.
pub(crate) async fn run(command: Sender, client: &Client, output: Output) -> anyhow::Result<()> {
    match command {
        Sender::Add(sender) => add(&sender, client, output).await,
        Sender::List => list(client, output).await,
        Sender::Update(change) => update(&change, client, output).await,
        Sender::Pause(sender) => act(&sender, "pause", client, output).await,
        Sender::Resume(sender) => act(&sender, "resume", client, output).await,
        Sender::Remove(sender) => remove(&sender, client, output).await,
        Sender::Pair(sender) => pair(&sender, client, output).await,
    }
}

async fn add(sender: &AddSender, client: &Client, output: Output) -> anyhow::Result<()> {
    let mut body = json!({ "phone": sender.phone, "channel": sender.channel });
    let optional = [("name", &sender.name), ("profile", &sender.profile), ("timezone", &sender.timezone)];
    for (key, value) in optional {
        if let Some(value) = value {
            body[key] = json!(value);
        }
    }
    if !sender.pools.is_empty() {
        body["pools"] = json!(sender.pools);
    }
    let added = client.post("/v1/senders", &body, None).await?;
    show(&added, output);
    Ok(())
}

async fn list(client: &Client, output: Output) -> anyhow::Result<()> {
    let mut table = Table::new(&["SENDER", "PHONE", "POOLS", "PROFILE", "STATE", "SESSION", "TODAY", "WHY"]);
    for sender in client.list("/v1/senders").await? {
        output.emit(&sender);
        table.add(row(&sender));
    }
    output.say(table.to_string());
    Ok(())
}

async fn update(change: &UpdateSender, client: &Client, output: Output) -> anyhow::Result<()> {
    let id = find(&change.sender, client).await?;
    let mut body = json!({});
    for (key, value) in [("name", &change.name), ("profile", &change.profile)] {
        if let Some(value) = value {
            body[key] = json!(value);
        }
    }
    if !change.pools.is_empty() {
        body["pools"] = json!(change.pools);
    }
    let changed = client.patch(&format!("/v1/senders/{id}"), &body).await?;
    show(&changed, output);
    Ok(())
}

async fn act(sender: &SenderRef, action: &str, client: &Client, output: Output) -> anyhow::Result<()> {
    let id = find(sender, client).await?;
    let moved = client.act(&format!("/v1/senders/{id}/{action}")).await?;
    show(&moved, output);
    Ok(())
}

async fn remove(sender: &SenderRef, client: &Client, output: Output) -> anyhow::Result<()> {
    let id = find(sender, client).await?;
    client.delete(&format!("/v1/senders/{id}")).await?;
    output.emit(&json!({ "event": "removed", "id": id }));
    output.say(format!("{id} is removed; its waiting messages go to other senders of their pools"));
    Ok(())
}

async fn pair(sender: &SenderRef, client: &Client, output: Output) -> anyhow::Result<()> {
    let id = find(sender, client).await?;
    let pairing = client.read(&format!("/v1/senders/{id}/pairing")).await?;
    output.emit(&pairing);
    match pairing["code"].as_str() {
        Some(code) => output.say(format!("Link a device with this code:\n{code}")),
        None => output.say(format!("nothing to pair: the session is {}", text(&pairing["state"]))),
    }
    Ok(())
}

/// The id of a sender that is named by its id or its number.
async fn find(sender: &SenderRef, client: &Client) -> anyhow::Result<String> {
    if sender.sender.starts_with("snd_") {
        return Ok(sender.sender.clone());
    }
    let senders = client.list("/v1/senders").await?;
    let found = senders.iter().find(|candidate| candidate["phone"].as_str() == Some(&sender.sender));
    found.and_then(|found| found["id"].as_str()).map(str::to_owned).ok_or_else(|| {
        let shown = ClientError::absent(&format!("no sender has the number {}", sender.sender));
        shown.into()
    })
}

fn show(sender: &Value, output: Output) {
    output.emit(sender);
    let mut table = Table::new(&["SENDER", "PHONE", "POOLS", "PROFILE", "STATE", "SESSION", "TODAY", "WHY"]);
    table.add(row(sender));
    output.say(table.to_string());
}

fn row(sender: &Value) -> Vec<String> {
    let pools: Vec<_> = sender["pools"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let cap = sender["pace"]["daily_cap"].as_u64().map_or_else(|| "–".to_owned(), |cap| cap.to_string());
    vec![
        text(&sender["id"]),
        text(&sender["phone"]),
        pools.join(","),
        text(&sender["profile"]),
        text(&sender["state"]),
        text(&sender["session"]["state"]),
        format!("{}/{cap}", sender["pace"]["spent_today"].as_u64().unwrap_or(0)),
        text(&sender["why"]["detail"]),
    ]
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
