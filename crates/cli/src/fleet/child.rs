//! One worker process: how it is started, asked to stop, and reaped.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::{ExitStatus, Stdio},
};

use anyhow::Context as _;
use paceline_domain::{SenderId, WorkerId};
pub(super) use rustix::process::Signal;
use rustix::process::{Pid, kill_process};
use tokio::{
    process::{Child, Command},
    time::Instant,
};

use crate::arguments::Global;

/// How workers are started: this very binary, with this process's environment and settings.
pub(super) struct Launch {
    binary: PathBuf,
    global: Vec<String>,
    listen: SocketAddr,
}

impl Launch {
    pub(super) fn new(global: &Global, interface: IpAddr) -> anyhow::Result<Self> {
        let binary = std::env::current_exe().context("cannot find the binary to start workers from")?;
        let mut options = Vec::new();
        if let Some(config) = &global.config {
            options.extend(["--config".to_owned(), config.display().to_string()]);
        }
        if let Some(folder) = &global.data_dir {
            options.extend(["--data-dir".to_owned(), folder.display().to_string()]);
        }
        Ok(Self { binary, global: options, listen: SocketAddr::new(interface, 0) })
    }

    /// Starts a worker for a sender, in a process group of its own: an interrupt from the terminal reaches the fleet alone, which
    /// then drains its workers in order. The sender is named by its id, so that no list of processes shows a number.
    pub(super) fn start(&self, sender: SenderId, worker: WorkerId) -> std::io::Result<Child> {
        Command::new(&self.binary)
            .args(&self.global)
            .args(["worker", "--with-parent", "--sender", &sender.to_string(), "--worker-id", &worker.to_string()])
            .args(["--listen", &self.listen.to_string()])
            .stdin(Stdio::null())
            // What it has to say is in its log, which goes to standard error.
            .stdout(Stdio::null())
            .process_group(0)
            .spawn()
    }
}

/// A worker process, from its start until it has been reaped.
pub(super) struct Running {
    pub(super) worker: WorkerId,
    pub(super) pid: u32,
    pub(super) started: Instant,
    pub(super) standing: Standing,
}

/// What is wanted of a worker process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// To work.
    Wanted,
    /// To drain, since then.
    Stopping(Instant),
    /// It did not drain in time.
    Killed,
}

/// Tells a child that has not been reaped, so that the process id is still its own.
pub(super) fn tell(pid: u32, signal: Signal) {
    let process = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let told = process.map(|process| kill_process(process, signal));
    if let Some(Err(error)) = told {
        tracing::warn!(process.pid = pid, %error, "a worker could not be told to end");
    }
}

/// The memory that a process has in RAM, in bytes.
pub(super) fn resident_bytes(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kib.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1_024)
}

/// How a process ended, for the log.
pub(super) fn describe(status: &std::io::Result<ExitStatus>) -> String {
    match status {
        Ok(status) => status.to_string(),
        Err(error) => format!("unknown: {error}"),
    }
}
