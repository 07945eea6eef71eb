//! The most memory that each kind of process ever had.

use std::collections::BTreeMap;

use super::arena::Arena;
use crate::resident_kib;

/// Peaks in KiB, by kind of process.
#[derive(Debug, Clone, Default)]
pub(super) struct Memory(BTreeMap<&'static str, u64>);

impl Memory {
    /// Looks at all processes. The system keeps a peak for as long as its process lives, so that a look before each fault misses
    /// little.
    pub(super) fn look(&mut self, arena: &Arena) {
        for member in &arena.members {
            let kind = if member.name.starts_with("server") { "server" } else { member.name };
            self.note(kind, member.id());
            if member.name == "fleet" {
                for worker in member.id().map(children).unwrap_or_default() {
                    self.note("worker", Some(worker));
                }
            }
        }
        self.note("simulator", arena.simulator.id());
        self.note("this harness", Some(std::process::id()));
    }

    fn note(&mut self, kind: &'static str, id: Option<u32>) {
        if let Some((_, peak)) = id.and_then(|id| resident_kib(id).ok()) {
            let known = self.0.entry(kind).or_default();
            *known = peak.max(*known);
        }
    }

    /// Peaks in MiB.
    pub(super) fn mebibytes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0.iter().map(|(&kind, &kib)| (kind, kib / 1_024))
    }
}

/// The processes that a process has started.
fn children(process: u32) -> Vec<u32> {
    let listed = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let of_thread =
        |entry: std::fs::DirEntry| std::fs::read_to_string(entry.path().join("children")).unwrap_or_default();
    listed
        .map(of_thread)
        .flat_map(|ids| ids.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<_>>())
        .collect()
}
