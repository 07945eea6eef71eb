//! How long things may take, generously: these bound a hang, they measure nothing.

use std::time::Duration;

use paceline_e2e::Stack;

/// A campaign of some hundred messages.
pub(crate) const CAMPAIGN: Duration = Duration::from_secs(40);

/// The same when processes are killed in the middle. Embedded, the next start takes back what a killed one had claimed; among servers
/// nobody knows who lives: each time, jobs that nobody published have to be missed, and at worst a claim runs out.
pub(crate) fn campaign_with_kills(stack: Stack) -> Duration {
    match stack {
        Stack::Embedded => CAMPAIGN,
        Stack::Full => CAMPAIGN + Duration::from_secs(150),
    }
}

/// What happens by itself after a moment.
pub(crate) const SOON: Duration = Duration::from_secs(12);

/// A command that does one thing.
pub(crate) const COMMAND: Duration = Duration::from_secs(30);

/// For how long a thing that must not happen is watched.
pub(crate) const WATCH: Duration = Duration::from_millis(1_200);
