//! The planner: every row in one bucket, once, whatever gets in the way.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use paceline_control::{Meters, PlanOptions, Planner};
use paceline_domain::{
    CampaignId, Clock, Content, Exclusion, Minter, SleepFuture, SuppressionId, SuppressionReason, SuppressionScope,
    WorkspaceId,
};
use paceline_store::{
    StoreError,
    plan::{PlannedMessage, UnplannedRow},
    suppressions::Suppression,
};

use crate::{
    builders::{KEY, campaign, meters, noon, row, sender_id, unavailable},
    fakes::{FakePlans, StillClock, lock, step},
};

fn planner(store: &Arc<FakePlans>, batch_rows: u32, seed: u8) -> Planner {
    let (meters, _) = meters();
    planner_with(store, batch_rows, seed, meters)
}

fn planner_with(store: &Arc<FakePlans>, batch_rows: u32, seed: u8, meters: Arc<Meters>) -> Planner {
    let (clock, minter) = (StillClock::at(noon(), 1.0), Arc::new(Minter::new([seed; 32])));
    let options = PlanOptions { batch_rows, ..PlanOptions::default() };
    Planner::new(store.clone(), clock, minter, meters).with_options(options)
}

fn rows(count: i64) -> Vec<UnplannedRow> {
    (1..=count).map(|number| row(number, &format!(r#"{{"name":"N{number}"}}"#))).collect()
}

/// Steps until nothing is undecided.
async fn plan_all(planner: &mut Planner) {
    for _ in 0..1_000 {
        match step(planner).await {
            Ok(pause) if pause > Duration::ZERO => return,
            Ok(_) | Err(_) => {}
        }
    }
    panic!("the planner does not come to an end");
}

fn planned(store: &FakePlans) -> Vec<PlannedMessage> {
    lock(&store.recorded).iter().flat_map(|batch| batch.messages.clone()).collect()
}

#[tokio::test]
async fn every_row_becomes_a_message_or_one_exclusion() {
    let store = Arc::new(FakePlans::default());
    let mut suppressed = row(2, r#"{"name":"Bea"}"#);
    let since = noon() - TimeDelta::days(3);
    suppressed.suppression = Some(Suppression {
        id: SuppressionId::from_bytes([1; 16]),
        workspace: WorkspaceId::from_bytes([1; 16]),
        hash: suppressed.recipient.hash,
        address: None,
        scope: SuppressionScope::Marketing,
        reason: SuppressionReason::Complaint,
        since,
    });
    let mut sticky = row(1, r#"{"name":"Ana"}"#);
    sticky.sticky = Some(sender_id(7));
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(5_000));
    let rows = vec![sticky, suppressed, row(3, "{}"), row(4, &long), row(6, "not json")];
    store.add(campaign(1, "Hello {{ name }}", 9), rows);
    let (meters, metrics) = meters();
    plan_all(&mut planner_with(&store, 100, 1, meters)).await;

    let batches = lock(&store.recorded).clone();
    let [batch] = &batches[..] else { panic!("one batch holds them all") };
    assert_eq!((batch.after_row, batch.through_row, batch.now), (0, 9, noon()), "trailing excluded rows are passed");
    let [message] = &batch.messages[..] else { panic!("one message") };
    assert_eq!(message.content, Content::Text { body: "Hello Ana".to_owned() });
    assert_eq!((message.sticky, message.recipient.row), (Some(sender_id(7)), 1));
    assert_eq!(message.wa_id, KEY.wa_id(message.id));
    let exclusions: Vec<_> = batch.exclusions.iter().map(|(row, exclusion)| (row.row, exclusion.clone())).collect();
    assert_eq!(
        exclusions,
        [
            (2, Exclusion::Suppressed { since, why: SuppressionReason::Complaint }),
            (3, Exclusion::MissingVariable { variable: "name".to_owned() }),
            (4, Exclusion::UnsendableText { chars: 5_006 }),
            (6, Exclusion::RenderFailed { detail: "the stored variables cannot be read".to_owned() }),
        ]
    );
    let shown = metrics.render();
    for line in [
        "paceline_planned_rows_total{became=\"message\"} 1",
        "paceline_planned_rows_total{became=\"exclusion\"} 4",
        "paceline_planning_exclusions_total{reason=\"missing_variable\"} 1",
    ] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
}

#[tokio::test]
async fn ids_ascend_by_row_within_and_across_batches_though_the_clock_stands() {
    let store = Arc::new(FakePlans::default());
    store.add(campaign(1, "Hi {{ name }}", 500), rows(500));
    plan_all(&mut planner(&store, 64, 1)).await;
    let messages = planned(&store);
    assert_eq!(messages.len(), 500);
    assert!(messages.windows(2).all(|pair| pair[0].recipient.row < pair[1].recipient.row && pair[0].id < pair[1].id));
}

#[tokio::test]
async fn a_campaign_whose_last_rows_are_all_excluded_is_decided_to_its_end() {
    let store = Arc::new(FakePlans::default());
    store.add(campaign(1, "Hi {{ name }}", 10), rows(4));
    store.add(campaign(2, "Hi {{ name }}", 3), Vec::new());
    plan_all(&mut planner(&store, 4, 1)).await;
    assert_eq!(store.planned_through(CampaignId::from_bytes([1; 16])), 10);
    assert_eq!(store.planned_through(CampaignId::from_bytes([2; 16])), 3);
    assert_eq!(planned(&store).len(), 4);
}

#[tokio::test]
async fn the_next_rows_are_read_while_a_batch_is_recorded() {
    let store = Arc::new(FakePlans::default());
    // The last batch has nothing to read beside it.
    store.add(campaign(1, "Hi {{ name }}", 100), rows(100));
    *lock(&store.record_waits_for_read) = true;
    let options = PlanOptions { batch_rows: 10, batches_per_turn: 100, ..PlanOptions::default() };
    let (meters, _) = meters();
    let minter = Arc::new(Minter::new([1; 32]));
    let mut planner = Planner::new(store.clone(), StillClock::at(noon(), 1.0), minter, meters).with_options(options);
    let running = tokio::spawn(async move { step(&mut planner).await.map(drop) });
    let id = CampaignId::from_bytes([1; 16]);
    tokio::time::timeout(Duration::from_secs(5), async {
        while store.planned_through(id) < 90 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .expect("nine batches are recorded, each beside the reading of the next");
    *lock(&store.record_waits_for_read) = false;
    running.abort();
}

#[tokio::test]
async fn two_planners_decide_every_row_once() {
    let store = Arc::new(FakePlans::default());
    store.add(campaign(1, "Hi {{ name }}", 1_000), rows(1_000));
    store.add(campaign(2, "Hi {{ name }}", 300), rows(300));
    let (mut first, mut second) = (planner(&store, 16, 1), planner(&store, 16, 2));
    tokio::join!(plan_all(&mut first), plan_all(&mut second));
    for byte in [1, 2] {
        let id = CampaignId::from_bytes([byte; 16]);
        let batches = lock(&store.recorded).clone();
        let decided: Vec<_> = batches
            .iter()
            .filter(|batch| batch.campaign == id)
            .flat_map(|batch| batch.messages.iter().map(|message| message.recipient.row))
            .collect();
        let distinct: HashSet<_> = decided.iter().collect();
        assert_eq!((decided.len(), distinct.len()), if byte == 1 { (1_000, 1_000) } else { (300, 300) });
    }
    let ids: HashSet<_> = planned(&store).iter().map(|message| message.id).collect();
    assert_eq!(ids.len(), 1_300);
}

#[tokio::test]
async fn a_conflict_on_one_campaign_does_not_keep_the_next_one() {
    let store = Arc::new(FakePlans::default());
    store.add(campaign(1, "Hi {{ name }}", 3), rows(3));
    store.add(campaign(2, "Hi {{ name }}", 3), rows(3));
    store.failures.push(StoreError::Conflict { what: "campaigns".to_owned() });
    let mut planner = planner(&store, 10, 1);
    assert_eq!(step(&mut planner).await.expect("a conflict is no error"), Duration::ZERO);
    assert_eq!(store.planned_through(CampaignId::from_bytes([2; 16])), 3);
    plan_all(&mut planner).await;
    assert_eq!(store.planned_through(CampaignId::from_bytes([1; 16])), 3);
}

#[tokio::test]
async fn an_outage_in_the_middle_loses_and_doubles_nothing() {
    let store = Arc::new(FakePlans::default());
    store.add(campaign(1, "Hi {{ name }}", 100), rows(100));
    for _ in 0..3 {
        store.failures.push(unavailable());
    }
    let mut planner = planner(&store, 30, 1);
    for _ in 0..3 {
        assert!(matches!(step(&mut planner).await, Err(error) if error.to_string().contains("unavailable")));
    }
    plan_all(&mut planner).await;
    let decided: Vec<_> = planned(&store).iter().map(|message| message.recipient.row).collect();
    assert_eq!(decided, (1..=100).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_template_that_does_not_compile_harms_no_other_campaign() {
    let store = Arc::new(FakePlans::default());
    store.add(campaign(1, "Hi {{ name", 3), rows(3));
    store.add(campaign(2, "Hi {{ name }}", 3), rows(3));
    let mut planner = planner(&store, 10, 1);
    plan_all(&mut planner).await;
    assert_eq!(store.planned_through(CampaignId::from_bytes([1; 16])), 0);
    assert_eq!(store.planned_through(CampaignId::from_bytes([2; 16])), 3);
    let pause = step(&mut planner).await.expect("it goes on");
    assert!(pause > Duration::ZERO, "what cannot be planned is not tried without pause");
}

#[tokio::test]
async fn campaigns_take_turns() {
    let store = Arc::new(FakePlans::default());
    store.add(campaign(1, "Hi {{ name }}", 1_000), rows(1_000));
    store.add(campaign(2, "Hi {{ name }}", 5), rows(5));
    let mut planner = planner(&store, 10, 1);
    step(&mut planner).await.expect("the first step");
    assert_eq!(store.planned_through(CampaignId::from_bytes([1; 16])), 100, "ten batches are a turn");
    assert_eq!(store.planned_through(CampaignId::from_bytes([2; 16])), 5);
}

#[tokio::test]
async fn what_a_person_is_sent_is_what_the_preview_showed() {
    let store = Arc::new(FakePlans::default());
    store.add(campaign(1, "{Hi|Hello|Hey} {{ name }}", 50), rows(50));
    plan_all(&mut planner(&store, 100, 1)).await;
    let template = paceline_audience::Template::parse("{Hi|Hello|Hey} {{ name }}").expect("it compiles");
    for message in planned(&store) {
        let variables = paceline_audience::Variables::from_json(&message.recipient.variables).expect("JSON");
        let key = paceline_audience::VariantKey::new(CampaignId::from_bytes([1; 16]), message.recipient.hash);
        let body = template.render(&variables, key).expect("it renders");
        assert_eq!(message.content, Content::Text { body });
    }
}

/// A clock on which every look takes time, as rendering does.
struct BusyClock {
    now: Mutex<DateTime<Utc>>,
    each: TimeDelta,
}

impl Clock for BusyClock {
    fn now(&self) -> DateTime<Utc> {
        noon()
    }
    fn real_now(&self) -> DateTime<Utc> {
        let mut now = lock(&self.now);
        *now += self.each;
        *now
    }
    fn sleep_until(&self, _: DateTime<Utc>) -> SleepFuture {
        Box::pin(std::future::pending())
    }
}

fn busy_planner(store: &Arc<FakePlans>, each: TimeDelta) -> Planner {
    let (meters, _) = meters();
    let clock = Arc::new(BusyClock { now: Mutex::new(noon()), each });
    let options = PlanOptions { row: Duration::from_hours(1), ..PlanOptions::default() };
    Planner::new(store.clone(), clock, Arc::new(Minter::new([1; 32])), meters).with_options(options)
}

#[tokio::test]
async fn campaigns_take_turns_by_time_and_not_by_rows() {
    let store = Arc::new(FakePlans::default());
    store.add(campaign(1, "{% for i in range(9) %}{{ name }}{% endfor %}", 1_000), rows(1_000));
    store.add(campaign(2, "Hi {{ name }}", 5), rows(5));
    // Each look at the clock takes as long as a turn may: one row is decided in it.
    let mut planner = busy_planner(&store, TimeDelta::milliseconds(250));
    step(&mut planner).await.expect("a step");
    let (slow, quick) = (CampaignId::from_bytes([1; 16]), CampaignId::from_bytes([2; 16]));
    assert!((1..=3).contains(&store.planned_through(slow)), "{}", store.planned_through(slow));
    assert!(store.planned_through(quick) >= 1, "the other has its turn in the same step");
    plan_all(&mut planner).await;
    assert_eq!((store.planned_through(slow), store.planned_through(quick)), (1_000, 5));
    let rows: Vec<_> = planned(&store).iter().map(|message| message.recipient.row).collect();
    assert_eq!(rows.len(), 1_005, "every row is decided once");
}

#[tokio::test]
async fn long_rows_are_read_few_at_a_time() {
    let store = Arc::new(FakePlans::default());
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(60_000));
    store.add(campaign(1, "Hi", 1_000), (1..=1_000).map(|number| row(number, &long)).collect());
    let mut planner = planner(&store, 2_000, 1);
    plan_all(&mut planner).await;
    let largest = lock(&store.recorded).iter().skip(1).map(|batch| batch.messages.len()).max();
    assert!(largest.is_some_and(|rows| rows * 60_000 <= 4 << 20), "{largest:?}");
}

#[tokio::test]
async fn a_row_that_takes_too_long_is_excluded_and_the_others_are_not() {
    let store = Arc::new(FakePlans::default());
    let work = "{% for i in range(200) %}{% if (t | split | sort | length) == i %}{% endif %}{% endfor %}Hi";
    let words: String = (0..9_000).map(|number: u32| number.to_string() + " ").collect();
    let rows = vec![row(1, r#"{"t":"a"}"#), row(2, &format!(r#"{{"t":"{words}"}}"#)), row(3, r#"{"t":"b"}"#)];
    store.add(campaign(1, work, 3), rows);
    plan_all(&mut planner(&store, 10, 1)).await;
    let batches = lock(&store.recorded).clone();
    let excluded: Vec<_> = batches.iter().flat_map(|batch| &batch.exclusions).collect();
    assert_eq!(planned(&store).len(), 2);
    assert_eq!((excluded.len(), excluded[0].0.row, excluded[0].1.reason()), (1, 2, "render_too_expensive"));
}
