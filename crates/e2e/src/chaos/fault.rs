//! What goes wrong.

use std::{fmt, time::Duration};

/// One thing that goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// SIGKILL.
    Kill(Victim),
    /// SIGSTOP, and SIGCONT after so long.
    Freeze(Victim, Duration),
    /// SIGTERM, the end awaited, and a start.
    Restart(Victim),
    /// A service is away for so long.
    Outage(Service, Manner, Duration),
    /// Every queue of the broker is deleted, with all that it carries.
    QueuesDeleted,
}

/// A process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    /// The whole embedded installation.
    Up,
    /// The server of this number.
    Server(usize),
    /// The worker of the sender of this number.
    Worker(usize),
    /// The process that keeps the workers; they drain by themselves.
    Fleet,
    /// All of them, one after the other.
    Everything,
}

/// What an installation needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// PostgreSQL, or the file of SQLite.
    Database,
    /// RabbitMQ.
    Broker,
    /// Both.
    Both,
    /// The simulated network.
    Network,
}

/// How a service is away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// It is stopped in order.
    Stopped,
    /// It is stopped as by a crash.
    Crashed,
    /// Every connection is cut, new ones are refused.
    Cut,
    /// Connections stay and carry nothing.
    Silent,
    /// Every piece of a stream comes late.
    Slow,
    /// Its process is frozen.
    Frozen,
    /// Another connection holds the lock of writers.
    Locked,
}

impl Fault {
    /// The row of the report that it belongs to.
    pub fn kind(&self) -> String {
        match self {
            Self::Kill(victim) => format!("kill -9 of {victim}"),
            Self::Freeze(victim, length) if *length >= LONG => format!("freeze of {victim}, longer than a lease"),
            Self::Freeze(victim, _) => format!("freeze of {victim}"),
            Self::Restart(Victim::Everything) => "rolling restart".to_owned(),
            Self::Restart(victim) => format!("restart of {victim}"),
            Self::Outage(service, manner, _) => format!("{service} {manner}"),
            Self::QueuesDeleted => "every queue deleted".to_owned(),
        }
    }

    /// Whether a process is killed.
    pub const fn is_kill(&self) -> bool {
        matches!(self, Self::Kill(_))
    }

    /// Whether a service is away.
    pub const fn is_outage(&self) -> bool {
        matches!(self, Self::Outage(..))
    }
}

/// Longer than a lease of [`super::arena`].
pub(super) const LONG: Duration = Duration::from_secs(12);

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kill(Victim::Server(number)) => write!(f, "kill -9 of server {number}"),
            Self::Kill(Victim::Worker(number)) => write!(f, "kill -9 of the worker of sender {number}"),
            Self::Freeze(victim, length) => write!(f, "freeze of {victim:?} for {length:?}"),
            Self::Outage(_, _, length) => write!(f, "{} for {length:?}", self.kind()),
            other => f.write_str(&other.kind()),
        }
    }
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Up => "`up`",
            Self::Server(_) => "a server",
            Self::Worker(_) => "a worker",
            Self::Fleet => "the fleet process",
            Self::Everything => "everything",
        })
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Database => "database",
            Self::Broker => "broker",
            Self::Both => "database and broker",
            Self::Network => "network",
        })
    }
}

impl fmt::Display for Manner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stopped => "stopped",
            Self::Crashed => "crashed",
            Self::Cut => "connections cut",
            Self::Silent => "connections silent",
            Self::Slow => "connections slow",
            Self::Frozen => "frozen",
            Self::Locked => "locked by another connection",
        })
    }
}
