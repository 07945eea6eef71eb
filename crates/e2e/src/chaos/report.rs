//! What happened, as a table in Markdown.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use super::{fault::Fault, run::Options};
use crate::{Stack, oracle::Verdict};

/// A run and its verdict.
#[derive(Debug)]
pub struct Report {
    options: Options,
    faults: BTreeMap<String, Strikes>,
    kills: usize,
    outages: usize,
    /// How long it took until nothing waited any more.
    pub(super) drained: Duration,
    /// Peaks in MiB, by kind of process.
    pub(super) memory: Vec<(&'static str, u64)>,
    /// What the oracle says.
    pub verdict: Verdict,
}

/// Faults of one kind.
#[derive(Debug, Default)]
struct Strikes {
    count: usize,
    recoveries: Vec<Duration>,
    /// How many had something to send and did not send again for long.
    late: usize,
}

impl Report {
    pub(super) fn new(options: Options) -> Self {
        Self {
            options,
            faults: BTreeMap::new(),
            kills: 0,
            outages: 0,
            drained: Duration::ZERO,
            memory: Vec::new(),
            verdict: Verdict::default(),
        }
    }

    pub(super) fn add(&mut self, fault: &Fault, recovery: Option<Duration>, had_work: bool) {
        self.kills += usize::from(fault.is_kill());
        self.outages += usize::from(fault.is_outage());
        let strikes = self.faults.entry(fault.kind()).or_default();
        strikes.count += 1;
        strikes.late += usize::from(had_work && recovery.is_none());
        strikes.recoveries.extend(recovery);
    }

    /// How many processes were killed.
    pub fn kills(&self) -> usize {
        self.kills
    }

    /// How often a service was away.
    pub fn outages(&self) -> usize {
        self.outages
    }

    /// Whether nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.verdict.is_clean()
    }

    /// The report in Markdown; `binary` says how the binary was built.
    pub fn to_markdown(&self, binary: &str) -> String {
        let Options { stack, length, seed, .. } = self.options;
        let stack = match stack {
            Stack::Embedded => "embedded",
            Stack::Full => "full",
        };
        let minutes = length.as_secs_f64() / 60.0;
        let clean = if self.is_clean() { "nothing is wrong" } else { "SOMETHING IS WRONG" };
        let mut text = format!(
            "# Chaos on the {stack} stack: {clean}\n\n\
             `scripts/chaos --stack {stack} --minutes {minutes} --seed {seed}`, {binary}, {} cores.\n\n\
             Stack {stack}, seed {seed}, {minutes} minutes of faults, {} kills of processes, {} outages; everything had \
             drained {:.0} s after the last fault.\n\n\
             | fault | count | median recovery | longest | not within 45 s |\n|---|---:|---:|---:|---:|\n",
            crate::cores(),
            self.kills,
            self.outages,
            self.drained.as_secs_f64(),
        );
        for (kind, strikes) in &self.faults {
            let (median, longest) = strikes.summary();
            let _ = writeln!(text, "| {kind} | {} | {median} | {longest} | {} |", strikes.count, strikes.late);
        }
        text.push_str(
            "\nRecovery is the time until somebody sent again: for a worker, that very number. It begins with the blow for kills, and \
             when all was in order again for everything else. The first 0.15 s are not looked at.\n\n",
        );
        text.push_str(&self.verdict.to_markdown());
        text.push_str("\n| process | most resident memory |\n|---|---:|\n");
        for (kind, mebibytes) in &self.memory {
            let _ = writeln!(text, "| {kind} | {mebibytes} MiB |");
        }
        text
    }
}

impl Strikes {
    fn summary(&self) -> (String, String) {
        let mut sorted = self.recoveries.clone();
        sorted.sort_unstable();
        let shown = |time: Option<&Duration>| {
            time.map_or_else(|| "–".to_owned(), |time| format!("{:.1} s", time.as_secs_f64()))
        };
        (shown(sorted.get(sorted.len() / 2)), shown(sorted.last()))
    }
}
