//! kill -9 of workers and servers in mid-campaign: it is completed, and everybody saw the message once.

use paceline_e2e::{Audience, Deployment, ScenarioError, ScenarioResult, eventually};
use serde_json::json;
use tokio::time::Instant;

use super::{Member, drill, drill_with_short_leases, gone, kill, members, shares};
use crate::bounds::{CAMPAIGN, SOON};

#[tokio::test]
async fn a_killed_worker_of_a_fleet_is_replaced_without_waiting_for_its_lease() -> ScenarioResult<()> {
    // A lease that nobody could wait for.
    let installation =
        drill()?.with("PACELINE_WORKER__LEASE_SECONDS", "120").with("PACELINE_WORKER__RENEW_SECONDS", "20");
    let mut deployment = Deployment::new(installation).await?;
    let server = deployment.serve().await?;
    deployment.add_senders(3, "drill").await?;
    let fleet = deployment.fleet().await?;
    let workers = shares(&deployment.api, &[1; 3], CAMPAIGN).await?;
    deployment.network.add_fault(&json!({ "kind": "slow_ack", "delay_ms": 150 })).await?;
    let audience = Audience::ordinary(32, 300);
    let campaign = deployment.submit(&audience).await?;
    for (sends, victim) in [40, 120].into_iter().zip(workers.values()) {
        deployment.sent(sends, CAMPAIGN).await?;
        kill(victim.pid).await?;
        let killed = Instant::now();
        let heir = holder(&deployment, victim).await?;
        // Shown by `cargo nextest run --no-capture`; it bounds nothing.
        eprintln!("the sender of {} was leased by {} {:?} after the kill", victim.pid, heir.pid, killed.elapsed());
    }
    deployment.ended(&campaign, CAMPAIGN).await?;
    deployment.all_saw_it_once(&campaign, &audience).await?;
    let summary = deployment.network.summary().await?;
    assert_eq!((summary.duplicates, summary.repeats), (0, summary.repeats_dropped), "{summary:?}");
    deployment.finish([fleet, server]).await
}

/// Waits until another worker holds the sender that this one held.
async fn holder(deployment: &Deployment, victim: &Member) -> ScenarioResult<Member> {
    eventually("the sender is leased again", SOON, async || {
        let mut members = members(&deployment.api).await?;
        members.retain(|_, member| member.id != victim.id && member.senders == victim.senders);
        Ok(members.into_values().next())
    })
    .await
}

#[tokio::test]
async fn a_campaign_survives_servers_and_workers_being_killed() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill_with_short_leases()?).await?;
    let mut other = deployment.start(&["serve"]).await?;
    let mut server = deployment.serve().await?;
    let mut worker = deployment.start(&["worker", "--slots", "100"]).await?;
    deployment.add_senders(4, "drill").await?;
    deployment.network.add_fault(&json!({ "kind": "slow_ack", "delay_ms": 150 })).await?;
    let audience = Audience::ordinary(33, 400);
    let campaign = deployment.submit(&audience).await?;

    // A worker: its successor waits until the leases run out.
    deployment.sent(50, CAMPAIGN).await?;
    worker.kill().await?;
    worker = deployment.start(&["worker", "--slots", "100"]).await?;
    // A server, and nobody waits for it: the other one goes on.
    let before = deployment.sent(100, CAMPAIGN).await?;
    other.kill().await?;
    deployment.sent(before + 40, CAMPAIGN).await?;
    other = deployment.start(&["serve"]).await?;
    // All at once.
    deployment.sent(250, CAMPAIGN).await?;
    for process in [server, other, worker] {
        process.kill().await?;
    }
    server = deployment.serve().await?;
    worker = deployment.start(&["worker", "--slots", "100"]).await?;
    // What a killed server had claimed and not published is released again when its hold is over, which is minutes away.
    deployment.services.end_releases().await?;
    deployment.ended(&campaign, CAMPAIGN).await?;
    deployment.all_saw_it_once(&campaign, &audience).await?;
    let summary = deployment.network.summary().await?;
    assert_eq!((summary.duplicates, summary.distinct_messages), (0, 400), "{summary:?}");
    assert!(summary.repeats > 0, "no kill found a send in the middle: {summary:?}");
    assert_eq!(summary.repeats, summary.repeats_dropped, "{summary:?}");
    deployment.finish([worker, server]).await
}

#[tokio::test]
async fn workers_of_a_killed_fleet_drain_by_themselves_and_the_next_fleet_goes_on() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    let server = deployment.serve().await?;
    deployment.add_senders(3, "drill").await?;
    let fleet = deployment.fleet().await?;
    let workers = shares(&deployment.api, &[1; 3], CAMPAIGN).await?;
    let audience = Audience::ordinary(34, 240);
    let campaign = deployment.submit(&audience).await?;
    deployment.sent(40, CAMPAIGN).await?;
    fleet.kill().await?;
    for &pid in workers.keys() {
        gone(pid).await?;
    }
    // They gave back what they had, so that nobody waits for leases.
    let left = members(&deployment.api).await?;
    if !left.is_empty() {
        return Err(ScenarioError::new(format!("they are gone and still registered: {left:?}")));
    }
    let repeats = deployment.network.summary().await?.repeats;
    assert_eq!(repeats, 0, "an orderly end leaves nothing in doubt");
    let fleet = deployment.fleet().await?;
    shares(&deployment.api, &[1; 3], SOON).await?;
    deployment.ended(&campaign, CAMPAIGN).await?;
    deployment.all_saw_it_once(&campaign, &audience).await?;
    deployment.finish([fleet, server]).await
}
