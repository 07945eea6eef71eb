//! How long things may take, generously: these bound a hang, they measure nothing.

use std::time::Duration;

/// A campaign of some hundred messages.
pub(crate) const CAMPAIGN: Duration = Duration::from_secs(40);

/// What happens by itself after a moment.
pub(crate) const SOON: Duration = Duration::from_secs(12);

/// A command that does one thing.
pub(crate) const COMMAND: Duration = Duration::from_secs(30);

/// For how long a thing that must not happen is watched.
pub(crate) const WATCH: Duration = Duration::from_millis(1_200);
