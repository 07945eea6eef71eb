//! How much is measured.

use std::fmt::Write as _;

use paceline_e2e::{ScenarioError, ScenarioResult, Stack};
use serde_json::{Value, json};

const HELP: &str = "scripts/bench [--stack embedded|full] [--quick] [--build] [--rows N] [--messages N] …

  --stack S      the embedded stack, or PostgreSQL and RabbitMQ with processes of their own (embedded)
  --rows N       rows of the CSV that is appended and planned (100000)
  --messages N   messages that are sent (20000)
  --senders N    senders that send them (20)
  --fleet N      senders whose memory is measured (1000)
  --long-rows N  rows of the upload whose memory is measured (1000000)
  --workers N    processes of one number each, side by side; full stack only (200)
  --queues N     queues of jobs that are declared while others are used; full stack only (5000)
  --quick        a tenth of all of these, unless named
  --build        also a clean release build: time and crates";

/// The sizes.
#[derive(Debug)]
pub(crate) struct Sizes {
    pub(crate) rows: usize,
    pub(crate) messages: usize,
    pub(crate) senders: usize,
    pub(crate) fleet: usize,
    pub(crate) long_rows: usize,
    pub(crate) workers: usize,
    pub(crate) queues: usize,
    pub(crate) stack: Stack,
    pub(crate) build: bool,
}

impl Sizes {
    /// The sizes that the command line asks for.
    pub(crate) fn from_arguments(arguments: impl Iterator<Item = String>) -> ScenarioResult<Self> {
        let arguments: Vec<_> = arguments.collect();
        if arguments.iter().any(|argument| argument == "--help") {
            return Err(ScenarioError::new(HELP));
        }
        let part = if arguments.iter().any(|argument| argument == "--quick") { 10 } else { 1 };
        let mut sizes = Self {
            rows: 100_000 / part,
            messages: 20_000 / part,
            senders: 20,
            fleet: 1_000 / part,
            long_rows: 1_000_000 / part,
            workers: 200 / part,
            queues: 5_000 / part,
            stack: Stack::Embedded,
            build: false,
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let size = match argument.as_str() {
                "--quick" => continue,
                "--build" => {
                    sizes.build = true;
                    continue;
                }
                "--stack" => {
                    sizes.stack = stack(rest.next())?;
                    continue;
                }
                "--rows" => &mut sizes.rows,
                "--messages" => &mut sizes.messages,
                "--senders" => &mut sizes.senders,
                "--fleet" => &mut sizes.fleet,
                "--long-rows" => &mut sizes.long_rows,
                "--workers" => &mut sizes.workers,
                "--queues" => &mut sizes.queues,
                other => return Err(ScenarioError::new(format!("{other} is not known\n{HELP}"))),
            };
            let number = rest.next().and_then(|number| number.parse().ok()).filter(|number| *number > 0);
            *size = number.ok_or_else(|| ScenarioError::new(format!("{argument} needs a number\n{HELP}")))?;
        }
        Ok(sizes)
    }

    pub(crate) fn to_json(&self) -> Value {
        json!({
            "stack": match self.stack {
                Stack::Embedded => "embedded",
                Stack::Full => "full",
            },
            "rows": self.rows, "messages": self.messages, "senders": self.senders, "fleet": self.fleet,
            "long_rows": self.long_rows, "workers": self.workers, "queues": self.queues,
        })
    }
}

fn stack(word: Option<&String>) -> ScenarioResult<Stack> {
    match word.map(String::as_str) {
        Some("embedded") => Ok(Stack::Embedded),
        Some("full") => Ok(Stack::Full),
        _ => Err(ScenarioError::new(format!("--stack is embedded or full\n{HELP}"))),
    }
}

/// A CSV of so many people, a chunk of lines at a time.
pub(crate) fn csv_chunks(rows: usize) -> impl Iterator<Item = String> {
    const LINES: usize = 2_000;
    let head = std::iter::once("phone,name,city\n".to_owned());
    head.chain((0..rows.div_ceil(LINES)).map(move |chunk| {
        let numbers = chunk * LINES..rows.min((chunk + 1) * LINES);
        numbers.fold(String::new(), |mut lines, number| {
            let _ = writeln!(lines, "+49151{:08},Guest {number},Berlin", 10_000_000 + number);
            lines
        })
    }))
}

/// So many of something in a second.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(crate) fn per_second(count: usize, elapsed: std::time::Duration) -> f64 {
    (count as f64 / elapsed.as_secs_f64()).round()
}
