//! One run, from the empty installation to the report.

use std::time::Duration;

use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{arena::Arena, draw::Faults, load::Load, people, recovery::Recovery, report::Report, tail::Tail};
use crate::{Receiver, ScenarioError, ScenarioResult, Stack, oracle::Books};

/// How many messages of the journal people may be behind.
const PEOPLE_BEHIND: usize = 1_000;
/// Runs shorter than this have smaller campaigns, so that the last one does not take longer than the rest.
const SHORT: Duration = Duration::from_mins(5);

/// How many complaints end the faults.
const ENOUGH: usize = 10;

/// What is run.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// On what.
    pub stack: Stack,
    /// For how long faults happen.
    pub length: Duration,
    /// What they are drawn from.
    pub seed: u64,
    /// Where a line goes for each thing that happens.
    pub say: fn(&str),
}

/// Runs an installation in bad times and compares its books. The binary is that which `PACELINE_BIN` names.
///
/// # Errors
/// The installation does not start. What does not do what it must later on is in the report.
pub async fn run(options: Options) -> ScenarioResult<Report> {
    let mut arena = Arena::start(options.stack, options.seed).await?;
    (options.say)(&format!("all runs in {}", arena.installation.folder().display()));
    let receiver = Receiver::counting().await?;
    arena.furnish(&receiver).await?;
    let (seen, inbox) = mpsc::channel(PEOPLE_BEHIND);
    arena.tail = Tail::follow(arena.journal.clone(), seen);
    let people = tokio::spawn(people::answer(arena.network.clone(), inbox));
    let size = if options.length < SHORT { 1_000 } else { 2_500 };
    let stop = CancellationToken::new();
    let load = Load::new(arena.doors.clone(), size, stop.clone());
    let clients = [tokio::spawn(load.clone().submit_campaigns()), tokio::spawn(load.clone().send_single_messages())];

    let mut report = Report::new(options);
    conduct(&options, &mut arena, &load, &mut report).await;
    stop.cancel();
    for client in clients {
        client.await.map_err(|error| ScenarioError::new(error.to_string()))?;
    }
    report.complaints.extend(load.complaints());
    if let Err(error) = judge(&options, &arena, &load, &receiver, &mut report).await {
        report.complain(&options, &format!("the books cannot be read: {error}"));
    }
    people.abort();
    if let Err(error) = arena.finish(report.is_clean()).await {
        report.complain(&options, &error.to_string());
    }
    Ok(report)
}

/// Lets things go wrong until the time is over.
async fn conduct(options: &Options, arena: &mut Arena, load: &Load, report: &mut Report) {
    let began = Instant::now();
    // The first blow falls on an installation that works.
    while arena.tail.count(None) == 0 && began.elapsed() < options.length {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut long = Vec::new();
    for (gap, fault) in Faults::of(options.stack, options.seed) {
        if began.elapsed() + gap >= options.length || report.complaints.len() >= ENOUGH {
            break;
        }
        tokio::time::sleep(gap).await;
        report.memory.look(arena);
        if let Err(error) = arena.revive().await {
            report.complain(options, &error.to_string());
        }
        let had_work = load.has_work();
        let at = began.elapsed().as_secs_f64();
        let recovery = match arena.strike(fault).await {
            Err(error) => {
                report.complain(options, &format!("{fault}: {error}"));
                Recovery::Late
            }
            Ok(watch) if watch.is_long() => {
                (options.say)(&format!("{at:>7.1} s  {fault}"));
                long.push((fault, watch));
                continue;
            }
            Ok(watch) if had_work => watch.end().await,
            Ok(_) => Recovery::Idle,
        };
        (options.say)(&format!("{at:>7.1} s  {fault}: {recovery}"));
        report.add(&fault, recovery);
    }
    for (fault, watch) in long {
        let recovery = watch.end_now().await;
        (options.say)(&format!("{fault}: {recovery}"));
        report.add(&fault, recovery);
    }
}

/// Lets everything drain, reads the books and compares them.
async fn judge(
    options: &Options,
    arena: &Arena,
    load: &Load,
    receiver: &Receiver,
    report: &mut Report,
) -> ScenarioResult<()> {
    (options.say)("no more faults; everything is let drain");
    report.drained = arena.drain().await?;
    report.memory.look(arena);
    (options.say)(&format!("drained after {:.0} s; the books are read", report.drained.as_secs_f64()));
    let mut books = Books::read(&arena.patient()?, &arena.network, load.accepted()).await?;
    arena.await_webhooks(&mut books, receiver).await;
    report.verdict = Some(books.judge());
    Ok(())
}
