//! What carries an order out. In debug builds only.

use std::{
    cmp::Ordering::{Equal, Greater, Less},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rustix::process::{Signal, getpid, kill_process};

use crate::{Armed, End, Failpoint, Order};

/// The order of this process, and how often its failpoint was passed. Process-wide because what it ends is the process.
static TRAP: OnceLock<Trap> = OnceLock::new();

/// A process that is stopped does not stop on the instant: the thread that asks for it must not get further meanwhile.
const UNTIL_STOPPED: Duration = Duration::from_millis(200);

struct Trap {
    order: Order,
    passes: AtomicU32,
}

pub(crate) fn arm(order: Order) -> Armed {
    match TRAP.set(Trap { order, passes: AtomicU32::new(0) }) {
        Ok(()) => Armed::Yes,
        Err(_) => Armed::Already,
    }
}

pub(crate) fn pass(failpoint: Failpoint, holds: impl FnOnce() -> bool) {
    let Some(trap) = TRAP.get().filter(|trap| trap.order.failpoint == failpoint) else { return };
    if !holds() {
        return;
    }
    let (passed, wanted) = (trap.passes.fetch_add(1, Ordering::AcqRel) + 1, trap.order.pass.get());
    match passed.cmp(&wanted) {
        Equal => end(trap.order),
        // Another thread is about to end the process, and nobody gets past the failpoint meanwhile.
        Greater if trap.order.end == End::Kill => std::thread::sleep(UNTIL_STOPPED),
        Less | Greater => {}
    }
}

fn end(order: Order) {
    let (signal, said) = match order.end {
        End::Kill => (Signal::KILL, "killed at a failpoint, as was asked for"),
        End::Freeze => (Signal::STOP, "frozen at a failpoint, as was asked for"),
    };
    tracing::warn!(failpoint = order.failpoint.as_str(), pass = order.pass, "{said}");
    match kill_process(getpid(), signal) {
        // Nothing more is done by this thread, whichever of them the signal strikes first.
        Ok(()) => std::thread::sleep(UNTIL_STOPPED),
        Err(error) => {
            tracing::error!(failpoint = order.failpoint.as_str(), %error, "the system refuses to end this process");
        }
    }
}
