//! One registry for each instance of Paceline, never the process-wide one, so that two instances can run side by side.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{Mutex, PoisonError},
};

use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
};

use crate::{
    disk::{self, Disk},
    process::{self, Process},
};

/// What a metric is and means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Describe {
    /// The name: `paceline_`, the thing, the base unit; counters end in `_total`.
    pub name: &'static str,
    /// What is counted or measured, in one sentence.
    pub help: &'static str,
    /// What a rise means, and which key to turn or where to look.
    pub when_it_rises: &'static str,
}

/// What the results role and the workers count together: opt-outs are applied by whichever has the message.
pub const OPT_OUTS: Describe = Describe {
    name: "paceline_opt_outs_total",
    help: "People who wrote an opt-out word.",
    when_it_rises: "people do not want what is sent: look at the audience and at the text before the numbers suffer.",
};

/// An entry of the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InventoryEntry {
    /// What was registered.
    pub describe: Describe,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its labels.
    pub labels: Vec<String>,
}

/// A registry of metrics with an inventory of what each means.
#[derive(Default)]
pub struct Metrics {
    registry: Registry,
    families: Mutex<BTreeMap<&'static str, Family>>,
}

struct Family {
    entry: InventoryEntry,
    collector: Registered,
}

#[derive(Clone)]
enum Registered {
    Counter(IntCounterVec),
    Gauge(IntGaugeVec),
    Histogram(HistogramVec),
    Process(Process),
    Disk(Disk),
}

/// The release that runs.
const BUILD: Describe = Describe {
    name: "paceline_build_info",
    help: "1, under the version that runs.",
    when_it_rises: "More processes run this version; two versions at once are a rolling restart, or one that was forgotten.",
};

impl Metrics {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a counter, or finds the one that was registered under this name before.
    ///
    /// # Panics
    /// When the name is taken by another kind of metric or with other labels, is no lawful name, or comes without a meaning: a
    /// defect that the first start shows.
    pub fn counter(&self, describe: Describe, labels: &[&str]) -> IntCounterVec {
        let make = || {
            let counter = IntCounterVec::new(Opts::new(describe.name, full_help(describe)), labels)
                .expect("metric names are literals and lawful");
            Registered::Counter(counter)
        };
        match self.find_or_register(describe, "counter", labels, make) {
            Registered::Counter(counter) => counter,
            _ => taken(describe),
        }
    }

    /// Registers a gauge, or finds the one that was registered under this name before.
    ///
    /// # Panics
    /// As [`Metrics::counter`].
    pub fn gauge(&self, describe: Describe, labels: &[&str]) -> IntGaugeVec {
        let make = || {
            let gauge = IntGaugeVec::new(Opts::new(describe.name, full_help(describe)), labels)
                .expect("metric names are literals and lawful");
            Registered::Gauge(gauge)
        };
        match self.find_or_register(describe, "gauge", labels, make) {
            Registered::Gauge(gauge) => gauge,
            _ => taken(describe),
        }
    }

    /// Registers a histogram with these upper bounds, or finds the one that was registered under this name before.
    ///
    /// # Panics
    /// As [`Metrics::counter`].
    pub fn histogram(&self, describe: Describe, labels: &[&str], buckets: &[f64]) -> HistogramVec {
        let make = || {
            let options = HistogramOpts::new(describe.name, full_help(describe)).buckets(buckets.to_vec());
            Registered::Histogram(HistogramVec::new(options, labels).expect("metric names are literals and lawful"))
        };
        match self.find_or_register(describe, "histogram", labels, make) {
            Registered::Histogram(histogram) => histogram,
            _ => taken(describe),
        }
    }

    /// Registers the figures of the process itself (processor time, memory, descriptors, threads, start). Once is enough;
    /// more do nothing.
    ///
    /// # Panics
    /// When one of their names is taken by a metric of ours: a defect that the first start shows.
    pub fn add_process_figures(&self) {
        self.register_fixed(process::DESCRIBED, &Registered::Process(Process::new()));
    }

    /// Shows which version of Paceline runs.
    pub fn add_build(&self, version: &str) {
        self.gauge(BUILD, &["version"]).with_label_values(&[version]).set(1);
    }

    /// Registers how large and how full the disk is that holds this folder. Once is enough; more do nothing.
    ///
    /// # Panics
    /// When one of their names is taken: a defect that the first start shows.
    pub fn add_disk_figures(&self, folder: &Path) {
        let collector = Disk::new(folder);
        self.register_fixed(disk::DESCRIBED, &Registered::Disk(collector));
    }

    /// The registry's content in the Prometheus text format.
    pub fn render(&self) -> String {
        TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default()
    }

    /// What is registered, by name.
    pub fn inventory(&self) -> Vec<InventoryEntry> {
        self.families
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .map(|family| family.entry.clone())
            .collect()
    }

    /// Registers a collector of figures that have no labels, unless they are there.
    fn register_fixed<const N: usize>(&self, described: [(Describe, &'static str); N], collector: &Registered) {
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        if described.iter().all(|(describe, _)| families.contains_key(describe.name)) {
            return;
        }
        self.registry.register(collector.boxed()).expect("the names of fixed figures are not taken");
        for (describe, kind) in described {
            let entry = InventoryEntry { describe, kind, labels: Vec::new() };
            families.insert(describe.name, Family { entry, collector: collector.clone() });
        }
    }

    fn find_or_register(
        &self,
        describe: Describe,
        kind: &'static str,
        labels: &[&str],
        make: impl FnOnce() -> Registered,
    ) -> Registered {
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        let labels: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
        if let Some(family) = families.get(describe.name) {
            // Other labels under one name would panic at the first observation, which may be months away.
            assert!(family.entry.labels == labels, "{} has the labels {:?}", describe.name, family.entry.labels);
            return family.collector.clone();
        }
        assert!(
            !describe.help.is_empty() && !describe.when_it_rises.is_empty(),
            "the metric {} has no meaning",
            describe.name
        );
        let collector = make();
        self.registry.register(collector.boxed()).expect("a name that is not in the inventory is not registered");
        let entry = InventoryEntry { describe, kind, labels };
        families.insert(describe.name, Family { entry, collector: collector.clone() });
        collector
    }
}

impl Registered {
    fn boxed(&self) -> Box<dyn Collector> {
        match self {
            Self::Counter(counter) => Box::new(counter.clone()),
            Self::Gauge(gauge) => Box::new(gauge.clone()),
            Self::Histogram(histogram) => Box::new(histogram.clone()),
            Self::Process(process) => Box::new(process.clone()),
            Self::Disk(disk) => Box::new(disk.clone()),
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

pub(crate) fn full_help(describe: Describe) -> String {
    format!("{} When it rises: {}", describe.help, describe.when_it_rises)
}

fn taken(describe: Describe) -> ! {
    panic!("the metric name {} is taken by another kind of metric", describe.name)
}
