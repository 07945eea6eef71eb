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

/// How many cores this process may use.
pub fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
