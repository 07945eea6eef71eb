#![doc = include_str!("../README.md")]

mod failpoint;
mod order;
#[cfg(debug_assertions)]
mod trap;

pub use failpoint::Failpoint;
pub use order::{End, Order, OrderError};

/// The environment's variable that arms a failpoint.
pub const VARIABLE: &str = "PACELINE_FAILPOINT";

/// Whether an order will be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Armed {
    /// It will.
    Yes,
    /// It will not: a process is armed once, and this one has another order.
    Already,
    /// It will not: this is a release build, whose failpoints do nothing.
    NotInThisBuild,
}

/// Arms this process.
pub fn arm(order: Order) -> Armed {
    #[cfg(debug_assertions)]
    let armed = trap::arm(order);
    #[cfg(not(debug_assertions))]
    let armed = {
        let _ = order;
        Armed::NotInThisBuild
    };
    armed
}

/// The process is at this failpoint; it may not get further.
#[inline]
pub fn pass(failpoint: Failpoint) {
    pass_if(failpoint, || true);
}

/// The process is at this failpoint if the condition holds, which is asked only where it matters.
#[inline]
pub fn pass_if(failpoint: Failpoint, holds: impl FnOnce() -> bool) {
    #[cfg(debug_assertions)]
    trap::pass(failpoint, holds);
    #[cfg(not(debug_assertions))]
    let _ = (failpoint, holds);
}
