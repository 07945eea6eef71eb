//! Dead letters: kept first, acknowledged after.

use std::sync::Arc;

use paceline_control::{DeadLetterRecorder, DeadLetters};
use paceline_domain::{DeathReason, Job, JobItem, Lane};
use paceline_queue::{Cargo, DeadLetter};
use paceline_store::{
    dead_letters::DeadBody,
    results::{OptOut, ResultToApply},
};

use crate::{
    builders::{inbound, meters, noon, released, sender_id, sent, unavailable},
    fakes::{FakeDead, FakeDeadLetters, StillClock, lock, step},
};

fn job() -> Job {
    let it = released(1, 1, Lane::Campaign);
    let item = JobItem { message: it.message, generation: it.generation, to: it.to, chars: it.chars };
    Job { sender: sender_id(1), lane: Lane::Campaign, items: vec![item] }
}

#[tokio::test]
async fn a_letter_is_kept_before_the_broker_forgets_it() {
    let (meters, metrics) = meters();
    let (queue, store) = (Arc::new(FakeDead::default()), Arc::new(FakeDeadLetters::default()));
    let recorder = Arc::new(DeadLetterRecorder::new(store.clone(), StillClock::at(noon(), 1.0), meters));
    let mut role = DeadLetters::new(queue.clone(), recorder);
    let letters = [
        (DeathReason::DeliveryLimit, Cargo::Job(job())),
        (DeathReason::DeliveryLimit, Cargo::Results(vec![sent(1), inbound(2, "STOP")])),
        (DeathReason::Unreadable, Cargo::Unreadable(vec![0; 100_000])),
    ];
    for (number, (reason, cargo)) in letters.into_iter().enumerate() {
        lock(&queue.waiting).push_back((number, DeadLetter { reason, cargo }));
    }
    store.failures.push(unavailable());
    step(&mut role).await.expect_err("the database is away");
    assert!(lock(&queue.acked).is_empty());
    step(&mut role).await.expect("they are kept");
    assert_eq!(*lock(&queue.acked), [0, 1, 2]);
    let kept: Vec<_> = lock(&store.kept).iter().map(|letter| letter.body.clone()).collect();
    let result = |result, opt_out| DeadBody::Result(Box::new(ResultToApply { result, opt_out }));
    let expected = [
        DeadBody::Job(job()),
        result(sent(1), OptOut::No),
        result(inbound(2, "STOP"), OptOut::Yes),
        DeadBody::Unreadable(vec![0; DeadBody::MAX_BYTES]),
    ];
    assert_eq!(kept, expected);
    let shown = metrics.render();
    for line in [
        "paceline_dead_letters_total{kind=\"job\",reason=\"delivery_limit\"} 1",
        "paceline_dead_letters_total{kind=\"result\",reason=\"delivery_limit\"} 2",
        "paceline_dead_letters_total{kind=\"unreadable\",reason=\"unreadable\"} 1",
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line} in {shown}");
    }
}

#[tokio::test]
async fn a_consumer_that_ends_is_made_again() {
    let (queue, store) = (Arc::new(FakeDead::default()), Arc::new(FakeDeadLetters::default()));
    let recorder = Arc::new(DeadLetterRecorder::new(store.clone(), StillClock::at(noon(), 1.0), meters().0));
    let mut role = DeadLetters::new(queue.clone(), recorder);
    assert!(!step(&mut role).await.expect("the consumer ends").is_zero(), "not at once");
    lock(&queue.waiting).push_back((7, DeadLetter { reason: DeathReason::Dropped, cargo: Cargo::Job(job()) }));
    step(&mut role).await.expect("the second consumer");
    assert_eq!((lock(&queue.acked).clone(), lock(&store.kept).len()), (vec![7], 1));
}
