//! What follows from a try: pure arithmetic over the answer, the schedule and a draw.

use std::time::Duration;

use paceline_domain::DeliveryId;
use paceline_store::deliveries::NextTry;
use rand::Rng;
use rand_chacha::{ChaCha12Rng, rand_core::SeedableRng};

use crate::post::{Answer, Failure};

/// How far a delay may stray from the schedule, either way, so that a thousand deliveries that failed together do not come
/// back together.
const JITTER: f64 = 0.15;

/// The longest that a webhook endpoint may put us off.
const RETRY_AFTER_MOST: Duration = Duration::from_hours(24);

/// What follows from a try of `delivery`, which was tried `attempts` times before.
pub(crate) fn next_try(schedule: &[Duration], delivery: DeliveryId, attempts: i32, answer: &Answer) -> NextTry {
    let (error, asked) = match answer {
        Answer::Status { status: 200..=299, .. } => return NextTry::Delivered,
        Answer::Status { status: 410, .. } => {
            return NextTry::Gone { error: "the webhook endpoint is gone: it answered 410".to_owned() };
        }
        Answer::Status { status: status @ 300..=399, .. } => {
            (format!("the webhook endpoint answered {status}, and redirects are not followed"), None)
        }
        Answer::Status { status, retry_after } => (format!("the webhook endpoint answered {status}"), *retry_after),
        Answer::Failed(failure @ Failure::Unsendable(_)) => return exhausted(failure.to_string()),
        Answer::Failed(failure) => (failure.to_string(), None),
    };
    let tried = usize::try_from(attempts).unwrap_or(0).saturating_add(1);
    let Some(&delay) = schedule.get(tried) else { return exhausted(error) };
    let chance = draw(delivery, attempts);
    let scheduled = delay.mul_f64(1.0 - JITTER + 2.0 * JITTER * chance);
    // Never earlier than asked, so the jitter goes one way.
    let put_off = asked.map_or(Duration::ZERO, |asked| {
        asked.min(RETRY_AFTER_MOST).mul_f64(1.0 + JITTER * chance).min(RETRY_AFTER_MOST)
    });
    NextTry::Retry { after: scheduled.max(put_off), error }
}

const fn exhausted(error: String) -> NextTry {
    NextTry::Exhausted { error }
}

/// A number from 0 to 1 that is a function of the delivery and the attempt.
fn draw(delivery: DeliveryId, attempts: i32) -> f64 {
    let mut key = [0_u8; 32];
    key[..16].copy_from_slice(&delivery.to_bytes());
    key[16..20].copy_from_slice(&attempts.to_be_bytes());
    ChaCha12Rng::from_seed(key).random()
}
