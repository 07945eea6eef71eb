//! `scripts/chaos` builds this and the binary and runs it: chaos on one stack, and a report in Markdown.

mod arguments;

use std::process::ExitCode;

use paceline_e2e::{ScenarioResult, chaos};

use arguments::Arguments;

#[tokio::main]
async fn main() -> ExitCode {
    let wrong = match Arguments::read(std::env::args().skip(1)) {
        Ok(arguments) => tokio::select! {
            ran = run(&arguments) => match ran {
                Ok(true) => return ExitCode::SUCCESS,
                Ok(false) => "something is wrong: see the report".to_owned(),
                Err(error) => format!("chaos ended early: {error}"),
            },
            // Whatever runs is ended when the run is dropped.
            () = interrupted() => "interrupted".to_owned(),
        },
        Err(error) => error.to_string(),
    };
    note(&wrong);
    ExitCode::FAILURE
}

/// Waits for a signal to end.
async fn interrupted() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

async fn run(arguments: &Arguments) -> ScenarioResult<bool> {
    let report = chaos::run(chaos::Options {
        stack: arguments.stack,
        length: arguments.length,
        seed: arguments.seed,
        say: note,
    })
    .await?;
    let markdown = report.to_markdown(&arguments.binary);
    match &arguments.report {
        Some(file) => std::fs::write(file, &markdown)?,
        None => say(&markdown),
    }
    Ok(report.is_clean())
}

#[expect(clippy::print_stdout, reason = "the report that this program is for")]
fn say(markdown: &str) {
    println!("{markdown}");
}

#[expect(clippy::print_stderr, reason = "progress, for whoever waits")]
fn note(line: &str) {
    eprintln!("chaos: {line}");
}
