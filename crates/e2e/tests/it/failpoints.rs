//! Killed at every failpoint: a process dies at a named point of a message's way (see `crates/failpoints`), is started again, and the
//! books agree. Which row of the failure matrix each scenario is, says this crate's README.

mod api;
mod books;
mod doubt;
mod drill;
mod freeze;
mod inbound;
mod orders;
mod partition;
mod release;
mod results;
mod webhooks;
mod worker;
