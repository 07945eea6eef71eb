//! What became of messages, told in this order: outcomes to the store, results to the queue, answers to the jobs.

pub(crate) mod incoming;
pub(crate) mod publish;
pub(crate) mod reporter;
pub(crate) mod ticket;
