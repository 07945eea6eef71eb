//! Bad input to a running installation: every refusal has its status, its slug and a reason that helps.

use paceline_e2e::{Answer, Api, Installation, People, ScenarioResult, Stack, World};
use serde_json::{Value, json};

use crate::stacks::on_both_stacks;

on_both_stacks![
    files_that_are_no_audience_are_refused_whole,
    a_syntax_error_in_a_template_is_told_with_line_and_column,
    a_campaign_that_cannot_start_says_why,
    what_a_state_does_not_allow_is_refused_naming_the_state,
    a_sender_that_cannot_be_added_says_why,
    without_a_key_nothing_is_told,
    a_time_is_taken_or_refused_alike_wherever_one_is_asked_for,
];

async fn world(stack: Stack) -> ScenarioResult<World> {
    World::start(Installation::on(stack).await?, People::Inside).await
}

/// A draft with this template; answers with its path.
async fn draft(api: &Api, template: &str) -> ScenarioResult<String> {
    let campaign = api.post("/v1/campaigns", &json!({ "template": template, "pool": "default" })).await?.ok()?;
    Ok(format!("/v1/campaigns/{}", campaign["id"].as_str().unwrap_or_default()))
}

async fn upload(api: &Api, campaign: &str, csv: impl Into<reqwest::Body>) -> ScenarioResult<Answer> {
    api.upload(&format!("{campaign}/recipients"), "text/csv", csv).await
}

fn assert_refused(answer: &Answer, status: u16, slug: &str, says: &[&str]) {
    assert_eq!((answer.status, answer.slug()), (status, slug), "{}", answer.body);
    assert_eq!(answer.body["status"], status);
    for part in says {
        assert!(answer.body.to_string().contains(part), "{part:?} is missing in {}", answer.body);
    }
}

async fn files_that_are_no_audience_are_refused_whole(stack: Stack) -> ScenarioResult<()> {
    let world = world(stack).await?;
    let api = &world.api;
    let campaign = draft(api, "Hi").await?;
    let without = upload(api, &campaign, "name,city\nAda,London\n").await?;
    assert_refused(&without, 422, "unreadable-audience", &["phone", "name", "city"]);
    assert_refused(&upload(api, &campaign, "").await?, 422, "unreadable-audience", &["empty"]);
    let picture = [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], &[0_u8, 255, 254, 128].repeat(500)].concat();
    assert_refused(&upload(api, &campaign, picture).await?, 422, "unreadable-audience", &["text"]);
    let workbook = [&b"PK\x03\x04\x14\0\x06\0"[..], &[7_u8, 200, 0, 1].repeat(300)].concat();
    assert_refused(&upload(api, &campaign, workbook).await?, 422, "unreadable-audience", &[]);
    let other = api.upload(&format!("{campaign}/recipients"), "multipart/form-data; boundary=x", "--x").await?;
    assert_eq!(other.status, 415, "{}", other.body);
    assert_eq!(api.get(&campaign).await?.ok()?["rows"], 0, "nothing of them was kept");
    // One bad row fails nothing.
    let kept = upload(api, &campaign, "phone\n+4915123456741\nnonsense\n+4915123456741\n").await?.ok()?;
    assert_eq!((&kept["rows"], &kept["accepted"]), (&json!(3), &json!(1)), "{kept}");
    assert_eq!(kept["excluded"], json!({ "duplicate": 1, "invalid_phone": 1 }));
    assert_eq!((&kept["errors"][0]["row"], &kept["errors"][0]["line"]), (&json!(2), &json!(3)), "{kept}");
    world.finish().await
}

