//! A broker that goes away, loses its queues, or has others in their place, in mid-campaign.

use paceline_e2e::{Audience, Deployment, ScenarioResult, Server, eventually, unchanged};

use super::{check_says, drill, ready, said, says, unready};
use crate::bounds::{CAMPAIGN, SOON, WATCH};

/// Two servers and a worker for all senders.
async fn start(deployment: &mut Deployment) -> ScenarioResult<[Server; 3]> {
    let second = deployment.start(&["serve"]).await?;
    let first = deployment.serve().await?;
    let worker = deployment.start(&["worker", "--slots", "100"]).await?;
    Ok([worker, first, second])
}

#[tokio::test]
async fn a_campaign_goes_on_by_itself_after_the_broker_was_away() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    let running = start(&mut deployment).await?;
    deployment.add_senders(4, "drill").await?;
    let audience = Audience::ordinary(23, 400);
    let campaign = deployment.submit(&audience).await?;
    deployment.sent(60, CAMPAIGN).await?;
    deployment.broker.cut().await;
    for process in &running {
        unready(process, "broker", SOON).await?;
    }
    // Longer than anybody waits for a connection: what is being published fails.
    says(&running[1], "a service is away", SOON).await?;
    says(&running[2], "a service is away", SOON).await?;
    assert_eq!(deployment.progress(&campaign).await?["account"]["balanced"], true, "the API answers meanwhile");
    assert!(said(&running[0], "jobs cannot be consumed")?.is_empty(), "one line for the broker, none for each sender");
    assert_eq!(said(&running[0], "the broker is away")?.len(), 1);
    deployment.broker.mend().await?;
    for process in &running {
        ready(process, CAMPAIGN).await?;
    }
    // Once more, by a network that swallows what it is given.
    let before = deployment.network.summary().await?.physical_sends;
    deployment.sent(before.max(120), CAMPAIGN).await?;
    deployment.broker.hold_still();
    unchanged("health", WATCH * 2, async || Ok(running[1].api.get("/healthz").await?.status)).await?;
    deployment.broker.mend().await?;

    deployment.ended(&campaign, CAMPAIGN).await?;
    deployment.all_saw_it_once(&campaign, &audience).await?;
    assert_eq!(deployment.network.summary().await?.duplicates, 0);
    deployment.finish(running).await
}

#[tokio::test]
async fn deleting_every_queue_in_mid_campaign_loses_nothing() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    let running = start(&mut deployment).await?;
    deployment.add_senders(4, "drill").await?;
    let senders = deployment.senders_connected().await?;
    deployment.services.note_senders(senders.iter().filter_map(|sender| sender["id"].as_str()))?;
    let audience = Audience::ordinary(24, 300);
    let campaign = deployment.submit(&audience).await?;
    for sends in [40, 120] {
        deployment.sent(sends, CAMPAIGN).await?;
        deployment.services.delete_queues().await?;
    }
    // What the queues carried is released again when its hold is over, which is minutes away otherwise.
    deployment.services.end_releases().await?;
    deployment.ended(&campaign, CAMPAIGN).await?;
    deployment.all_saw_it_once(&campaign, &audience).await?;
    assert_eq!(deployment.network.summary().await?.duplicates, 0);
    for process in &running {
        ready(process, SOON).await?;
    }
    deployment.finish(running).await
}

#[tokio::test]
async fn a_stop_is_heard_while_the_broker_is_away_and_survives_the_loss_of_every_queue() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    let running = start(&mut deployment).await?;
    let senders = deployment.add_senders(1, "drill").await?;
    let connected = deployment.senders_connected().await?;
    deployment.services.note_senders(connected.iter().filter_map(|sender| sender["id"].as_str()))?;
    let audience = Audience::ordinary(26, 4);
    deployment.broker.cut().await;
    for process in &running {
        unready(process, "broker", SOON).await?;
    }
    let person = &audience.phones()[0];
    deployment.network.write_as(person, &senders[0], "STOP").await?;
    let suppressed = eventually("the opt-out is heard", SOON, async || {
        let list = running[1].api.list("/v1/suppressions").await?;
        Ok((!list.is_empty()).then_some(list))
    });
    assert_eq!(suppressed.await?[0]["phone"], person.as_str());
    deployment.broker.mend().await?;
    for process in &running {
        ready(process, CAMPAIGN).await?;
    }
    deployment.services.delete_queues().await?;
    let campaign = deployment.submit(&audience).await?;
    deployment.services.end_releases().await?;
    deployment.ended(&campaign, CAMPAIGN).await?;
    let progress = deployment.progress(&campaign).await?;
    assert_eq!(progress["excluded"], serde_json::json!({ "suppressed": 1 }), "{progress}");
    assert!(!deployment.network.sightings().await?.contains_key(person), "nothing reached them");
    deployment.finish(running).await
}

#[tokio::test]
async fn a_queue_of_other_arguments_in_the_way_is_named_with_the_cure_and_the_rest_goes_on() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    let running = start(&mut deployment).await?;
    deployment.add_senders(3, "drill").await?;
    let senders = deployment.senders_connected().await?;
    let obstructed = senders[0]["id"].as_str().unwrap_or_default().to_owned();
    let in_the_way = deployment.services.obstruct_queue_of(&obstructed).await?;
    let audience = Audience::ordinary(25, 150);
    let campaign = deployment.submit(&audience).await?;

    // A broker that is busy may not tell the consumer that its queue is gone: then the jobs that do not come show it.
    let line = says(&running[0], "jobs cannot be consumed", CAMPAIGN).await?;
    let told = line.to_string();
    assert_eq!(line["sender.id"], obstructed.as_str(), "{told}");
    assert!(told.contains(&in_the_way) && told.contains("delete it"), "{told}");
    let findings = check_says(&deployment, "broker").await?;
    assert!(findings.contains(&in_the_way) && findings.contains("delete it"), "{findings}");
    // The share of the other two, at least.
    deployment.sent(80, CAMPAIGN).await?;
    for process in &running {
        ready(process, SOON).await?;
    }

    // The cure.
    assert_eq!(said(&running[0], "jobs cannot be consumed")?.len(), 1, "one line a while");
    deployment.services.delete_queue_of(&obstructed).await?;
    deployment.services.end_releases().await?;
    deployment.ended(&campaign, CAMPAIGN).await?;
    deployment.all_saw_it_once(&campaign, &audience).await?;
    deployment.finish(running).await
}
