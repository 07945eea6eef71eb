//! One registry for each instance of Paceline, never the process-wide one, so that two instances can run side by side.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use prometheus::{
    HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder, core::Collector,
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
}

impl Metrics {
    /// An empty registry.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a counter, or finds the one that was registered under this name before.
    ///
    /// # Panics
    /// When the name is taken by another kind of metric, or is no lawful name: a defect that the first start shows.
    pub fn counter(&self, describe: Describe, labels: &[&str]) -> IntCounterVec {
        let make = || {
            let counter = IntCounterVec::new(Opts::new(describe.name, full_help(describe)), labels)
                .expect("metric names are literals and lawful");
            Registered::Counter(counter)
        };
        match self.find_or_register(describe, "counter", labels, make) {
            Registered::Counter(counter) => counter,
            Registered::Gauge(_) | Registered::Histogram(_) => taken(describe),
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
            Registered::Counter(_) | Registered::Histogram(_) => taken(describe),
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
            Registered::Counter(_) | Registered::Gauge(_) => taken(describe),
        }
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

    fn find_or_register(
        &self,
        describe: Describe,
        kind: &'static str,
        labels: &[&str],
        make: impl FnOnce() -> Registered,
    ) -> Registered {
        let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(family) = families.get(describe.name) {
            return family.collector.clone();
        }
        let collector = make();
        self.registry.register(collector.boxed()).expect("a name that is not in the inventory is not registered");
        let labels = labels.iter().map(|&label| label.to_owned()).collect();
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
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

fn full_help(describe: Describe) -> String {
    format!("{} When it rises: {}", describe.help, describe.when_it_rises)
}

fn taken(describe: Describe) -> ! {
    panic!("the metric name {} is taken by another kind of metric", describe.name)
}
