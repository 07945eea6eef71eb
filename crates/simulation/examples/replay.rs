//! Runs seeds: one with its trace, or many with a summary. The same seed gives the same run.
//!
//! `cargo run -p paceline-simulation --example replay -- --seed 17`, or `-- --from 1 --count 500`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line for developers")]

use std::process::ExitCode;

use paceline_simulation::{Figures, Keep, run};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |flag: &str| {
        let place = words.iter().position(|word| word == flag)?;
        words.get(place + 1)?.parse::<u64>().ok()
    };
    match (number("--seed"), number("--from"), number("--count")) {
        (Some(seed), None, None) => show(seed),
        (None, from, Some(count)) => sum_up(from.unwrap_or(0), count),
        _ => {
            eprintln!("usage: replay --seed N | replay [--from N] --count N");
            ExitCode::from(2)
        }
    }
}

fn show(seed: u64) -> ExitCode {
    let report = run(seed, None, Keep::Text);
    for line in &report.lines {
        println!("{line}");
    }
    println!("seed {seed}, trace {:016x}, {:?}", report.hash, report.figures);
    if report.wrongs.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn sum_up(from: u64, count: u64) -> ExitCode {
    let mut figures = Figures::default();
    let mut failed = 0_u64;
    for seed in from..from.saturating_add(count) {
        let report = run(seed, None, Keep::Hash);
        figures.add(&report.figures);
        if let Some(wrong) = report.wrongs.first() {
            failed += 1;
            println!("seed {seed}: {wrong}");
        }
    }
    println!("{count} seeds, {failed} failed, {figures:?}");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
