//! The fleet: who works for which sender, who has gone silent, and why a sender has nobody.

use std::time::Duration;

use chrono::TimeDelta;
use futures_util::future::join_all;
use paceline_domain::{ChannelKind, SenderId, WorkerId};
use paceline_pacing::Seed;
use paceline_store::{
    fleet::{FleetStore, WorkerReport},
    leases::{DeadHolder, LeaseStore, LeaseWish},
    senders::{NewSender, SenderStore},
};
use serde_json::{Value, json};

use crate::{
    app::{App, noon},
    auth::second_workspace,
};

const HOUR: Duration = Duration::from_hours(1);

/// What a worker for any sender of the simulator says of itself.
fn report(id: WorkerId, slots: u32) -> WorkerReport {
    WorkerReport {
        id,
        host: "one.example".to_owned(),
        pid: 4711,
        version: "0.1.0".to_owned(),
        pinned: None,
        slots,
        channels: vec![ChannelKind::Simulator],
        listen: Some("127.0.0.1:9464".to_owned()),
        resident_bytes: 20 << 20,
        draining: false,
    }
}

/// Leases so many senders that nobody has, by time of addition.
async fn lease(app: &App, worker: WorkerId, slots: u32) -> Vec<SenderId> {
    let wish = LeaseWish { worker, slots, pinned: None, channels: ChannelKind::ALL.to_vec(), ttl: HOUR };
    let leases = app.store.claim_leases(wish).await.unwrap();
    leases.into_iter().map(|lease| lease.sender.id).collect()
}

async fn fleet(app: &App, query: &str) -> Value {
    let answer = app.show(&format!("/v1/fleet{query}")).send().await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn texts<'a>(items: &'a Value, member: &str) -> Vec<&'a str> {
    items.as_array().unwrap().iter().map(|item| item[member].as_str().unwrap()).collect()
}

