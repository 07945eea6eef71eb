//! Messages per second from the start to the last outcome, and how fast the API answers meanwhile.

use std::time::Duration;

use paceline_e2e::{Installation, People, ScenarioError, ScenarioResult, World, eventually, resident_kib};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::sizes::{Sizes, csv_chunks, per_second};

const LONG: Duration = Duration::from_mins(20);
/// How often the API is asked meanwhile: often enough for a p99, seldom enough to be no load of its own.
const ASK_EVERY: Duration = Duration::from_millis(10);

pub(crate) async fn measure(sizes: &Sizes) -> ScenarioResult<Map<String, Value>> {
    let installation = Installation::on(sizes.stack).await?.with("PACELINE_LOG__FILTER", "warn");
    let mut world = World::start(installation, People::Quiet).await?;
    world.add_senders(sizes.senders, "unlimited").await?;
    world.senders_connected().await?;
    let campaign = world.api.post("/v1/campaigns", &json!({ "template": "{Hi|Hello} {{ name }}" })).await?.ok()?;
    let id = campaign["id"].as_str().unwrap_or_default().to_owned();
    let csv: String = csv_chunks(sizes.messages).collect();
    world.api.upload(&format!("/v1/campaigns/{id}/recipients"), "text/csv", csv).await?.ok()?;

    let path = format!("/v1/campaigns/{id}");
    let api = world.api.clone();
    let asking = tokio::spawn(async move {
        let mut times = Vec::new();
        let mut ticks = interval(ASK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let began = Instant::now();
            let campaign = api.get(&path).await?.ok()?;
            times.push(began.elapsed());
            if campaign["state"] == "completed" {
                return Ok::<_, ScenarioError>(times);
            }
        }
    });
    let began = Instant::now();
    world.api.act(&format!("/v1/campaigns/{id}/start")).await?.ok()?;
    let all_sent = eventually("every message is sent", LONG, async || {
        let account = world.progress(&id).await?["account"].clone();
        Ok((account["sent"] == sizes.messages).then_some(()))
    });
    all_sent.await?;
    let elapsed = began.elapsed();
    let mut times = asking.await.map_err(|error| ScenarioError::new(error.to_string()))??;
    times.sort_unstable();
    let summary = world.network.summary().await?;
    let expected = u64::try_from(sizes.messages).unwrap_or(u64::MAX);
    if summary.messages_seen != expected || summary.duplicates != 0 {
        return Err(ScenarioError::new(format!("the network saw something else: {summary:?}")));
    }
    let (server, worker) = (world.server()?.id().unwrap_or_default(), world.worker()?.id().unwrap_or_default());
    Ok(Map::from_iter([
        ("messages_per_second".to_owned(), json!(per_second(sizes.messages, elapsed))),
        ("campaign_get_ms_median".to_owned(), json!(milliseconds(&times, 50))),
        ("campaign_get_ms_p99".to_owned(), json!(milliseconds(&times, 99))),
        ("campaign_get_samples".to_owned(), json!(times.len())),
        ("resident_kib_peak_while_sending".to_owned(), json!(resident_kib(server)?.1)),
        ("resident_kib_peak_of_the_worker_while_sending".to_owned(), json!(resident_kib(worker)?.1)),
    ]))
}

/// A percentile of sorted times, in milliseconds.
fn milliseconds(sorted: &[Duration], percentile: usize) -> f64 {
    let index = (sorted.len() * percentile / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(0.0, |time| (time.as_secs_f64() * 100_000.0).round() / 100.0)
}
