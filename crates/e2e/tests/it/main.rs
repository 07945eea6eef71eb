//! Scenarios against the real binary, and tests of the house itself.

mod bans;
mod bounds;
mod chaos;
mod command_line;
mod compose;
mod crashes;
mod dead_letters;
mod demo;
mod deployment;
mod document;
mod drain;
mod events;
mod explanations;
mod failpoints;
mod grafana;
mod house;
mod lanes;
mod opt_out;
mod pause;
mod refusals;
mod schemathesis;
mod senders;
mod stacks;
mod trouble;
mod unknown;
mod webhooks;
