//! Rows per second: appended, planned, and both together.

use std::time::Duration;

use paceline_e2e::{Installation, People, ScenarioError, ScenarioResult, World, eventually};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::sizes::{Sizes, csv_chunks, per_second};

const LONG: Duration = Duration::from_mins(20);

pub(crate) async fn measure(sizes: &Sizes) -> ScenarioResult<Map<String, Value>> {
    let mut world = World::start(Installation::on(sizes.stack).await?, People::Quiet).await?;
    // Planning is measured without sending: the pool's sender has no slot before tomorrow.
    world.add_senders(1, "gentle").await?;
    let csv: String = csv_chunks(sizes.rows).collect();
    let template = json!({ "template": "{Hi|Hello} {{ name }} from {{ city }}" });
    let campaign = world.api.post("/v1/campaigns", &template).await?.ok()?;
    let id = campaign["id"].as_str().unwrap_or_default().to_owned();

    let began = Instant::now();
    let uploaded = world.api.upload(&format!("/v1/campaigns/{id}/recipients"), "text/csv", csv).await?.ok()?;
    let appended = began.elapsed();
    if uploaded["accepted"] != sizes.rows {
        return Err(ScenarioError::new(format!("not every row was accepted: {uploaded}")));
    }
    let began = Instant::now();
    world.api.act(&format!("/v1/campaigns/{id}/start")).await?.ok()?;
    eventually("every row is planned", LONG, async || {
        let progress = world.progress(&id).await?;
        Ok((progress["account"]["planned"] == sizes.rows).then_some(()))
    })
    .await?;
    let planned = began.elapsed();
    Ok(Map::from_iter([
        ("rows_appended_per_second".to_owned(), json!(per_second(sizes.rows, appended))),
        ("rows_planned_per_second".to_owned(), json!(per_second(sizes.rows, planned))),
        ("rows_per_second".to_owned(), json!(per_second(sizes.rows, appended + planned))),
    ]))
}
