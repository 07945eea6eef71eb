//! Resident memory: idle, with a fleet of senders, and while a long upload streams.

use std::time::Duration;

use paceline_e2e::{Installation, People, ScenarioError, ScenarioResult, World, eventually, resident_kib};
use serde_json::{Map, Value, json};
use tokio::{io::AsyncWriteExt as _, time::Instant};

use crate::sizes::{Sizes, csv_chunks, per_second};

const LONG: Duration = Duration::from_mins(20);

pub(crate) async fn measure(sizes: &Sizes) -> ScenarioResult<Map<String, Value>> {
    let mut figures = fleet(sizes).await?;
    figures.extend(upload(sizes).await?);
    Ok(figures)
}

async fn fleet(sizes: &Sizes) -> ScenarioResult<Map<String, Value>> {
    let installation = Installation::on(sizes.stack).await?.with("PACELINE_LOG__FILTER", "warn");
    let mut world = World::start(installation, People::Quiet).await?;
    let process = world.worker()?.id().unwrap_or_default();
    let (idle, _) = resident_kib(process)?;
    world.add_senders(sizes.fleet, "gentle").await?;
    eventually("the fleet is connected", LONG, async || {
        let listed = world.api.list("/v1/senders").await?;
        let connected = listed.iter().filter(|sender| sender["session"]["state"] == "connected").count();
        Ok((connected == sizes.fleet).then_some(()))
    })
    .await?;
    let (now, peak) = resident_kib(process)?;
    Ok(Map::from_iter([
        ("resident_kib_idle".to_owned(), json!(idle)),
        ("resident_kib_with_fleet".to_owned(), json!(now)),
        ("resident_kib_peak_with_fleet".to_owned(), json!(peak)),
    ]))
}

async fn upload(sizes: &Sizes) -> ScenarioResult<Map<String, Value>> {
    let mut world = World::start(Installation::on(sizes.stack).await?, People::Quiet).await?;
    let process = world.server()?.id().unwrap_or_default();
    let (idle, _) = resident_kib(process)?;
    let campaign = world.api.post("/v1/campaigns", &json!({ "template": "Hi {{ name }}" })).await?.ok()?;
    let path = format!("/v1/campaigns/{}/recipients", campaign["id"].as_str().unwrap_or_default());
    let (mut tail, body) = tokio::io::duplex(1 << 20);
    let rows = sizes.long_rows;
    let writing = tokio::spawn(async move {
        for chunk in csv_chunks(rows) {
            tail.write_all(chunk.as_bytes()).await?;
        }
        tail.shutdown().await
    });
    let began = Instant::now();
    let uploaded = world.api.upload_stream(&path, "text/csv", body).await?.ok()?;
    let elapsed = began.elapsed();
    writing.await.map_err(|error| ScenarioError::new(error.to_string()))??;
    if uploaded["accepted"] != rows {
        return Err(ScenarioError::new(format!("not every row was accepted: {uploaded}")));
    }
    let (_, peak) = resident_kib(process)?;
    Ok(Map::from_iter([
        ("long_upload_rows_per_second".to_owned(), json!(per_second(rows, elapsed))),
        ("long_upload_resident_growth_kib".to_owned(), json!(peak.saturating_sub(idle))),
    ]))
}
