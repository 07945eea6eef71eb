//! Health and figures.

use std::sync::Arc;

use paceline_domain::Outcome;

use super::builders::{AT_ONCE, World, accepted};
use crate::{Store, health::StoreFigures, messages::Route};

pub async fn an_empty_store_answers_and_counts_nothing(store: Arc<dyn Store>) {
    store.ping().await.unwrap();
    assert_eq!(store.figures().await.unwrap(), StoreFigures::default());
    World::new(Arc::clone(&store)).await;
    assert_eq!(store.figures().await.unwrap(), StoreFigures::default());
}

pub async fn the_figures_are_the_sum_of_all_accounts(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (first, _) = world.planned("main", 0..4).await;
    let (second, _) = world.planned("main", 2..5).await;
    world.accept(world.new_message(9, Route::Sender(sender))).await;
    let lease = world.lease(sender).await;
    world.send(&lease, &world.claim_for(sender, 3).await, &accepted()).await;
    world.send(&lease, &world.claim_for(sender, 2).await, &Outcome::Unknown).await;
    world.intend(&lease, &world.claim_for(sender, 1).await).await;
    let account = world.store.figures().await.unwrap().account;
    assert_eq!((account.planned, account.sent, account.unknown, account.waiting), (8, 3, 2, 3));
    assert_eq!((account.sending, account.imbalance()), (1, 0));
    let campaigns = [world.balanced(first).await, world.balanced(second).await];
    assert_eq!(campaigns.iter().map(|it| it.planned).sum::<i64>(), 7);
    assert_eq!(campaigns.iter().map(|it| it.sent).sum::<i64>(), 2, "the code went first");
}

pub async fn leases_that_hold_are_counted(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (one, two) = (world.add_sender(1, "main").await, world.add_sender(2, "main").await);
    let lease = world.lease(one).await;
    world.lease_for(two, AT_ONCE).await;
    assert_eq!(world.store.figures().await.unwrap().leases_held, 1);
    world.store.release_lease(one, lease.epoch).await.unwrap();
    assert_eq!(world.store.figures().await.unwrap().leases_held, 0);
}

pub async fn the_outbox_is_as_old_as_its_oldest_unapplied_outcome(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let sender = world.add_sender(1, "main").await;
    let (_, messages) = world.planned("main", 0..2).await;
    let lease = world.lease(sender).await;
    world.intend(&lease, &world.claim_for(sender, 2).await).await;
    let age = async || world.store.figures().await.unwrap().outbox_age;
    assert_eq!(age().await, None, "an attempt under way is not in the outbox");
    let first = world.conclude(sender, messages[0], 1, accepted()).await;
    assert!(age().await.is_some());
    let second = world.conclude(sender, messages[1], 1, Outcome::Unknown).await;
    world.apply([first]).await;
    assert!(age().await.is_some());
    world.apply([second]).await;
    assert_eq!(age().await, None);
}