/// The code of the reason why the only unleased sender has nobody, after checking that a sentence stands beside it.
async fn only_reason(app: &App) -> String {
    let fleet = fleet(app, "").await;
    assert_eq!((&fleet["unleased_count"], fleet["unleased"].as_array().unwrap().len()), (&json!(1), 1), "{fleet}");
    let why = &fleet["unleased"][0]["why"];
    assert!(why["detail"].as_str().unwrap().ends_with('.') && why["until"].is_null(), "{why}");
    why["code"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_worker_is_shown_with_the_senders_that_it_leases() {
    let app = App::start().await;
    let sender = app.sender("+15550100").await;
    let (_, worker, _) = app.connect(&sender).await;
    let shown = report(worker, 5);
    app.store.report_worker(WorkerReport { pinned: sender.parse().ok(), ..shown }, HOUR).await.unwrap();
    let mut fleet = fleet(&app, "").await;
    let entry = &mut fleet["workers"][0];
    assert_eq!((&entry["worker_id"], &entry["pinned_sender_id"]), (&json!(worker), &json!(sender)));
    let leased = app.show(&format!("/v1/senders/{sender}")).send().await.json();
    assert_eq!(entry["senders"][0]["lease_expires_at"], leased["lease"]["expires_at"]);
    assert_eq!(entry["senders"][0]["session"], leased["session"]);
    for member in ["worker_id", "pinned_sender_id", "started_at", "seen_at"] {
        assert!(entry[member].is_string(), "{member}: {entry}");
        entry[member] = json!("…");
    }
    entry["senders"][0]["sender_id"] = json!("…");
    entry["senders"][0]["lease_expires_at"] = json!("…");
    insta::assert_json_snapshot!(fleet, @r#"
    {
      "next_cursor": null,
      "unleased": [],
      "unleased_count": 0,
      "workers": [
        {
          "channels": [
            "simulator"
          ],
          "draining": false,
          "host": "one.example",
          "listen": "127.0.0.1:9464",
          "pid": 4711,
          "pinned": true,
          "pinned_sender_id": "…",
          "resident_bytes": 20971520,
          "seen_at": "…",
          "senders": [
            {
              "epoch": 1,
              "last_sent_at": null,
              "lease_expires_at": "…",
              "phone": "+15550100",
              "sender_id": "…",
              "session": {
                "detail": null,
                "since": "2026-03-02T12:00:00Z",
                "state": "connected"
              },
              "state": "active"
            }
          ],
          "senders_count": 1,
          "senders_held": 1,
          "silent": false,
          "slots": 5,
          "started_at": "…",
          "version": "0.1.0",
          "worker_id": "…"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn of_another_workspaces_senders_only_their_number_shows() {
    let app = App::start().await;
    let sender = app.sender("+15550100").await;
    let waiting = app.sender("+15550101").await;
    let (_, worker, _) = app.connect(&sender).await;
    let pinned = WorkerReport { pinned: sender.parse().ok(), ..report(worker, 1) };
    app.store.report_worker(pinned, HOUR).await.unwrap();
    let silent = app.minter.mint(noon());
    assert_eq!(lease(&app, silent, 1).await, [waiting.parse().unwrap()]);

    let stranger = second_workspace(&app).await;
    let answer = app.show("/v1/fleet").header("authorization", &stranger).send().await;
    let fleet = answer.json();
    assert_eq!(texts(&fleet["workers"], "worker_id"), [worker.to_string(), silent.to_string()]);
    for entry in fleet["workers"].as_array().unwrap() {
        assert_eq!((&entry["senders_held"], &entry["senders_count"]), (&json!(1), &json!(0)), "{entry}");
        assert_eq!((&entry["senders"], &entry["pinned_sender_id"]), (&json!([]), &json!(null)), "{entry}");
    }
    assert_eq!(fleet["workers"][0]["pinned"], true);
    assert_eq!((&fleet["unleased"], &fleet["unleased_count"]), (&json!([]), &json!(0)));
    for secret in [sender.as_str(), waiting.as_str(), "1555010"] {
        assert!(!answer.text().contains(secret), "{secret} in {}", answer.text());
    }
}

#[tokio::test]
async fn a_silent_worker_is_shown_for_as_long_as_it_leases() {
    let app = App::start().await;
    let sender = app.sender("+15550100").await;
    let (_, worker, _) = app.connect(&sender).await;
    app.store.report_worker(report(worker, 5), Duration::ZERO).await.unwrap();
    let shown = fleet(&app, "").await;
    let entry = &shown["workers"][0];
    assert_eq!((&entry["worker_id"], &entry["silent"], &entry["host"]), (&json!(worker), &json!(true), &json!(null)));
    assert_eq!((&entry["senders_held"], &entry["senders"][0]["sender_id"]), (&json!(1), &json!(sender)));
    assert_eq!(shown["unleased"], json!([]), "its senders are not free yet");

    app.store.end_leases(DeadHolder::Worker(worker)).await.unwrap();
    let shown = fleet(&app, "").await;
    assert_eq!((&shown["workers"], &shown["unleased_count"]), (&json!([]), &json!(1)));
}

#[tokio::test]
async fn an_active_sender_that_nobody_leases_says_why() {
    let app = App::start().await;
    let taken = app.sender("+15550100").await;
    let (_, worker, _) = app.connect(&taken).await;
    let free: SenderId = app.sender("+15550101").await.parse().unwrap();
    let say = async |report| app.store.report_worker(report, HOUR).await.unwrap();
    assert_eq!(only_reason(&app).await, "no_worker_of_channel", "a silent worker is no worker");
    say(WorkerReport { channels: vec![ChannelKind::Cloud], ..report(worker, 5) }).await;
    assert_eq!(only_reason(&app).await, "no_worker_of_channel");
    say(report(worker, 1)).await;
    assert_eq!(only_reason(&app).await, "all_slots_taken");
    say(report(worker, 2)).await;
    assert_eq!(only_reason(&app).await, "not_taken_up_yet");
    say(WorkerReport { draining: true, ..report(worker, 2) }).await;
    assert_eq!(only_reason(&app).await, "all_slots_taken");

    // What a worker is pinned to never changes: each pin is another process.
    let elsewhere = WorkerReport { pinned: taken.parse().ok(), ..report(app.minter.mint(noon()), 1) };
    say(elsewhere).await;
    assert_eq!(only_reason(&app).await, "all_slots_taken");
    let pinned = WorkerReport { pinned: Some(free), ..report(app.minter.mint(noon()), 1) };
    say(WorkerReport { draining: true, ..pinned.clone() }).await;
    assert_eq!(only_reason(&app).await, "all_slots_taken");
    say(pinned).await;
    assert_eq!(only_reason(&app).await, "not_taken_up_yet");
}

#[tokio::test]
async fn a_paused_sender_waits_for_nobody_and_shows_while_it_is_given_back() {
    let app = App::start().await;
    let (leased, free) = (app.sender("+15550100").await, app.sender("+15550101").await);
    let (_, worker, _) = app.connect(&leased).await;
    for sender in [&leased, &free] {
        assert_eq!(app.post(&format!("/v1/senders/{sender}/pause")).send().await.status, 200);
    }
    let shown = fleet(&app, "").await;
    assert_eq!((&shown["unleased"], &shown["unleased_count"]), (&json!([]), &json!(0)));
    assert_eq!(shown["workers"][0]["worker_id"], json!(worker));
    assert_eq!(shown["workers"][0]["senders"][0]["sender_id"], json!(leased));
    assert_eq!(shown["workers"][0]["senders"][0]["state"], "paused");
}

#[tokio::test]
async fn a_page_has_as_many_workers_and_senders_as_asked_for_and_counts_the_rest() {
    let app = App::start().await;
    let mut senders = Vec::new();
    for index in 0..9 {
        senders.push(app.sender(&format!("+1555010{index}")).await);
        app.clock.advance(TimeDelta::seconds(1));
    }
    for _ in 0..4 {
        app.store.report_worker(report(app.minter.mint(noon()), 10), HOUR).await.unwrap();
    }
    let mut silent: Vec<WorkerId> = (0..2).map(|_| app.minter.mint(noon())).collect();
    let first = app.store.list_workers().await.unwrap()[0].report.id;
    lease(&app, first, 3).await;
    lease(&app, silent[0], 1).await;
    lease(&app, silent[1], 2).await;
    silent.sort_unstable();

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for _ in 0..3 {
        let page = fleet(&app, &format!("?limit=2{cursor}")).await;
        assert_eq!(texts(&page["unleased"], "sender_id"), [&*senders[6], &*senders[7]], "alike on every page");
        assert_eq!(page["unleased_count"], 3);
        seen.extend(page["workers"].as_array().unwrap().clone());
        cursor = page["next_cursor"].as_str().map_or_else(String::new, |next| format!("&cursor={next}"));
    }
    assert_eq!(cursor, "", "the third page is the last");
    let listed = app.store.list_workers().await.unwrap();
    let listed = listed.iter().map(|view| view.report.id);
    let order: Vec<Value> = listed.chain(silent).map(|worker| json!(worker)).collect();
    assert_eq!(seen.iter().map(|entry| entry["worker_id"].clone()).collect::<Vec<_>>(), order);
    assert_eq!((&seen[0]["senders_held"], &seen[0]["senders_count"]), (&json!(3), &json!(3)));
    assert_eq!(texts(&seen[0]["senders"], "sender_id"), [&*senders[0], &*senders[1]], "by time of addition");
    assert_eq!(fleet(&app, "").await["workers"][0]["senders"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_fleet_of_more_senders_than_one_reading_brings_is_counted_whole() {
    let app = App::start().await;
    let additions = (0..1_100).map(|index: i64| {
        let sender = NewSender {
            id: app.minter.mint(noon()),
            workspace: app.workspace,
            phone: format!("+1555{index:07}").parse().unwrap(),
            channel: ChannelKind::Simulator,
            name: format!("Sender {index}"),
            account: None,
            pools: vec!["default".to_owned()],
            profile: "unlimited".to_owned(),
            zone: chrono_tz::UTC,
            seed: Seed(index),
            created_at: noon() + TimeDelta::seconds(index),
        };
        app.store.add_sender(sender)
    });
    join_all(additions).await.into_iter().for_each(|added| drop(added.unwrap()));
    let worker = app.minter.mint(noon());
    app.store.report_worker(report(worker, 1_050), HOUR).await.unwrap();
    assert_eq!(lease(&app, worker, 1_050).await.len(), 1_050);
    let shown = fleet(&app, "?limit=7").await;
    let entry = &shown["workers"][0];
    assert_eq!((&entry["senders_held"], &entry["senders_count"]), (&json!(1_050), &json!(1_050)));
    assert_eq!((entry["senders"].as_array().unwrap().len(), shown["unleased"].as_array().unwrap().len()), (7, 7));
    assert_eq!(shown["unleased_count"], 50);
    assert_eq!(shown["unleased"][0]["why"]["code"], "all_slots_taken");
}

#[tokio::test]
async fn limits_and_cursors_of_the_fleet_are_its_own() {
    let app = App::start().await;
    for _ in 0..2 {
        app.draft("Hi").await;
    }
    let campaigns = app.show("/v1/campaigns?limit=1").send().await.json();
    let foreign = format!("cursor={}", campaigns["next_cursor"].as_str().unwrap());
    for (query, parameter) in
        [("limit=0", "limit"), ("limit=1001", "limit"), (foreign.as_str(), "cursor"), ("phone=1", "phone")]
    {
        let answer = app.show(&format!("/v1/fleet?{query}")).send().await;
        let problem = answer.problem();
        assert_eq!((answer.status, &problem["errors"][0]["parameter"]), (422, &json!(parameter)), "{query}: {problem}");
    }
}
