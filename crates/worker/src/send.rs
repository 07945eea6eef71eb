//! Sending on an open session: `send_loop` settles what is open, takes jobs through an `intake`, and sends them `paced` or `unpaced`.
//!
//! What may change while it does has an owner each: the sender's `pace`, the `open_attempts` whose outcomes are not known yet, the
//! `backlog` of messages in hand. Between them stand the `attempts`, from the intent to the outcome.

pub(crate) mod send_loop;

mod attempts;
mod backlog;
mod ceiling;
mod consuming;
mod intake;
mod link;
mod lost_jobs;
mod open_attempts;
mod pace;
mod paced;
mod settle;
mod sleep;
mod transmit;
mod turn;
mod unpaced;
