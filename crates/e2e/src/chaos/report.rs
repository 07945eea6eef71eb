//! What happened, as a table in Markdown.

use std::{collections::BTreeMap, fmt::Write as _, time::Duration};

use super::{fault::Fault, recovery::Recovery, run::Options};
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
    /// After how many nobody sent for long.
    late: usize,
    /// How many met somebody who had nothing to send.
    idle: usize,
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

    pub(super) fn add(&mut self, fault: &Fault, recovery: Recovery) {
        self.kills += usize::from(fault.is_kill());
        self.outages += usize::from(fault.is_outage());
        let strikes = self.faults.entry(fault.kind()).or_default();
        strikes.count += 1;
        match recovery {
            Recovery::After(time) => strikes.recoveries.push(time),
            Recovery::Late => strikes.late += 1,
            Recovery::Idle => strikes.idle += 1,
        }
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
             | fault | count | median recovery | longest | late | idle |\n|---|---:|---:|---:|---:|---:|\n",
            crate::cores(),
            self.kills,
            self.outages,
            self.drained.as_secs_f64(),
        );
        for (kind, strikes) in &self.faults {
            let (median, longest) = strikes.summary();
            let _ = writeln!(
                text,
                "| {kind} | {} | {median} | {longest} | {} | {} |",
                strikes.count, strikes.late, strikes.idle
            );
        }
        text.push_str(
            "\nRecovery is the time until somebody sent again: for a worker that very number, for deleted queues every number that had \
             sent in the 3 s before. It begins with the blow for kills, and when all was in order again for everything else. The \
             first 0.15 s are not looked at. Late: not within 45 s; for deleted queues not within 5 minutes, or not before the \
             end. Idle: there was nothing to send, or the number had not sent for 3 s.\n\n",
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
