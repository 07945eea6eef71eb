//! The clock that is moved by hand.

use std::time::Duration;

use chrono::TimeDelta;
use paceline_domain::Clock as _;
use paceline_testkit::{ManualClock, noon};
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(10);

#[test]
fn time_stands_still_until_it_is_moved() {
    let clock = ManualClock::at(noon());
    assert_eq!(clock.now(), noon());
    clock.advance(Duration::from_secs(90));
    assert_eq!(clock.clone().now(), noon() + TimeDelta::seconds(90));
    clock.set(noon() + TimeDelta::days(2));
    assert_eq!(clock.now(), noon() + TimeDelta::days(2));
}

#[test]
#[should_panic(expected = "time never runs backwards")]
fn time_is_not_set_back() {
    ManualClock::at(noon()).set(noon() - TimeDelta::microseconds(1));
}

#[test]
fn real_time_follows_the_system_and_may_be_moved_ahead() {
    let clock = ManualClock::at(noon());
    let before = clock.real_now();
    clock.advance(Duration::from_hours(1));
    assert!(clock.real_now() >= before && clock.real_now() - before < TimeDelta::minutes(30));
    clock.advance_real(Duration::from_hours(1));
    assert!(clock.real_now() - before >= TimeDelta::hours(1));
    assert_eq!(clock.now(), noon() + TimeDelta::hours(1));
}

#[tokio::test]
async fn a_sleeper_wakes_when_time_is_moved_past_its_moment() {
    let clock = ManualClock::at(noon());
    let sleepers = [1, 2, 3].map(|hours| tokio::spawn(clock.sleep_until(noon() + TimeDelta::hours(hours))));
    clock.advance(Duration::from_hours(1));
    let [first, second, third] = sleepers;
    timeout(SOON, first).await.expect("it wakes").expect("it does not panic");
    assert!(!second.is_finished());
    clock.set(noon() + TimeDelta::hours(5));
    timeout(SOON, second).await.expect("it wakes").expect("it does not panic");
    timeout(SOON, third).await.expect("it wakes").expect("it does not panic");
}

#[tokio::test]
async fn what_has_passed_is_not_slept_for() {
    let clock = ManualClock::at(noon());
    for at in [noon(), noon() - TimeDelta::hours(1)] {
        timeout(SOON, clock.sleep_until(at)).await.expect("it has passed");
    }
}
