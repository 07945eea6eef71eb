//! One run, from the empty installation to the report.

use std::time::Duration;

use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    arena::Arena, draw::Faults, load::Load, memory::Memory, people, recovery::Recovery, report::Report, tail::Tail,
};
use crate::{Receiver, ScenarioError, ScenarioResult, Stack, oracle::Books};

/// How many messages of the journal people may be behind.
const PEOPLE_BEHIND: usize = 1_000;
/// Runs shorter than this have smaller campaigns, so that the last one does not take longer than the rest.
const SHORT: Duration = Duration::from_mins(5);

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
/// A process did not do what it must whatever happens: start, end in order, stay alive.
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
    let campaigns = tokio::spawn(load.clone().submit_campaigns());
    let singles = tokio::spawn(load.clone().send_single_messages());

    let mut report = Report::new(options);
    let mut memory = Memory::default();
    let conducted = conduct(&options, &mut arena, &load, &mut memory, &mut report).await;
    stop.cancel();
    for client in [campaigns, singles] {
        client.await.map_err(|error| ScenarioError::new(error.to_string()))??;
    }
    conducted?;

    (options.say)("no more faults; everything is let drain");
    report.drained = arena.drain().await?;
    memory.look(&arena);
    (options.say)(&format!("drained in {:?}; the books are read", report.drained));
    let mut books = Books::read(&arena.patient()?, &arena.network, load.accepted()).await?;
    arena.await_webhooks(&mut books, &receiver).await;
    report.verdict = books.judge();
    report.memory = memory.mebibytes().collect();
    people.abort();
    arena.finish(report.verdict.is_clean()).await?;
    Ok(report)
}

/// Lets things go wrong until the time is over.
async fn conduct(
    options: &Options,
    arena: &mut Arena,
    load: &Load,
    memory: &mut Memory,
    report: &mut Report,
) -> ScenarioResult<()> {
    let began = Instant::now();
    // The first blow falls on an installation that works.
    while arena.tail.count(None) == 0 && began.elapsed() < options.length {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut long = Vec::new();
    for (gap, fault) in Faults::of(options.stack, options.seed) {
        if began.elapsed() + gap >= options.length {
            break;
        }
        tokio::time::sleep(gap).await;
        memory.look(arena);
        for member in &mut arena.members {
            member.check()?;
        }
        let had_work = load.has_work();
        let at = began.elapsed();
        let watch = arena.strike(fault).await?;
        if watch.is_long() {
            (options.say)(&format!("{:>7.1} s  {fault}", at.as_secs_f64()));
            long.push((fault, watch));
            continue;
        }
        let recovery = if had_work { watch.end().await } else { Recovery::Idle };
        (options.say)(&format!("{:>7.1} s  {fault}: {recovery}", at.as_secs_f64()));
        report.add(&fault, recovery);
    }
    for (fault, watch) in long {
        let recovery = watch.end_now().await;
        (options.say)(&format!("{fault}: {recovery}"));
        report.add(&fault, recovery);
    }
    Ok(())
}
