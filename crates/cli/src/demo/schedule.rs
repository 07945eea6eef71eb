//! How many senders the demo takes, how fast its clock runs and when it starts, so that hours pass in under a minute and none
//! of them lies in the future.

use chrono::{DateTime, Utc};

use crate::{arguments::Demo, clock};

/// Messages of one sender in the gentle profile: 200 a day, and a mean gap of 44 s (median 40 s, sigma 0.45).
const MESSAGES_PER_SENDER_AND_DAY: u64 = 200;
const MEAN_GAP_SECONDS: u64 = 44;
/// How long the network's people may take to read and answer.
const TAIL_SECONDS: u64 = 2 * 3_600;
/// At this speed an hour takes ten seconds.
const SPEED: f64 = 360.0;
/// Beyond it the embedded parts, not the pace, would set the time.
const FASTEST: f64 = 20_000.0;
/// What a demo should take, in real seconds.
const TARGET_SECONDS: f64 = 45.0;

/// The demo's schedule.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Schedule {
    /// How many phone numbers send.
    pub(crate) senders: u32,
    /// Seconds on the campaign's clock in a real one.
    pub(crate) speed: f64,
    span_seconds: u64,
}

impl Schedule {
    /// A schedule for `rows` recipients, with what the user asked for.
    pub(crate) fn of(arguments: &Demo, rows: u64) -> Self {
        let senders = arguments.senders.unwrap_or_else(|| u32::try_from((rows / 60).clamp(5, 40)).unwrap_or(40));
        let each = rows.div_ceil(u64::from(senders));
        let days = each / MESSAGES_PER_SENDER_AND_DAY;
        let rest = each % MESSAGES_PER_SENDER_AND_DAY;
        let span_seconds = days * 86_400 + rest * MEAN_GAP_SECONDS + TAIL_SECONDS;
        #[expect(clippy::cast_precision_loss, reason = "a span of seconds is far below 2^52")]
        let needed = span_seconds as f64 / TARGET_SECONDS;
        let speed = arguments.speed.unwrap_or_else(|| needed.clamp(SPEED, FASTEST)).max(1.0);
        Self { senders, speed, span_seconds }
    }

    /// When the clock starts: far enough in the past for twice the span and two days more.
    pub(crate) fn origin(&self) -> DateTime<Utc> {
        let back = self.span_seconds.saturating_mul(2).saturating_add(2 * 86_400).min(3_650 * 86_400);
        clock::before_now(std::time::Duration::from_secs(back))
    }
}
