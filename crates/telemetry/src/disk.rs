//! The disk that holds a folder: how large it is, and what is free on it for this process. Read when the page is asked for.

use std::path::{Path, PathBuf};

use prometheus::{
    Gauge, Opts,
    core::{Collector, Desc},
    proto::MetricFamily,
};

use crate::Describe;

const FREE: Describe = Describe {
    name: "paceline_disk_free_bytes",
    help: "What is free, for this process, on the disk that holds data_dir.",
    when_it_rises: "Something was deleted. When it falls towards 0 no commit succeeds any more: make room before that.",
};
const SIZE: Describe = Describe {
    name: "paceline_disk_size_bytes",
    help: "The size of the disk that holds data_dir.",
    when_it_rises: "The disk was enlarged.",
};

/// Each figure with its kind.
pub(crate) const DESCRIBED: [(Describe, &str); 2] = [(FREE, "gauge"), (SIZE, "gauge")];

/// Reads the disk's figures at each collection. Where the system does not tell them, there are none.
#[derive(Clone)]
pub(crate) struct Disk {
    folder: PathBuf,
    free: Gauge,
    size: Gauge,
}

impl Disk {
    pub(crate) fn new(folder: &Path) -> Self {
        let gauge = |describe: Describe| {
            Gauge::with_opts(Opts::new(describe.name, crate::metrics::full_help(describe)))
                .expect("metric names are literals and lawful")
        };
        Self { folder: folder.to_owned(), free: gauge(FREE), size: gauge(SIZE) }
    }
}

impl Collector for Disk {
    fn desc(&self) -> Vec<&Desc> {
        [&self.free, &self.size].into_iter().flat_map(Collector::desc).collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        // A folder that is not made yet lies on the disk of the nearest one above it.
        let Some(disk) = self.folder.ancestors().find_map(|folder| rustix::fs::statvfs(folder).ok()) else {
            return Vec::new();
        };
        self.free.set(bytes(disk.f_bavail, disk.f_frsize));
        self.size.set(bytes(disk.f_blocks, disk.f_frsize));
        [&self.free, &self.size].into_iter().flat_map(Collector::collect).collect()
    }
}

#[expect(clippy::cast_precision_loss, reason = "a disk of more than 9 PB may be told some bytes short")]
fn bytes(blocks: u64, size: u64) -> f64 {
    blocks.saturating_mul(size) as f64
}
