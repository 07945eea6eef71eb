//! `paceline fleet` keeps one worker process per active sender: it follows the senders, makes crashes good and drains.

use std::collections::BTreeMap;

use paceline_e2e::{Api, Audience, Deployment, ScenarioError, ScenarioResult, eventually};
use serde_json::{Value, json};

use super::{Member, drill, gone, kill, members, says, shares};
use crate::bounds::{CAMPAIGN, SOON};

#[tokio::test]
async fn a_fleet_follows_the_senders_and_shows_what_it_runs() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    let server = deployment.serve().await?;
    let fleet = deployment.fleet().await?;
    assert!(targets(&fleet.api).await?.is_empty());
    let phones = deployment.add_senders(2, "drill").await?;
    let workers = shares(&deployment.api, &[1, 1], SOON).await?;
    shows(&deployment.api, &workers, &phones).await?;

    // Where their own figures are, for Prometheus.
    let listed = targets(&fleet.api).await?;
    assert_eq!(listed, workers.values().map(|member| (member.id.clone(), member.listen.clone())).collect());
    for address in listed.values() {
        let worker = Api::new(&format!("http://{address}"), "")?;
        assert!(worker.text("/metrics").await?.contains("paceline_"), "{address}");
    }

    let senders = deployment.api.list("/v1/senders").await?;
    let of = |phone: &str| senders.iter().find(|sender| sender["phone"] == phone).map(|sender| sender["id"].clone());
    let [stays, moves] =
        [0, 1].map(|index| of(&phones[index]).and_then(|id| id.as_str().map(str::to_owned)).expect("it was added"));
    let pid_of = |workers: &BTreeMap<u32, Member>, sender: &str| {
        workers.values().find(|member| member.senders.iter().any(|held| held == sender)).map(|member| member.pid)
    };
    let pid = pid_of(&workers, &moves).expect("it is held");
    deployment.api.act(&format!("/v1/senders/{moves}/pause")).await?.ok()?;
    gone(pid).await?;
    let workers = shares(&deployment.api, &[1], SOON).await?;
    assert!(pid_of(&workers, &stays).is_some(), "{workers:?}");

    deployment.api.act(&format!("/v1/senders/{moves}/resume")).await?.ok()?;
    let workers = shares(&deployment.api, &[1, 1], SOON).await?;
    let pid = pid_of(&workers, &moves).expect("it is held again");
    let removed = deployment.api.delete(&format!("/v1/senders/{moves}")).await?;
    assert!((200..300).contains(&removed.status), "{removed:?}");
    gone(pid).await?;
    shares(&deployment.api, &[1], SOON).await?;
    deployment.finish([fleet, server]).await
}

/// The fleet as the API shows it: each worker with its machine, its senders and their leases.
async fn shows(api: &Api, workers: &BTreeMap<u32, Member>, phones: &[String]) -> ScenarioResult<()> {
    let fleet = api.get("/v1/fleet").await?.ok()?;
    let shown: Vec<&Value> = fleet["workers"].as_array().into_iter().flatten().collect();
    assert_eq!(shown.len(), workers.len(), "{fleet}");
    for worker in &shown {
        assert_eq!((&worker["pinned"], &worker["slots"]), (&json!(true), &json!(1)), "{worker}");
        assert!(worker["host"].as_str().is_some_and(|host| !host.is_empty()), "{worker}");
        assert!(worker["resident_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{worker}");
        let leased = &worker["senders"][0];
        assert!(leased["lease_expires_at"].is_string() && leased["epoch"].is_number(), "{worker}");
        assert!(phones.iter().any(|phone| leased["phone"] == phone.as_str()), "{worker}");
    }
    Ok(())
}

/// The addresses of the workers' own metrics, by worker.
async fn targets(fleet: &Api) -> ScenarioResult<BTreeMap<String, String>> {
    let listed = fleet.get("/workers/targets").await?.ok()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let targets = listed.as_array().into_iter().flatten();
    Ok(targets.map(|target| (text(&target["labels"]["worker"]), text(&target["targets"][0]))).collect())
}

#[tokio::test]
async fn a_crashed_worker_is_started_again_and_a_stopped_fleet_leaves_nothing() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    let server = deployment.serve().await?;
    deployment.add_senders(3, "drill").await?;
    let fleet = deployment.fleet().await?;
    let before = shares(&deployment.api, &[1; 3], CAMPAIGN).await?;
    let victim = before.values().next().expect("there are three").clone();
    kill(victim.pid).await?;
    let line = says(&fleet, "a worker has ended unasked", SOON).await?;
    assert_eq!(line["process.pid"], victim.pid, "{line}");
    let after = eventually("another process has taken its place", SOON, async || {
        let members = members(&deployment.api).await?;
        let whole = members.len() == 3 && members.values().all(|member| member.senders.len() == 1);
        Ok((whole && !members.contains_key(&victim.pid)).then_some(members))
    })
    .await?;
    let crashed = fleet.api.text("/metrics").await?;
    assert!(crashed.contains("paceline_fleet_workers_crashed_total 1"), "{crashed}");

    let audience = Audience::ordinary(35, 150);
    let campaign = deployment.submit(&audience).await?;
    deployment.sent(30, CAMPAIGN).await?;
    fleet.stop().await?;
    for &pid in after.keys() {
        let left = std::path::Path::new(&format!("/proc/{pid}")).exists();
        assert!(!left, "{pid} outlived its fleet, which reaps what it started");
    }
    let shown = deployment.api.get("/v1/fleet").await?.ok()?;
    assert_eq!((&shown["workers"], &shown["unleased_count"]), (&json!([]), &json!(3)), "{shown}");
    assert_eq!(deployment.network.summary().await?.repeats, 0);
    let account = deployment.progress(&campaign).await?["account"].clone();
    assert_eq!((&account["balanced"], &account["unknown"]), (&json!(true), &json!(0)), "{account}");

    let fleet = deployment.fleet().await?;
    deployment.ended(&campaign, CAMPAIGN).await?;
    deployment.all_saw_it_once(&campaign, &audience).await?;
    deployment.finish([fleet, server]).await
}

#[tokio::test]
async fn a_fleet_that_may_start_no_more_says_whom_it_leaves_out() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    let server = deployment.serve().await?;
    deployment.add_senders(2, "drill").await?;
    let fleet = deployment.start(&["fleet", "--max", "1", "--listen", "127.0.0.1:0"]).await?;
    let line = says(&fleet, "more active senders than this fleet has processes", SOON).await?;
    assert_eq!((&line["senders.left_out"], &line["fleet.max"]), (&json!(1), &json!(1)), "{line}");
    eventually("one sender is held and one is not", SOON, async || {
        let shown = deployment.api.get("/v1/fleet").await?.ok()?;
        let held = shown["workers"].as_array().map_or(0, Vec::len) == 1 && shown["workers"][0]["senders_held"] == 1;
        if held && shown["unleased_count"] == 1 && shown["unleased"][0]["why"]["code"] == "all_slots_taken" {
            return Ok(Some(()));
        }
        Err(ScenarioError::new(shown.to_string()))
    })
    .await?;
    let figures = fleet.api.text("/metrics").await?;
    assert!(figures.contains("paceline_fleet_senders_left_out 1"), "{figures}");

    // A second fleet has room for it.
    let second = deployment.start(&["fleet", "--max", "1", "--listen", "127.0.0.1:0"]).await?;
    shares(&deployment.api, &[1, 1], CAMPAIGN).await?;
    deployment.finish([second, fleet, server]).await
}
