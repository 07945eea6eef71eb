//! Row 22: a worker loses the broker and keeps the database and the network.

use paceline_e2e::{Audience, Cable, Deployment, Installation, ScenarioResult, unchanged};
use serde_json::json;

use crate::bounds::{CAMPAIGN, WATCH};

#[tokio::test]
async fn a_worker_cut_off_from_the_broker_in_mid_send_sends_nothing_twice() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(Installation::new()?.with_profile("drill", &[("PER_SECOND", "40")])).await?;
    let server = deployment.serve().await?;
    // The worker's own cable: the server keeps its connection.
    let direct = deployment.broker.url().to_string();
    let mut cable = Cable::lay(deployment.services.amqp_url(), 5_672).await?;
    deployment.installation.set("AMQP_URL", cable.url().as_str());
    let worker = deployment.start(&["worker", "--slots", "100"]).await?;
    deployment.installation.set("AMQP_URL", &direct);
    deployment.add_senders(2, "drill").await?;
    deployment.senders_connected().await?;
    deployment.network.add_fault(&json!({ "kind": "slow_ack", "delay_ms": 250 })).await?;
    let audience = Audience::ordinary(69, 400);
    let campaign = deployment.submit(&audience).await?;

    deployment.sent(10, CAMPAIGN).await?;
    cable.cut().await;
    // What it had begun is sent to its end; without a broker there is nothing to begin.
    let cut_at = unchanged_after_a_while(&deployment).await?;
    assert!(cut_at < 400, "the campaign was over before the cable was cut");
    cable.mend().await?;
    deployment.ended(&campaign, CAMPAIGN).await?;
    deployment.all_saw_it_once(&campaign, &audience).await?;
    let summary = deployment.network.summary().await?;
    assert_eq!((summary.duplicates, summary.repeats), (0, 0), "its leases held all the while: {summary:?}");
    deployment.finish([worker, server]).await
}

/// How many were sent once no more are.
async fn unchanged_after_a_while(deployment: &Deployment) -> ScenarioResult<u64> {
    paceline_e2e::eventually("nothing more is sent", CAMPAIGN, async || {
        let sends = async || Ok(deployment.network.summary().await?.physical_sends);
        Ok(unchanged("what was sent", WATCH, sends).await.ok())
    })
    .await
}
