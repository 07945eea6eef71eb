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
    let content_type = match &submit.encoding {
        Some(charset) => format!("text/csv; charset={charset}"),
        None => "text/csv".to_owned(),
    };
    let uploaded = client.upload(&format!("/v1/campaigns/{id}/recipients"), &content_type, body).await;
    bar.finish_and_clear();
    let uploaded = match uploaded {
        Ok(uploaded) => uploaded,
        Err(error) => {
            output.say(format!("{id} stays a draft without recipients: nothing of the file was kept"));
            return Err(error.into());
        }
    };
    say_upload(&id, &uploaded, output);
    say_preview(&id, client, output).await?;
    if submit.draft || !(submit.yes || confirm(&uploaded).await?) {
        output.say(format!("{id} is a draft; start it with POST /v1/campaigns/{id}/start, or in the console"));
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
    let read_as = &uploaded["read_as"];
    if let Some(encoding) = read_as["encoding"].as_str() {
        let delimiter = read_as["delimiter"].as_str().map(|delimiter| format!(", cells between {delimiter:?}"));
        let phone = read_as["phone_column"].as_str().map(|column| format!(", phones in the column {column:?}"));
        output.say(format!("  read as {encoding}{}{}", delimiter.unwrap_or_default(), phone.unwrap_or_default()));
    }
    for (reason, rows) in uploaded["excluded"].as_object().into_iter().flatten() {
        output.say(format!("  {rows} excluded: {reason}"));
    }
    for error in uploaded["errors"].as_array().into_iter().flatten().take(10) {
        let detail = error["detail"].as_str().unwrap_or_default();
        output.say(format!("  row {}: {detail}", error["row"]));
    }
}

/// The first texts as they will be sent, and what is likely wrong with the template.
async fn say_preview(id: &str, client: &Client, output: Output) -> anyhow::Result<()> {
    const TEXTS: usize = 3;
    let preview = client.act(&format!("/v1/campaigns/{id}/preview")).await?;
    output.emit(&json!({ "event": "preview", "campaign_id": id, "preview": preview }));
    let list = |key: &str| preview[key].as_array().cloned().unwrap_or_default();
    for row in list("rows").iter().filter(|row| row["text"].is_string()).take(TEXTS) {
        let text = row["text"].as_str().unwrap_or_default();
        output.say(format!("  row {} to {}: {}", row["row"], row["phone"].as_str().unwrap_or_default(), text));
    }
    for missing in list("missing_variables") {
        let names = list("columns").iter().filter_map(|name| name.as_str().map(str::to_owned)).collect::<Vec<_>>();
        output.say(format!("  no column provides {missing}; the columns are {}", names.join(", ")));
    }
    for mistake in list("mistakes") {
        let message = mistake["message"].as_str().unwrap_or_default();
        output.say(format!("  template, line {}, column {}: {message}", mistake["line"], mistake["column"]));
    }
    Ok(())
}

/// Asks whoever sits at the terminal whether to start; where nobody does, nobody is asked.
async fn confirm(uploaded: &Value) -> anyhow::Result<bool> {
    if !(std::io::stdin().is_terminal() && std::io::stderr().is_terminal()) {
        return Ok(true);
    }
    let mut terminal = tokio::io::stderr();
    let people = uploaded["accepted"].as_i64().unwrap_or(0);
    terminal.write_all(format!("Send to {people} people? [y/N] ").as_bytes()).await?;
    terminal.flush().await?;
    let answer = tokio::task::spawn_blocking(|| {
        let mut line = String::new();
        std::io::stdin().read_line(&mut line).map(|_| line)
    });
    let answer = answer.await?.context("the answer cannot be read; --yes starts without asking")?;
    Ok(["y", "yes"].contains(&answer.trim().to_lowercase().as_str()))
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
