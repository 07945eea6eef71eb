//! A process that is armed dies at its failpoint and nowhere else. It is this very binary, started again for one test.

use std::{
    os::unix::process::ExitStatusExt as _,
    process::{Command, Output},
};

use paceline_failpoints::{Armed, Failpoint, arm, pass, pass_if};

/// Tells a test that it is the process that walks past the failpoints, and what is armed in it.
const WALKER: &str = "FAILPOINTS_TEST_ORDER";
const SIGKILL: i32 = 9;

/// Runs the test of this name as a process of its own, armed so.
fn walk(test: &str, order: &str) -> Output {
    let itself = std::env::current_exe().expect("a test knows its binary");
    let walking =
        Command::new(itself).args(["--exact", &format!("armed::{test}"), "--nocapture"]).env(WALKER, order).output();
    walking.expect("a test's binary runs")
}

/// Whether this is the process that walks; then it is armed.
fn is_walker() -> bool {
    let Ok(order) = std::env::var(WALKER) else { return false };
    if !order.is_empty() {
        let armed = arm(order.parse().expect("the test's own order"));
        assert_eq!(armed, if cfg!(debug_assertions) { Armed::Yes } else { Armed::NotInThisBuild });
    }
    true
}

#[test]
fn a_process_dies_by_sigkill_at_the_pass_that_was_asked_for() {
    if is_walker() {
        for number in 1..=4 {
            pass(Failpoint::WorkerAnswered);
            pass(Failpoint::WorkerSent);
            eprintln!("passed {number}");
        }
        return;
    }
    let ended = walk("a_process_dies_by_sigkill_at_the_pass_that_was_asked_for", "worker.sent:3");
    let said = String::from_utf8_lossy(&ended.stderr);
    let (signal, passed) = (ended.status.signal(), said.matches("passed").count());
    // A release build has nobody who dies.
    let expected = if cfg!(debug_assertions) { (Some(SIGKILL), 2) } else { (None, 4) };
    assert_eq!((signal, passed), expected, "{said}");
}

#[test]
fn a_failpoint_that_is_passed_on_a_condition_does_not_count_where_it_does_not_hold() {
    if is_walker() {
        for number in 1..=4 {
            pass_if(Failpoint::SweeperSwept, || number > 2);
            eprintln!("passed {number}");
        }
        return;
    }
    let ended =
        walk("a_failpoint_that_is_passed_on_a_condition_does_not_count_where_it_does_not_hold", "sweeper.swept");
    let said = String::from_utf8_lossy(&ended.stderr);
    let expected = if cfg!(debug_assertions) { (Some(SIGKILL), 2) } else { (None, 4) };
    assert_eq!((ended.status.signal(), said.matches("passed").count()), expected, "{said}");
}

#[test]
fn a_process_that_nobody_armed_passes_every_failpoint() {
    if is_walker() {
        Failpoint::ALL.into_iter().for_each(pass);
        eprintln!("passed");
        return;
    }
    let ended = walk("a_process_that_nobody_armed_passes_every_failpoint", "");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success() && said.contains("passed"), "{said}");
}