async fn a_syntax_error_in_a_template_is_told_with_line_and_column(stack: Stack) -> ScenarioResult<()> {
    let world = world(stack).await?;
    for template in ["Hi {{ name", "Hi {% if %}", "Line one\nHi {{ name | nofilter }}", "{Hi|Hello", "{% for x in y %}"]
    {
        let refused = world.api.post("/v1/campaigns", &json!({ "template": template })).await?;
        assert_refused(&refused, 422, "template-syntax", &[]);
        assert!(refused.body["line"].is_u64() && refused.body["column"].is_u64(), "{}", refused.body);
    }
    let second = world.api.post("/v1/campaigns", &json!({ "template": "one\ntwo {{ name" })).await?;
    assert_eq!(second.body["line"], 2, "{}", second.body);
    world.finish().await
}

async fn a_campaign_that_cannot_start_says_why(stack: Stack) -> ScenarioResult<()> {
    let mut world = world(stack).await?;
    let api = world.api.clone();
    let campaign = draft(&api, "Hi {{ nmae }}").await?;
    let empty = api.act(&format!("{campaign}/start")).await?;
    assert_refused(&empty, 409, "no-recipients", &["recipients"]);
    upload(&api, &campaign, "phone,name\n+4915123456741,Ada\n").await?.ok()?;
    let missing = api.act(&format!("{campaign}/start")).await?;
    assert_refused(&missing, 422, "missing-variables", &["nmae", "name"]);
    let preview = api.act(&format!("{campaign}/preview")).await?.ok()?;
    assert_eq!(preview["missing_variables"], json!(["nmae"]), "{preview}");

    let corrected = api.request(reqwest::Method::PATCH, &campaign).json(&json!({ "template": "Hi {{ name }}" }));
    api.send(corrected).await?.ok()?;
    let nobody = api.act(&format!("{campaign}/start")).await?;
    assert_refused(&nobody, 409, "no-senders", &["default"]);
    world.add_senders(1, "unlimited").await?;
    assert_eq!(api.act(&format!("{campaign}/start")).await?.ok()?["state"], "running");
    world.finish().await
}

async fn what_a_state_does_not_allow_is_refused_naming_the_state(stack: Stack) -> ScenarioResult<()> {
    let mut world = world(stack).await?;
    world.add_senders(1, "gentle").await?;
    let api = world.api.clone();
    let campaign = draft(&api, "Hi {{ name }}").await?;
    upload(&api, &campaign, "phone,name\n+4915123456741,A\n+4915123456742,B\n+4915123456743,C\n").await?.ok()?;
    let early = api.act(&format!("{campaign}/pause")).await?;
    assert_refused(&early, 409, "campaign-state", &["draft"]);
    api.act(&format!("{campaign}/start")).await?.ok()?;
    assert_refused(&api.act(&format!("{campaign}/start")).await?, 409, "campaign-state", &["running"]);
    let edit = api.send(api.request(reqwest::Method::PATCH, &campaign).json(&json!({ "name": "New" }))).await?;
    assert_refused(&edit, 409, "campaign-not-draft", &["running"]);
    let more = upload(&api, &campaign, "phone,name\n+4915123456749,D\n").await?;
    assert_refused(&more, 409, "campaign-not-draft", &["running"]);
    api.act(&format!("{campaign}/cancel")).await?.ok()?;
    assert_refused(&api.act(&format!("{campaign}/resume")).await?, 409, "campaign-state", &["cancelled"]);
    assert_refused(&api.act(&format!("{campaign}/start")).await?, 409, "campaign-state", &["cancelled"]);
    world.finish().await
}

async fn a_sender_that_cannot_be_added_says_why(stack: Stack) -> ScenarioResult<()> {
    let world = world(stack).await?;
    let add = async |body: Value| world.api.post("/v1/senders", &body).await;
    for phone in ["5550100", "+1 555 0100", "+0155501001", "phone", "", "+15550100123456789"] {
        let refused = add(json!({ "phone": phone })).await?;
        assert_refused(&refused, 422, "invalid-request", &["/phone"]);
    }
    assert_eq!(add(json!({ "phone": "+15550100001" })).await?.status, 201);
    assert_refused(&add(json!({ "phone": "+15550100001" })).await?, 409, "sender-taken", &[]);
    let wrong = json!({ "phone": "x", "profile": "warp", "timezone": "Mars/Olympus", "channel": "pigeon" });
    assert_refused(
        &add(wrong).await?,
        422,
        "invalid-request",
        &["/phone", "/profile", "/timezone", "/channel", "gentle"],
    );
    assert_refused(
        &add(json!({ "phone": "+15550100002", "colour": "red" })).await?,
        422,
        "invalid-request",
        &["colour"],
    );
    world.finish().await
}

