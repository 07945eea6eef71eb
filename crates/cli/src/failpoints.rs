//! Arms the failpoint at which this process is to die, where the environment names one.

use paceline_failpoints::{Armed, Order, VARIABLE, arm};

use crate::settings::SettingsError;

/// Reads the order and tells the log about it, whether or not it can be carried out: a drill that is silently none proves nothing.
pub(crate) fn arm_from_environment() -> Result<(), SettingsError> {
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    if wanted.is_empty() {
        return Ok(());
    }
    let order: Order = wanted.parse()?;
    match arm(order) {
        Armed::Yes => tracing::warn!(%order, "this process ends at a failpoint, as {VARIABLE} asks"),
        Armed::Already => tracing::warn!(%order, "this process has another order already; {VARIABLE} is not followed"),
        Armed::NotInThisBuild => {
            tracing::warn!(%order, "{VARIABLE} is set and nothing comes of it: only a debug build ends at failpoints");
        }
    }
    Ok(())
}
