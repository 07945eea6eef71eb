//! What the port promises about dead letters of every adapter. Each function is one test.

use tokio::time::timeout;

use super::{A_WHILE, SOON, fresh_sender, job, next, publish};
use crate::Queue;

/// What is worked on, given back, or left unanswered once does not die of it.
pub async fn what_is_delivered_is_not_dead(queue: &impl Queue) {
    let sender = fresh_sender();
    queue.declare_senders(&[sender]).await.expect("the broker declares");
    let mut dead = queue.consume_dead().await.expect("the broker starts consumers");
    publish(queue, vec![job(sender, 1), job(sender, 2)]).await;
    let mut consumer = queue.consume_jobs(sender, 8).await.expect("the broker starts consumers");
    next(&mut consumer).await.give_back().await.expect("the broker takes answers");
    for _ in 0..2 {
        next(&mut consumer).await.ack().await.expect("the broker takes answers");
    }
    assert!(timeout(A_WHILE, dead.next_batch(8)).await.is_err(), "nobody has died");
}

/// A wait that is broken off loses nothing, and the next one goes on.
pub async fn waiting_for_dead_letters_may_be_broken_off(queue: &impl Queue) {
    let mut dead = timeout(SOON, queue.consume_dead()).await.expect("soon").expect("the broker starts consumers");
    for _ in 0..3 {
        assert!(timeout(A_WHILE / 4, dead.next_batch(8)).await.is_err(), "nobody has died");
    }
}
