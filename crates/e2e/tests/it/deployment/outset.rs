//! Services that are absent at the start: each process waits, says so, and comes up by itself.

use paceline_e2e::{Audience, Deployment, ScenarioResult, Server, unchanged};

use super::{check_says, drill, ready, said, says, unready};
use crate::bounds::{CAMPAIGN, SOON, WATCH};

#[tokio::test]
async fn absent_services_are_waited_for_and_named_to_whoever_asks() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    deployment.database.cut().await;
    deployment.broker.cut().await;
    let server = deployment.launch(&["serve"]).await?;
    let worker = deployment.launch(&["worker", "--slots", "10"]).await?;
    let fleet = deployment.launch(&["fleet", "--listen", "127.0.0.1:0"]).await?;
    let mut running = [server, worker, fleet];
    for process in &running {
        let reason = unready(process, "database", SOON).await?;
        assert!(reason.contains(&deployment.database.address()), "{reason}");
        assert_eq!(process.api.get("/healthz").await?.status, 200);
        says(process, "waiting for the database", SOON).await?;
    }
    refuses_for_now(&running[0]).await?;
    // Once a second each looks again; the log does not grow with it.
    unchanged("the logs", WATCH * 2, async || {
        running.iter().map(|process| process.log().map(|log| log.len())).collect::<Result<Vec<_>, _>>()
    })
    .await?;
    check_says(&deployment, "database").await?;
    check_says(&deployment, "broker").await?;

    deployment.database.mend().await?;
    for process in &mut running {
        process.ready().await?;
    }
    for process in &running[..2] {
        let reason = unready(process, "broker", SOON).await?;
        assert!(!reason.is_empty());
        let line = says(process, "the broker is away", SOON).await?;
        assert!(line["cure"].is_string() && line["broker"].is_string(), "{line}");
    }
    assert!(!check_says(&deployment, "broker").await?.is_empty());
    // The fleet needs no broker of its own.
    ready(&running[2], SOON).await?;

    deployment.broker.mend().await?;
    for process in &running {
        ready(process, CAMPAIGN).await?;
        assert!(said(process, "the broker is away")?.len() <= 1, "one line a while");
    }
    deployment.api = running[0].api.clone();
    deployment.add_senders(2, "drill").await?;
    let audience = Audience::ordinary(21, 60);
    let campaign = deployment.submit(&audience).await?;
    deployment.ended(&campaign, CAMPAIGN).await?;
    deployment.all_saw_it_once(&campaign, &audience).await?;
    let [server, worker, fleet] = running;
    deployment.finish([fleet, worker, server]).await
}

#[tokio::test]
async fn a_process_that_waits_for_its_services_ends_when_it_is_told_to() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    let server = deployment.serve().await?;
    deployment.add_senders(1, "drill").await?;
    deployment.database.cut().await;
    for arguments in [&["serve"][..], &["worker", "--slots", "1"], &["fleet", "--listen", "127.0.0.1:0"]] {
        let waiting = deployment.launch(arguments).await?;
        says(&waiting, "waiting for the database", SOON).await?;
        waiting.process.stop(SOON).await?;
    }
    deployment.database.mend().await?;
    ready(&server, SOON).await?;
    deployment.finish([server]).await
}

/// The API asks to come again instead of saying that there is no such thing.
async fn refuses_for_now(server: &Server) -> ScenarioResult<()> {
    for path in ["/v1/campaigns", "/v1/senders", "/v1/fleet"] {
        let response = server.api.request(reqwest::Method::GET, path).send().await?;
        assert_eq!(response.status(), 503, "{path}");
        assert!(response.headers().contains_key("retry-after"), "{path}");
    }
    Ok(())
}
