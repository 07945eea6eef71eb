#![doc = include_str!("../README.md")]

mod metrics;

pub use metrics::{Describe, InventoryEntry, Metrics};
pub use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
