//! A rolling restart under load, seen by a client that tries again as clients do.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use paceline_e2e::{Api, Audience, Deployment, ScenarioError, ScenarioResult, eventually};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinSet, time::Instant};

use super::{drill, shares};
use crate::bounds::{CAMPAIGN, SOON};

/// How long one request is tried again.
const PATIENCE: Duration = Duration::from_secs(20);
/// The pause of a client before it tries again; shorter than a server asks for, which is harder on it.
const PAUSE: Duration = Duration::from_millis(100);

/// A client that knows both servers, and asks the other one when one does not serve.
struct Client {
    servers: [Api; 2],
    /// How many messages were taken from it.
    taken: AtomicUsize,
}

impl Client {
    /// Sends until a server answers, one after the other in turn.
    async fn send(&self, method: Method, path: &str, key: &str, body: &Value) -> ScenarioResult<Value> {
        let deadline = Instant::now() + PATIENCE;
        for api in self.servers.iter().cycle() {
            let request = api.request(method.clone(), path).header("idempotency-key", key);
            let request = if body.is_null() { request } else { request.json(body) };
            if let Some(answer) = ask(request).await {
                return answer;
            }
            if Instant::now() >= deadline {
                break;
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(ScenarioError::new(format!("nobody answered {method} {path} within {PATIENCE:?}")))
    }
}

/// One try. A refused or broken connection and a 503 that says when to come again are tried again, and so is a key whose first try is
/// still being answered by whoever had it. Any other answer stands.
async fn ask(request: RequestBuilder) -> Option<ScenarioResult<Value>> {
    let response = request.send().await.ok()?;
    let (status, again) = (response.status().as_u16(), response.headers().contains_key("retry-after"));
    let text = response.text().await.ok()?;
    match status {
        200..300 => Some(serde_json::from_str(&text).map_err(ScenarioError::from)),
        503 if again => None,
        409 if text.contains("idempotency-key-in-flight") => None,
        _ => Some(Err(ScenarioError::new(format!("{status} {text}")))),
    }
}

/// Writes to these people one after the other, and asks how the campaign stands in between, until it is told to end. Answers with
/// who was written to.
async fn write(
    client: Arc<Client>,
    people: Vec<String>,
    campaign: String,
    mut end: watch::Receiver<bool>,
) -> ScenarioResult<Vec<String>> {
    let mut written = Vec::new();
    for person in people {
        if *end.borrow_and_update() {
            break;
        }
        let message = json!({ "to": person, "text": "this is the zebra-crossing" });
        client.send(Method::POST, "/v1/messages", &format!("write-{person}"), &message).await?;
        written.push(person);
        client.taken.fetch_add(1, Ordering::Relaxed);
        let path = format!("/v1/campaigns/{campaign}/progress");
        let progress = client.send(Method::GET, &path, "", &Value::Null).await?;
        assert_eq!(progress["account"]["balanced"], true, "{progress}");
    }
    Ok(written)
}

/// Waits until so many more messages were taken.
async fn served(client: &Client, more: usize) -> ScenarioResult<()> {
    let before = client.taken.load(Ordering::Relaxed);
    eventually("messages are taken", PATIENCE, async || {
        Ok((client.taken.load(Ordering::Relaxed) >= before + more).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_rolling_restart_under_load_loses_no_request_and_no_message() -> ScenarioResult<()> {
    let mut deployment = Deployment::new(drill()?).await?;
    let mut servers = vec![deployment.start(&["serve"]).await?, deployment.serve().await?];
    let mut fleet = deployment.fleet().await?;
    deployment.add_senders(3, "drill").await?;
    shares(&deployment.api, &[1; 3], CAMPAIGN).await?;
    let audience = Audience::ordinary(36, 500);
    let campaign = deployment.submit(&audience).await?;

    let others = Audience::ordinary(37, 2_000);
    deployment.must_not_be_logged(others.phones().iter().map(|phone| phone.trim_start_matches('+').to_owned()));
    let client =
        Arc::new(Client { servers: [servers[0].api.clone(), servers[1].api.clone()], taken: AtomicUsize::new(0) });
    let ended = watch::Sender::new(false);
    let mut clients: JoinSet<ScenarioResult<Vec<String>>> = JoinSet::new();
    for people in others.phones().chunks(500) {
        clients.spawn(write(Arc::clone(&client), people.to_vec(), campaign.clone(), ended.subscribe()));
    }

    served(&client, 10).await?;
    for _ in 0..2 {
        let server = servers.remove(0);
        let address = server.address().to_owned();
        server.stop().await?;
        served(&client, 5).await?;
        servers.push(deployment.start(&["serve", "--listen", &address]).await?);
        served(&client, 5).await?;
    }
    fleet.stop().await?;
    served(&client, 5).await?;
    fleet = deployment.fleet().await?;
    ended.send_replace(true);
    let mut written = Vec::new();
    while let Some(client) = clients.join_next().await {
        written.extend(client.map_err(|error| ScenarioError::new(error.to_string()))??);
    }

    deployment.ended(&campaign, CAMPAIGN).await?;
    let expected = audience.phones().iter().chain(&written);
    let expected: BTreeMap<_, _> = expected.map(|phone| (phone.clone(), 1_usize)).collect();
    eventually("everybody saw the message once", SOON, async || {
        let seen = deployment.network.sightings().await?;
        Ok((seen == expected).then_some(()))
    })
    .await?;
    let summary = deployment.network.summary().await?;
    assert_eq!((summary.duplicates, summary.repeats), (0, 0), "an orderly end leaves nothing in doubt: {summary:?}");
    let processes = servers.into_iter().chain([fleet]).rev();
    deployment.finish(processes.collect::<Vec<_>>()).await
}
