//! The report: every row of the audience exactly once.

use std::{collections::BTreeMap, fmt::Write as _};

use paceline_domain::Outcome;

use crate::app::{App, phone};

async fn report(app: &App, id: &str) -> BTreeMap<i64, BTreeMap<String, String>> {
    let answer = app.show(&format!("/v1/campaigns/{id}/report")).send().await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/csv; charset=utf-8"));
    assert!(answer.header("content-disposition").contains(&format!("{id}.csv")));
    let mut rows = BTreeMap::new();
    for record in csv::Reader::from_reader(answer.body.as_ref()).deserialize::<BTreeMap<String, String>>() {
        let record = record.unwrap();
        let row = record["row"].parse().unwrap();
        assert!(rows.insert(row, record).is_none(), "row {row} twice");
    }
    rows
}

#[tokio::test]
async fn a_report_has_each_row_once_at_every_stage() {
    let app = App::start().await;
    let sender = app.sender("+15550100").await;
    let id = app.draft("Hi {{ name }}").await;
    let mut csv = String::from("phone,name\n");
    for index in 0..2_500 {
        let name = if index % 10 == 9 { String::new() } else { format!("Name {index}") };
        let phone = if index % 100 == 50 { "=1+1".to_owned() } else { phone(index) };
        writeln!(csv, "{phone},{name}").unwrap();
    }
    writeln!(csv, "{},Again", phone(0)).unwrap();
    app.upload(&id, &csv).await;

    let draft = report(&app, &id).await;
    assert_eq!(draft.len(), 2_501);
    assert_eq!((draft[&1]["bucket"].as_str(), draft[&1]["phone"].as_str()), ("undecided", phone(0).as_str()));
    assert_eq!(draft[&51]["phone"], "'=1+1", "what a spreadsheet would take for a formula");
    assert_eq!((draft[&2_501]["reason"].as_str(), draft[&2_501]["bucket"].as_str()), ("duplicate", "excluded"));

    app.post(&format!("/v1/campaigns/{id}/start")).send().await;
    app.plan().await;
    let holder = app.connect(&sender).await;
    app.send_due(holder, &Outcome::Sent { provider_id: None }).await;
    let running = report(&app, &id).await;
    assert_eq!(running.len(), 2_501);
    let count = |bucket: &str| running.values().filter(|row| row["bucket"] == bucket).count();
    let account = app.show(&format!("/v1/campaigns/{id}")).send().await.json()["account"].clone();
    assert_eq!(Some(count("sent") as u64), account["sent"].as_u64());
    assert_eq!(Some(count("waiting") as u64), account["waiting"].as_u64());
    assert_eq!(count("undecided"), 0);
    assert_eq!(running[&10]["reason"], "missing_variable");
    let sent = running.values().find(|row| row["bucket"] == "sent").unwrap();
    assert_eq!((sent["sender"].as_str(), sent["sent_at"].as_str()), ("+15550100", "2026-03-02T12:00:00.000Z"));
}

#[tokio::test]
async fn an_empty_campaign_has_an_empty_report() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    assert!(report(&app, &id).await.is_empty());
}

#[tokio::test]
async fn rows_that_were_never_planned_are_a_figure_of_their_own_wherever_an_account_is_shown() {
    let app = App::start().await;
    app.sender("+15550100").await;
    let id = app.draft("Hi").await;
    app.upload(&id, &format!("phone\n{}\n{}\nnonsense\n{}\n", phone(1), phone(2), phone(1))).await;
    app.post(&format!("/v1/campaigns/{id}/start")).send().await;
    let before = app.show(&format!("/v1/campaigns/{id}")).send().await.json();
    assert_eq!((&before["account"]["unplanned"], &before["account"]["balanced"]), (&0.into(), &true.into()));
    let cancelled = app.post(&format!("/v1/campaigns/{id}/cancel")).send().await.json();
    let shown = app.show(&format!("/v1/campaigns/{id}")).send().await.json();
    let listed = app.show("/v1/campaigns").send().await.json()["items"][0].clone();
    let progress = app.show(&format!("/v1/campaigns/{id}/progress")).send().await.json();
    for (place, body) in [("cancel", &cancelled), ("show", &shown), ("list", &listed), ("progress", &progress)] {
        let account = &body["account"];
        let figures = [&account["planned"], &account["unplanned"], &account["balanced"]];
        assert_eq!(
            figures,
            [&serde_json::json!(0), &serde_json::json!(2), &serde_json::json!(true)],
            "{place}: {body}"
        );
        let excluded: i64 = crate::app::counts(&body["excluded"]).values().sum();
        assert_eq!(excluded, 2, "{place}");
    }
    assert_eq!((&progress["planning"]["unplanned"], &progress["planning"]["done"]), (&2.into(), &true.into()));
    let rows = report(&app, &id).await;
    let buckets: Vec<_> = rows.values().map(|row| row["bucket"].as_str()).collect();
    assert_eq!(buckets, ["unplanned", "unplanned", "excluded", "excluded"]);
    assert_eq!(rows[&1]["reason"], "campaign_cancelled");
}

/// What people write where a number should stand.
const HOSTILE: [&str; 9] =
    ["=1+1", "+cmd|' /C calc'!A0", "+HYPERLINK(1)", "-1", "@SUM(1)", "\n=1", "\u{FF1D}1", "'=1", "''=2"];

#[tokio::test]
async fn no_cell_is_a_formula_and_a_report_is_read_back_as_it_was() {
    let app = App::start().await;
    let id = app.draft("Hi").await;
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(["phone"]).unwrap();
    for hostile in HOSTILE {
        csv.write_record([hostile]).unwrap();
    }
    csv.write_record([phone(1)]).unwrap();
    let csv = String::from_utf8(csv.into_inner().unwrap()).unwrap();
    assert_eq!(app.upload(&id, &csv).await.json()["rows"], 10);
    let first = report(&app, &id).await;
    for row in first.values() {
        for cell in row.values() {
            let bare = cell.strip_prefix('+').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
            let begins = cell.trim_start().starts_with(['=', '+', '-', '@', '\u{FF1D}']);
            assert!(bare || !begins, "{cell:?}");
        }
    }
    let exclusions = async |id: &str| {
        let listed = app.show(&format!("/v1/campaigns/{id}/exclusions")).send().await.json();
        let items = listed["items"].as_array().unwrap().clone();
        items.into_iter().map(|row| (row["row"].clone(), row["phone"].clone())).collect::<Vec<_>>()
    };
    let written = exclusions(&id).await;

    // The report as a file of recipients, twice over: nothing is added to any number.
    let mut last = id;
    for _ in 0..2 {
        let whole = app.show(&format!("/v1/campaigns/{last}/report")).send().await.text();
        last = app.draft("Hi").await;
        let answer = app.upload(&last, &whole).await;
        assert_eq!((answer.status, answer.json()["accepted"].as_i64()), (200, Some(1)), "{}", answer.text());
        assert_eq!(exclusions(&last).await, written);
    }
}
