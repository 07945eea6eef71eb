//! Figures of the process itself, read from `/proc/self` when the page is asked for. On a system without it there are none.
//!
//! The names are those that Prometheus' client libraries agree on, so that dashboards for any process work. They belong to
//! the process: two instances in one process show the same.

use std::fs;

use prometheus::{
    Counter, Gauge, Opts,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use crate::Describe;

/// Ticks of `/proc` a second: `USER_HZ`, 100 on every architecture that Linux still builds for and we run on.
const TICKS: f64 = 100.0;

const CPU: Describe = Describe {
    name: "process_cpu_seconds_total",
    help: "Processor time spent, user and system, in seconds.",
    when_it_rises: "Near the number of processors the process is bound by them: see which rate grew with it.",
};
const RESIDENT: Describe = Describe {
    name: "process_resident_memory_bytes",
    help: "Resident memory.",
    when_it_rises: "Expected with more senders (worker.slots); a steady climb at a constant number is a leak.",
};
const OPEN_FDS: Describe = Describe {
    name: "process_open_fds",
    help: "Open file descriptors.",
    when_it_rises: "More sessions, clients or streams; near process_max_fds raise the limit (ulimit -n).",
};
const MAX_FDS: Describe = Describe {
    name: "process_max_fds",
    help: "The most file descriptors that may be open.",
    when_it_rises: "Somebody raised the limit.",
};
const START: Describe = Describe {
    name: "process_start_time_seconds",
    help: "When the process began, in seconds since 1970.",
    when_it_rises: "The process began anew: see the log before it for the reason.",
};
const THREADS: Describe =
    Describe { name: "process_threads", help: "Threads.", when_it_rises: "Blocking work (files, names) piles up." };

/// Each figure with its kind.
pub(crate) const DESCRIBED: [(Describe, &str); 6] = [
    (CPU, "counter"),
    (RESIDENT, "gauge"),
    (OPEN_FDS, "gauge"),
    (MAX_FDS, "gauge"),
    (START, "gauge"),
    (THREADS, "gauge"),
];

/// The memory that this process has in RAM, in bytes; `None` where the system does not say.
pub fn resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1_024)
}

/// Reads the process's figures at each collection.
#[derive(Clone)]
pub(crate) struct Process {
    cpu: Counter,
    gauges: Vec<(Gauge, Of)>,
}

/// Which figure a gauge shows.
type Of = fn(&Reading) -> Option<f64>;

struct Reading {
    cpu: Option<f64>,
    resident: Option<f64>,
    open_fds: Option<f64>,
    max_fds: Option<f64>,
    start: Option<f64>,
    threads: Option<f64>,
}

impl Process {
    pub(crate) fn new() -> Self {
        let gauge = |describe| Gauge::with_opts(options(describe)).expect("metric names are literals and lawful");
        Self {
            cpu: cpu(),
            gauges: vec![
                (gauge(RESIDENT), |reading| reading.resident),
                (gauge(OPEN_FDS), |reading| reading.open_fds),
                (gauge(MAX_FDS), |reading| reading.max_fds),
                (gauge(START), |reading| reading.start),
                (gauge(THREADS), |reading| reading.threads),
            ],
        }
    }
}

impl Collector for Process {
    fn desc(&self) -> Vec<&Desc> {
        self.gauges.iter().flat_map(|(gauge, _)| gauge.desc()).chain(self.cpu.desc()).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let reading = Reading::take();
        let mut families = Vec::new();
        if let Some(seconds) = reading.cpu {
            // A counter can only be added to, and the kernel gives the sum; so a fresh one is filled at each reading.
            let cpu = cpu();
            cpu.inc_by(seconds);
            families.extend(cpu.collect());
        }
        for (gauge, of) in &self.gauges {
            if let Some(value) = of(&reading) {
                gauge.set(value);
                families.extend(gauge.collect());
            }
        }
        families
    }
}

impl Reading {
    fn take() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let status = read("/proc/self/status");
        let stat = read("/proc/self/stat");
        // The second field is the program's name in brackets and may hold blanks; the third follows the last bracket.
        let after_name: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |field: usize| after_name.get(field - 3).and_then(|text| text.parse::<f64>().ok());
        let booted = labelled(&read("/proc/stat"), "btime");
        Self {
            cpu: ticks(14).zip(ticks(15)).map(|(user, system)| (user + system) / TICKS),
            resident: labelled(&status, "VmRSS:").map(|kib| kib * 1_024.0),
            open_fds: fs::read_dir("/proc/self/fd").ok().map(count),
            max_fds: labelled(&read("/proc/self/limits"), "Max open files"),
            start: booted.zip(ticks(22)).map(|(booted, started)| booted + started / TICKS),
            threads: labelled(&status, "Threads:"),
        }
    }
}

fn options(describe: Describe) -> Opts {
    Opts::new(describe.name, crate::metrics::full_help(describe))
}

fn cpu() -> Counter {
    Counter::with_opts(options(CPU)).expect("metric names are literals and lawful")
}

/// The first number of the line that begins with this label.
fn labelled(text: &str, label: &str) -> Option<f64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(label))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// How many, but for the one that reading the folder opened.
fn count(entries: fs::ReadDir) -> f64 {
    f64::from(u32::try_from(entries.count().saturating_sub(1)).unwrap_or(u32::MAX))
}
