//! The process's descriptors: as many as the operating system grants, and how many of them callers may have.

use paceline_config::Config;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for files, logs, the broker, the runtime, and callers in places that are not counted.
const FOR_OURSELVES: usize = 64;

/// How many connections callers may have: what is configured, or less where the process could not open the database, reach the broker
/// or answer for its health beside them.
pub(crate) fn connections(config: &Config) -> usize {
    let wanted = usize::try_from(config.server.max_connections).unwrap_or(usize::MAX);
    let Some(limit) = raise() else { return wanted };
    let whole = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let kept = FOR_OURSELVES
        .saturating_add(open_now())
        .saturating_add(whole(config.database.connections))
        .saturating_add(whole(config.webhooks.concurrency));
    // A limit so low that nothing would be left is shared in halves.
    let room = limit.saturating_sub(kept).max(limit / 4).max(8);
    if room < wanted {
        tracing::warn!(
            descriptors.limit = limit,
            descriptors.kept_back = kept,
            connections.most = room,
            "fewer callers than server.max_connections can be connected at once; raise the limit of open files (ulimit -n)"
        );
    }
    wanted.min(room)
}

/// Raises the limit as far as it goes without leave; answers what it is then, `None` for no limit.
fn raise() -> Option<usize> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        // Refused only where the system keeps a lower bound of its own; then what there is has to do.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
    getrlimit(Resource::Nofile).current.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX))
}

fn open_now() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}
