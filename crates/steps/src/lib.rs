#![doc = include_str!("../README.md")]

mod order;
mod step;
#[cfg(debug_assertions)]
mod trap;

pub use order::{End, Order, OrderError};
pub use step::Step;

/// The environment's variable that arms a step.
pub const VARIABLE: &str = "PACELINE_KILL_AT";

/// Whether an order will be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Armed {
    /// It will.
    Yes,
    /// It will not: a process is armed once, and this one has another order.
    Already,
    /// It will not: this is a release build, whose steps do nothing.
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

/// The process is at this step; it may not get further.
#[inline]
pub fn pass(step: Step) {
    pass_if(step, || true);
}

/// The process is at this step if the condition holds, which is asked only where it matters.
#[inline]
pub fn pass_if(step: Step, holds: impl FnOnce() -> bool) {
    #[cfg(debug_assertions)]
    trap::pass(step, holds);
    #[cfg(not(debug_assertions))]
    let _ = (step, holds);
}
