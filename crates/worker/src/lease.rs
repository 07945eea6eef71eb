//! Leases: claimed, renewed and shared among the workers by `leases`, seen by whoever works under one through `watch`.

pub(crate) mod leases;
pub(crate) mod registration;
pub(crate) mod watch;

mod obstacle;
