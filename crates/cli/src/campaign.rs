//! The marketer's commands, over the API.

use std::{io::IsTerminal as _, path::Path};

use anyhow::Context as _;
use futures_util::TryStreamExt as _;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio_util::io::ReaderStream;

use crate::{
    arguments::{Campaign, Report, Submit},
    client::Client,
    exit::Exit,
    follow,
    output::Output,
    printable,
    table::Table,
};

/// Runs one command.
pub(crate) async fn run(command: Campaign, client: &Client, output: Output) -> anyhow::Result<Exit> {
    match command {
        Campaign::Submit(submit) => return submit_campaign(&submit, client, output).await,
        Campaign::Watch(campaign) => return follow::to_the_end(&campaign.campaign, client, output).await,
        Campaign::List => list(client, output).await?,
        Campaign::Status(campaign) => status(&campaign.campaign, client, output).await?,
        Campaign::Pause(campaign) => act(&campaign.campaign, "pause", client, output).await?,
        Campaign::Resume(campaign) => act(&campaign.campaign, "resume", client, output).await?,
        Campaign::Cancel(campaign) => act(&campaign.campaign, "cancel", client, output).await?,
        Campaign::Report(report) => write_report(&report, client).await?,
    }
    Ok(Exit::Done)
}

async fn submit_campaign(submit: &Submit, client: &Client, output: Output) -> anyhow::Result<Exit> {
    let file =
        tokio::fs::File::open(&submit.csv).await.with_context(|| format!("cannot read {}", submit.csv.display()))?;
    let size = file.metadata().await.map_or(0, |metadata| metadata.len());
    let campaign = client.post("/v1/campaigns", &definition(submit), None).await?;
    let id = campaign["id"].as_str().context("the API answered a campaign without an id")?.to_owned();
    output.emit(&json!({ "event": "created", "campaign": campaign }));

    let bar = follow::upload_bar(output, size);
    let counted = bar.clone();
    let stream = ReaderStream::with_capacity(file, 64 * 1024).inspect_ok(move |chunk| counted.inc(chunk.len() as u64));
    let body = reqwest::Body::wrap_stream(stream);
    let uploaded = client.upload(&format!("/v1/campaigns/{id}/recipients"), "text/csv", body).await;
    bar.finish_and_clear();
    let uploaded = match uploaded {
        Ok(uploaded) => uploaded,
        Err(error) => {
            output.say(format!("{id} stays a draft without recipients: nothing of the file was kept"));
            return Err(error.into());
        }
    };
    say_upload(&id, &uploaded, output);
    if submit.draft {
        output.say(format!("{id} is a draft; start it with POST /v1/campaigns/{id}/start"));
        return Ok(Exit::Done);
    }
    let started = client.act(&format!("/v1/campaigns/{id}/start")).await?;
    output.emit(&json!({ "event": "started", "campaign": started }));
    output.say(format!("{id} is {}", started["state"].as_str().unwrap_or_default()));
    if submit.watch {
        return follow::to_the_end(&id, client, output).await;
    }
    output.say(format!("follow it with: paceline campaign watch {id}"));
    Ok(Exit::Done)
}

fn definition(submit: &Submit) -> Value {
    let name = submit.name.clone().or_else(|| file_name(&submit.csv));
    let mut definition = json!({ "template": submit.template, "pool": submit.pool });
    let optional = [
        ("name", name),
        ("phone_column", submit.phone_column.clone()),
        ("default_region", submit.region.clone()),
        ("start_at", submit.start_at.map(|at| at.to_rfc3339())),
        ("expires_at", submit.expires_at.map(|at| at.to_rfc3339())),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            definition[key] = json!(value);
        }
    }
    definition
}

fn file_name(path: &Path) -> Option<String> {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned())
}

/// What an upload brought, and its first row errors.
fn say_upload(id: &str, uploaded: &Value, output: Output) {
    output.emit(&json!({ "event": "uploaded", "campaign_id": id, "upload": uploaded }));
    let count = |key: &str| uploaded[key].as_i64().unwrap_or(0);
    output.say(format!("{id}: {} rows, {} accepted", count("rows"), count("accepted")));
    for (reason, rows) in uploaded["excluded"].as_object().into_iter().flatten() {
        output.say(format!("  {rows} excluded: {reason}"));
    }
    for error in uploaded["errors"].as_array().into_iter().flatten().take(10) {
        let detail = error["detail"].as_str().unwrap_or_default();
        output.say(format!("  row {}: {detail}", error["row"]));
    }
}

async fn list(client: &Client, output: Output) -> anyhow::Result<()> {
    let mut table = Table::new(&["CAMPAIGN", "NAME", "STATE", "PLANNED", "SENT", "DELIVERED", "FAILED", "WAITING"]);
    for campaign in client.list("/v1/campaigns").await? {
        output.emit(&campaign);
        let count = |key: &str| campaign["account"][key].to_string();
        let text = |key: &str| campaign[key].as_str().unwrap_or_default().to_owned();
        let counts = ["planned", "sent", "delivered", "failed", "waiting"].map(count);
        table.add([text("id"), text("name"), text("state")].into_iter().chain(counts).collect());
    }
    output.say(table.to_string());
    Ok(())
}

async fn status(id: &str, client: &Client, output: Output) -> anyhow::Result<()> {
    let progress = client.read(&format!("/v1/campaigns/{id}/progress")).await?;
    output.emit(&progress);
    output.say(follow::describe(&progress));
    Ok(())
}

async fn act(id: &str, action: &str, client: &Client, output: Output) -> anyhow::Result<()> {
    let campaign = client.act(&format!("/v1/campaigns/{id}/{action}")).await?;
    output.emit(&campaign);
    output.say(format!("{id} is {}", campaign["state"].as_str().unwrap_or_default()));
    Ok(())
}

/// Streams the report: a campaign of a million rows is not held in memory.
async fn write_report(report: &Report, client: &Client) -> anyhow::Result<()> {
    let response = client.download(&format!("/v1/campaigns/{}/report", report.campaign)).await?;
    let mut body = response.bytes_stream();
    let mut sink: Box<dyn tokio::io::AsyncWrite + Unpin + Send> = match &report.output {
        Some(path) => {
            Box::new(tokio::fs::File::create(path).await.with_context(|| format!("cannot write {}", path.display()))?)
        }
        None => Box::new(tokio::io::stdout()),
    };
    // A terminal obeys what people wrote into their files; a file or a pipe gets every byte.
    let mut for_eyes = (report.output.is_none() && std::io::stdout().is_terminal()).then(printable::Stream::default);
    while let Some(chunk) = body.try_next().await.context("the report broke off; ask again")? {
        let written = match &mut for_eyes {
            Some(stream) => sink.write_all(stream.next(&chunk).as_bytes()).await,
            None => sink.write_all(&chunk).await,
        };
        written.context("the report cannot be written")?;
    }
    sink.flush().await.context("the report cannot be written")?;
    Ok(())
}
