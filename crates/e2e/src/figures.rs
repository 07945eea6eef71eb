//! What the operating system says about a process.

use crate::{ScenarioError, ScenarioResult};

/// Memory of a process in KiB: resident now, and the most it ever was.
///
/// # Errors
/// The process has ended, or the system has no `/proc`.
pub fn resident_kib(process: u32) -> ScenarioResult<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let figure = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|number| number.parse().ok());
        number.ok_or_else(|| ScenarioError::new(format!("/proc/{process}/status has no {name}")))
    };
    Ok((figure("VmRSS:")?, figure("VmHWM:")?))
}

/// Memory of a process in KiB, where pages that several processes share count in part for each.
///
/// # Errors
/// The process has ended, is somebody else's, or the system has no `/proc`.
pub fn proportional_kib(process: u32) -> ScenarioResult<u64> {
    let rollup = std::fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    let line = rollup.lines().find(|line| line.starts_with("Pss:"));
    let number = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|number| number.parse().ok());
    number.ok_or_else(|| ScenarioError::new(format!("/proc/{process}/smaps_rollup has no Pss")))
}

/// The processes that a process has started and that still run.
///
/// # Errors
/// The process has ended, or the system has no `/proc`.
pub fn processes_of(process: u32) -> ScenarioResult<Vec<u32>> {
    let mut found = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        let children = std::fs::read_to_string(task?.path().join("children"))?;
        found.extend(children.split_whitespace().filter_map(|number| number.parse::<u32>().ok()));
    }
    Ok(found)
}

/// How many cores this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
