//! A database that goes away in mid-campaign: the API says to come again, no send begins, and all goes on by itself.

use std::time::Duration;

use paceline_e2e::{Audience, Deployment, ScenarioResult, Server, eventually, unchanged};
use serde_json::json;

use super::{drill, drill_with_short_leases, ready, unready};
use crate::bounds::{CAMPAIGN, SOON, WATCH};

/// Waits until the API asks to come again.
async fn refuses_for_now(server: &Server) -> ScenarioResult<()> {
    let campaign = json!({ "name": "Meanwhile", "template": "Hi" });
    for (method, path) in [(reqwest::Method::GET, "/v1/campaigns"), (reqwest::Method::POST, "/v1/campaigns")] {
        eventually(&format!("{method} {path} is unavailable"), SOON, async || {
            let response = server.api.request(method.clone(), path).json(&campaign).send().await?;
            Ok((response.status() == 503 && response.headers().contains_key("retry-after")).then_some(()))
        })
        .await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_campaign_goes_on_by_itself_after_the_database_was_away() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    let server = deployment.serve().await?;
    let worker = deployment.start(&["worker", "--slots", "100"]).await?;
    deployment.add_senders(4, "drill").await?;
    // So late that the outage finds sends without an answer, whose outcomes are kept.
    deployment.network.add_fault(&json!({ "kind": "slow_ack", "delay_ms": 300 })).await?;
    let audience = Audience::ordinary(26, 400);
    let campaign = deployment.submit(&audience).await?;
    for sends in [60, 200] {
        deployment.sent(sends, CAMPAIGN).await?;
        deployment.database.cut().await;
        refuses_for_now(&server).await?;
        for process in [&server, &worker] {
            unready(process, "database", SOON).await?;
        }
        // What was on its way has arrived; no send has begun since.
        unchanged("the sends", WATCH * 2, async || Ok(deployment.network.summary().await?.physical_sends)).await?;
        deployment.database.mend().await?;
        for process in [&server, &worker] {
            ready(process, CAMPAIGN).await?;
        }
    }
    deployment.ended(&campaign, CAMPAIGN).await?;
    deployment.all_saw_it_once(&campaign, &audience).await?;
    let summary = deployment.network.summary().await?;
    assert_eq!((summary.duplicates, summary.distinct_messages), (0, 400), "{summary:?}");
    deployment.finish([worker, server]).await
}

#[tokio::test]
async fn a_database_that_swallows_what_it_is_told_is_away_too() -> ScenarioResult<()> {
    let installation = drill_with_short_leases()?.with("PACELINE_DATABASE__STATEMENT_TIMEOUT_SECONDS", "2");
    let mut deployment = Deployment::new(installation).await?;
    let server = deployment.serve().await?;
    let worker = deployment.start(&["worker", "--slots", "100"]).await?;
    deployment.add_senders(4, "drill").await?;
    let audience = Audience::ordinary(27, 300);
    let campaign = deployment.submit(&audience).await?;
    deployment.sent(60, CAMPAIGN).await?;
    deployment.database.hold_still();
    refuses_for_now(&server).await?;
    // Longer than a lease: whoever works without one is found out.
    unchanged("the sends", Duration::from_secs(9), async || Ok(deployment.network.summary().await?.physical_sends))
        .await?;
    deployment.database.mend().await?;
    deployment.ended(&campaign, CAMPAIGN).await?;
    deployment.all_saw_it_once(&campaign, &audience).await?;
    assert_eq!(deployment.network.summary().await?.duplicates, 0);
    deployment.finish([worker, server]).await
}
