//! Two thousand runs, in shares that run side by side.

use paceline_simulation::{Figures, Keep, run};

const SHARE: u64 = 500;

/// Runs a share of the seeds, and tells of each that failed how to replay it.
fn check_share(share: u64) -> Figures {
    let mut figures = Figures::default();
    let mut failed = Vec::new();
    for seed in share * SHARE..(share + 1) * SHARE {
        let report = run(seed, None, Keep::Hash);
        figures.add(&report.figures);
        if let Some(wrong) = report.wrongs.first() {
            failed.push(format!("{wrong}\n    cargo run -p paceline-simulation --example replay -- --seed {seed}"));
        }
    }
    assert!(failed.is_empty(), "{} of {SHARE} runs failed:\n  {}", failed.len(), failed.join("\n  "));
    figures
}

#[test]
fn nothing_is_lost_or_sent_twice_in_the_first_500_runs_and_everything_went_wrong_in_them() {
    let figures = check_share(0);
    let Figures { messages, sent, unknown, intents, sends, repeats, fenced, duplicates, kills, freezes, millis: _ } =
        figures;
    for count in [unknown, repeats, fenced, duplicates, kills, freezes] {
        assert!(count > 0, "some trouble never came: {figures:?}");
    }
    assert!(messages > sent && intents > sent && sends > sent, "nothing was ever tried again: {figures:?}");
}

#[test]
fn nothing_is_lost_or_sent_twice_in_the_second_500_runs() {
    check_share(1);
}

#[test]
fn nothing_is_lost_or_sent_twice_in_the_third_500_runs() {
    check_share(2);
}

#[test]
fn nothing_is_lost_or_sent_twice_in_the_fourth_500_runs() {
    check_share(3);
}
