//! Whether a request describes a fault: every field must mean something for its kind.

use super::{FaultError, FaultKind as K, FaultRequest, RefusalReason};

const TEN_YEARS: f64 = 315_360_000.0;

impl FaultRequest {
    /// Refuses fields out of range, missing, or without meaning for the kind.
    pub(crate) fn check(&self) -> Result<(), FaultError> {
        self.check_trigger()?;
        self.check_meaning()?;
        self.check_needs()
    }

    fn check_trigger(&self) -> Result<(), FaultError> {
        if self.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            return refuse("`probability` must be between 0 and 1");
        }
        if self.count == Some(0) {
            return refuse("`count` must be at least 1");
        }
        if self.at.is_some() && self.after_seconds.is_some() {
            return refuse("`at` and `after_seconds` exclude each other");
        }
        for (name, value) in [("after_seconds", self.after_seconds), ("seconds", self.seconds)] {
            if value.is_some_and(|seconds| !(0.0..=TEN_YEARS).contains(&seconds)) {
                return refuse(&format!("`{name}` must be between 0 and {TEN_YEARS}"));
            }
        }
        let lasting = matches!(self.kind, K::RepeatsDropped | K::RepeatsDelivered);
        let triggered = self.probability.is_some() || self.count.is_some() || self.after_sends.is_some();
        if lasting && triggered {
            return refuse(&format!(
                "`{}` holds until it is removed; it takes `sender`, `at`, `after_seconds`",
                self.kind
            ));
        }
        if self.kind == K::Disconnect && self.count.is_some() && self.probability.is_none() {
            return refuse("`count` of a `disconnect` needs a `probability`");
        }
        Ok(())
    }

    fn check_meaning(&self) -> Result<(), FaultError> {
        let ends = self.kind == K::TemporaryBan || self.reason == Some(RefusalReason::Throttled);
        let without_meaning = [
            ("delay_ms", self.delay_ms.is_some() && self.kind != K::SlowAck),
            ("reason", self.reason.is_some() && self.kind != K::Reject),
            ("until", self.until.is_some() && !ends),
            ("seconds", self.seconds.is_some() && !ends),
        ];
        match without_meaning.iter().find(|(_, wrong)| *wrong) {
            Some((field, _)) => refuse(&format!("`{field}` has no meaning for `{}`", self.kind)),
            None => Ok(()),
        }
    }

    fn check_needs(&self) -> Result<(), FaultError> {
        let end_missing = self.until.is_none() == self.seconds.is_none();
        match self.kind {
            K::SlowAck if self.delay_ms.is_none() => refuse("`slow_ack` needs `delay_ms`"),
            K::TemporaryBan if end_missing => refuse("`temporary_ban` needs either `until` or `seconds`"),
            K::Reject if self.reason.is_none() => refuse("`reject` needs a `reason`"),
            K::Reject if self.reason == Some(RefusalReason::Throttled) && end_missing => {
                refuse("the reason `throttled` needs either `until` or `seconds`")
            }
            _ => Ok(()),
        }
    }
}

fn refuse(detail: &str) -> Result<(), FaultError> {
    Err(FaultError(detail.to_owned()))
}
