//! The control plane's roles over fakes of the ports, and all of them over the embedded ones.

mod builders;
mod dead_letters;
mod fakes;
mod figures;
mod outages;
mod planner;
mod releaser;
mod results;
mod sequencer;
mod sweeper;
mod whole;