async fn without_a_key_nothing_is_told(stack: Stack) -> ScenarioResult<()> {
    let world = world(stack).await?;
    for key in ["", "pl_wrong", "pl_00000000000000000000000000000000000000000000"] {
        let stranger = Api::new(world.api.url(), key)?;
        let refused = stranger.get("/v1/senders").await?;
        assert_refused(&refused, 401, "unauthorized", &[]);
    }
    assert_eq!(Api::new(world.api.url(), "")?.get("/healthz").await?.status, 200);
    assert_refused(&world.api.get("/v1/nothing").await?, 404, "no-such-route", &[]);
    assert_refused(&world.api.get("/v1/messages/msg_0").await?, 404, "not-found", &[]);
    world.finish().await
}

/// Both databases hold the years 0000 to 9999, and RFC 3339 writes them; nothing else is accepted by either.
async fn a_time_is_taken_or_refused_alike_wherever_one_is_asked_for(stack: Stack) -> ScenarioResult<()> {
    let mut world = world(stack).await?;
    world.add_senders(1, "unlimited").await?;
    let api = &world.api;
    let campaign = draft(api, "Hi").await?;
    let ask = async |field: &str, time: &Value| {
        let single = json!({ "to": "+4915123456741", "text": "Hi", field: time });
        let change = api.request(reqwest::Method::PATCH, &campaign).json(&json!({ field: time }));
        let answers = match field {
            "not_before" => vec![api.post("/v1/messages", &single).await?],
            "start_at" => vec![
                api.post("/v1/campaigns", &json!({ "template": "Hi", field: time })).await?,
                api.send(change).await?,
            ],
            _ => vec![
                api.post("/v1/messages", &single).await?,
                api.post("/v1/campaigns", &json!({ "template": "Hi", field: time })).await?,
                api.send(change).await?,
            ],
        };
        Ok::<_, paceline_e2e::ScenarioError>(answers)
    };
    for field in ["not_before", "start_at", "expires_at"] {
        for time in [
            "+10000-01-01T00:00:00Z",
            "-0001-01-01T00:00:00Z",
            "+262142-12-31T23:59:59Z",
            "-262143-01-01T00:00:00Z",
            "9999-12-31T23:59:59-00:01",
            "0000-01-01T00:00:00+00:01",
            "294277-01-01T00:00:00Z",
            "2026-02-30T00:00:00Z",
            "2026-01-01T00:00:00",
            "yesterday",
            "",
            "infinity",
        ] {
            for answer in ask(field, &json!(time)).await? {
                assert_refused(&answer, 422, "invalid-request", &[&format!("\"pointer\":\"/{field}\"")]);
            }
        }
        for answer in ask(field, &json!(17_000_000)).await? {
            assert_refused(&answer, 422, "invalid-request", &[]);
        }
    }
    for (field, time, shown) in [
        ("not_before", "0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ("not_before", "9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
        ("not_before", "1999-12-31T23:59:59.9999999Z", "1999-12-31T23:59:59.999999Z"),
        ("start_at", "0000-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        ("start_at", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("expires_at", "9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999Z"),
    ] {
        for answer in ask(field, &json!(time)).await? {
            assert_eq!(answer.clone().ok()?[field], shown, "{time}");
        }
    }
    for path in ["/v1/messages", "/v1/campaigns"] {
        assert!(!api.list(path).await?.is_empty(), "what was accepted is shown");
    }
    world.finish().await
}
