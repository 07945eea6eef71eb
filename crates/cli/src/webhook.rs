//! The operator's look at webhook endpoints, over the API.

use serde_json::Value;

use crate::{
    arguments::{Webhook, WebhookRef},
    client::Client,
    output::Output,
    table::Table,
};

/// Runs one command.
pub(crate) async fn run(command: Webhook, client: &Client, output: Output) -> anyhow::Result<()> {
    match command {
        Webhook::List => list(client, output).await,
        Webhook::Enable(endpoint) => enable(&endpoint, client, output).await,
    }
}

async fn list(client: &Client, output: Output) -> anyhow::Result<()> {
    // Neither paged nor long.
    let listed = client.read("/v1/webhook-endpoints").await?;
    let mut table = headed();
    for endpoint in listed["items"].as_array().into_iter().flatten() {
        output.emit(endpoint);
        table.add(row(endpoint));
    }
    output.say(table.to_string());
    Ok(())
}

async fn enable(endpoint: &WebhookRef, client: &Client, output: Output) -> anyhow::Result<()> {
    let enabled = client.act(&format!("/v1/webhook-endpoints/{}/enable", endpoint.endpoint)).await?;
    output.emit(&enabled);
    let mut table = headed();
    table.add(row(&enabled));
    output.say(table.to_string());
    Ok(())
}

fn headed() -> Table {
    Table::new(&["ENDPOINT", "URL", "EVENTS", "STATE", "SINCE", "WHY"])
}

fn row(endpoint: &Value) -> Vec<String> {
    let events: Vec<_> = endpoint["events"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let (state, since, why) = match (&endpoint["disabled"], &endpoint["failing_since"]) {
        (Value::Null, Value::Null) => ("on", String::new(), String::new()),
        (Value::Null, since) => ("failing", text(since), "the last try failed; it is tried again".to_owned()),
        (disabled, _) => ("off", text(&disabled["at"]), text(&disabled["reason"])),
    };
    let events = if events.is_empty() { "all".to_owned() } else { events.join(",") };
    vec![text(&endpoint["id"]), text(&endpoint["url"]), events, state.to_owned(), since, why]
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
