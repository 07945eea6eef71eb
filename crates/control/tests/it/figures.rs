//! The figures as an operator's Prometheus sees them.

use std::{sync::Arc, time::Duration};

use paceline_control::Figures;
use paceline_domain::Account;
use paceline_store::health::StoreFigures;

use crate::{
    builders::meters,
    fakes::{FakeHealth, step},
};

#[tokio::test]
async fn the_account_and_the_store_s_figures_are_shown() {
    let account =
        Account { planned: 21, sent: 6, failed: 5, unknown: 4, expired: 3, cancelled: 2, ..Account::default() };
    let figures = StoreFigures {
        account: Account { waiting: 1, sending: 1, delivered: 4, read: 3, replied: 2, opted_out: 1, ..account },
        leases_held: 20,
        outbox_age: Some(Duration::from_millis(7_900)),
        deliveries_waiting: 8,
        dead_letters: 2,
        events_unnumbered: 9,
    };
    let (meters, metrics) = meters();
    step(&mut Figures::new(Arc::new(FakeHealth(figures)), meters)).await.expect("it is shown");
    let shown = metrics.render();
    for line in [
        "paceline_messages{bucket=\"planned\"} 21",
        "paceline_messages{bucket=\"sent\"} 6",
        "paceline_messages{bucket=\"failed\"} 5",
        "paceline_messages{bucket=\"unknown\"} 4",
        "paceline_messages{bucket=\"expired\"} 3",
        "paceline_messages{bucket=\"cancelled\"} 2",
        "paceline_messages{bucket=\"waiting\"} 1",
        "paceline_message_facts{fact=\"delivered\"} 4",
        "paceline_account_imbalance 0",
        "paceline_outbox_age_seconds 7",
        "paceline_leases_held 20",
        "paceline_webhook_deliveries_waiting 8",
        "paceline_dead_letters_waiting 2",
        "paceline_events_unnumbered 9",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
    }
}

#[tokio::test]
async fn a_message_in_no_bucket_shows_as_an_imbalance() {
    let figures = StoreFigures { account: Account { planned: 3, sent: 1, ..Account::default() }, ..Default::default() };
    let (meters, metrics) = meters();
    step(&mut Figures::new(Arc::new(FakeHealth(figures)), meters)).await.expect("it is shown");
    assert!(metrics.render().lines().any(|line| line == "paceline_account_imbalance 2"));
}

#[test]
fn every_metric_tells_what_a_rise_means() {
    let (_, metrics) = meters();
    let inventory = metrics.inventory();
    assert!(inventory.len() >= 15);
    for entry in inventory {
        assert!(entry.describe.name.starts_with("paceline_"), "{}", entry.describe.name);
        assert_eq!(entry.describe.name.ends_with("_total"), entry.kind == "counter", "{}", entry.describe.name);
        assert!(!entry.labels.iter().any(|label| label.contains("phone") || label.contains("sender")));
    }
}
