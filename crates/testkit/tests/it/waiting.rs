//! Waiting for a condition.

use std::{cell::Cell, time::Duration};

use paceline_testkit::eventually;

#[tokio::test]
async fn a_wait_ends_when_its_condition_holds() {
    let looks = Cell::new(0);
    eventually(Duration::from_secs(10), || {
        looks.set(looks.get() + 1);
        let met = looks.get() == 3;
        async move { met }
    })
    .await;
    assert_eq!(looks.get(), 3);
}

#[tokio::test]
#[should_panic(expected = "the condition did not hold within 20ms")]
async fn a_wait_fails_at_its_deadline() {
    eventually(Duration::from_millis(20), || async { false }).await;
}
