//! The sequencer: at once while there is more, then with a pause.

use std::{sync::Arc, time::Duration};

use paceline_control::Sequencer;

use crate::fakes::{FakeEvents, lock, step};

#[tokio::test]
async fn events_are_numbered_without_pause_while_a_full_batch_is_found() {
    let store = Arc::new(FakeEvents::default());
    *lock(&store.unnumbered) = 2_300;
    let mut sequencer = Sequencer::new(store.clone());
    assert_eq!(step(&mut sequencer).await.unwrap(), Duration::ZERO);
    assert_eq!(step(&mut sequencer).await.unwrap(), Duration::ZERO);
    assert_eq!(step(&mut sequencer).await.unwrap(), Duration::from_millis(50));
    assert_eq!(step(&mut sequencer).await.unwrap(), Duration::from_millis(100));
    assert_eq!(*lock(&store.unnumbered), 0);
}
