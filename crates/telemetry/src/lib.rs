#![doc = include_str!("../README.md")]

mod disk;
mod logs;
mod metrics;
mod process;

pub use logs::{LogError, LogFormat, LogOptions, init_logs, log_subscriber};
pub use metrics::{Describe, InventoryEntry, Metrics, OPT_OUTS};
pub use process::resident_bytes;
pub use prometheus::{Histogram, HistogramTimer, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec};
