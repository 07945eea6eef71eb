//! A server dies while it accepts.

use paceline_e2e::{Answer, ScenarioResult, Stack, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use super::drill::Drill;
use crate::{
    bounds::{CAMPAIGN, SOON},
    stacks::on_both_stacks,
};

on_both_stacks![
    killed_before_anything_is_written_the_request_can_be_repeated,
    killed_after_the_commit_the_repeated_request_finds_what_the_first_one_made,
    killed_after_the_answer_is_recorded_the_repeated_request_gets_it,
    killed_before_it_answers_a_start_the_campaign_runs_all_the_same,
];

/// Row 1.
async fn killed_before_anything_is_written_the_request_can_be_repeated(stack: Stack) -> ScenarioResult<()> {
    one_message(stack, "api.received").await
}

/// Row 2, before the answer is recorded under its key: the key is claimed for half a minute, after which the same ids are made.
async fn killed_after_the_commit_the_repeated_request_finds_what_the_first_one_made(
    stack: Stack,
) -> ScenarioResult<()> {
    one_message(stack, "api.committed").await
}

/// Row 2.
async fn killed_after_the_answer_is_recorded_the_repeated_request_gets_it(stack: Stack) -> ScenarioResult<()> {
    one_message(stack, "api.accepted").await
}

/// A client asks for one message, hears nothing, and asks again under the same key.
async fn one_message(stack: Stack, failpoint: &str) -> ScenarioResult<()> {
    let person = "+491516500004040";
    let mut drill = Drill::start(stack, "").await?;
    drill.world.must_not_be_logged([person.trim_start_matches('+').to_owned()]);
    drill.arm(failpoint).await?;
    let unheard = ask(&drill, person).await;
    assert!(unheard.is_err(), "the server died before it answered: {unheard:?}");
    drill.died().await?;
    drill.revive().await?;
    drill.let_claims_run_out().await?;
    let accepted = eventually("the key is free", CAMPAIGN, async || {
        let answer = ask(&drill, person).await?;
        if answer.status == 409 { Err(paceline_e2e::ScenarioError::new(answer.detail())) } else { Ok(Some(answer)) }
    })
    .await?;
    assert_eq!(accepted.status, 201, "{}", accepted.body);
    let id = accepted.body["id"].as_str().unwrap_or_default().to_owned();
    let sent = eventually("the message is sent", SOON, async || {
        let message = drill.world.api.get(&format!("/v1/messages/{id}")).await?.ok()?;
        Ok((message["state"] == "sent").then_some(message))
    })
    .await?;

    let journal = drill.world.network.journal().await?;
    assert_eq!(journal.len(), 1, "one message, one send: {journal:?}");
    assert_eq!((journal[0].recipient.as_str(), &sent["wa_id"]), (person, &Value::from(journal[0].id.clone())));
    assert_eq!(drill.world.api.list("/v1/messages").await?.len(), 1, "one message was made");
    let told = eventually("the customer is told", CAMPAIGN, async || {
        let told = drill.receiver.delivered().into_iter().filter(|told| told.body["type"] == "message.sent").count();
        Ok((told > 0).then_some(told))
    });
    assert_eq!(told.await?, 1);
    drill.finish().await
}

async fn ask(drill: &Drill, person: &str) -> ScenarioResult<Answer> {
    let request = drill.world.api.request(Method::POST, "/v1/messages").header("idempotency-key", "zebra-1");
    let body = json!({ "to": person, "text": "Your zebra-crossing is ready." });
    drill.world.api.send(request.json(&body)).await
}

/// Row 2, for a request that has no key.
async fn killed_before_it_answers_a_start_the_campaign_runs_all_the_same(stack: Stack) -> ScenarioResult<()> {
    let mut drill = Drill::start(stack, "").await?;
    let audience = paceline_e2e::Audience::ordinary(66, 24);
    let campaign = drill.world.draft(&audience).await?;
    drill.arm("api.accepted").await?;
    let unheard = drill.world.api.act(&format!("/v1/campaigns/{campaign}/start")).await;
    assert!(unheard.is_err(), "the server died before it answered: {unheard:?}");
    drill.campaigns.insert(campaign, audience);
    drill.died().await?;
    drill.revive().await?;
    drill.let_claims_run_out().await?;
    drill.books().await?.all_sent();
    drill.finish().await
}
