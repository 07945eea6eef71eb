#![doc = include_str!("../README.md")]

mod control;
mod dead_letters;
mod figures;
mod fleet_figures;
mod meters;
mod options;
mod outage;
mod planner;
mod releaser;
mod results;
mod role;
mod sequencer;
mod silence;
mod sweeper;

pub use control::{Control, ControlDeps};
pub use dead_letters::{DeadLetterRecorder, DeadLetters};
pub use figures::Figures;
pub use fleet_figures::FleetFigures;
pub use meters::Meters;
pub use options::{ControlOptions, PlanOptions, ReleaseOptions, ResultOptions, SweepOptions};
pub use outage::Outages;
pub use planner::Planner;
pub use releaser::{Releaser, ReleaserDeps};
pub use results::{Applier, ResultsRole};
pub use role::{Role, StepError, run_role};
pub use sequencer::Sequencer;
pub use sweeper::{Duty, Sweeper};
