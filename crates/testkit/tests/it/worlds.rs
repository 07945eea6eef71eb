//! A world on a store of its own.

use paceline_domain::MessageId;
use paceline_testkit::{noon, seeded_minter, world};

#[tokio::test]
async fn a_campaign_goes_from_its_rows_to_sent_messages() {
    let (world, folder) = world().await;
    let sender = world.add_sender(1, "main").await;
    let (campaign, messages) = world.planned("main", 0..3).await;
    assert_eq!(messages.len(), 3);
    assert_eq!(world.send_all(&world.lease(sender).await).await.len(), 3);
    assert_eq!(world.balanced(campaign).await.sent, 3);
    let path = folder.path().to_owned();
    drop((world, folder));
    assert!(!path.exists(), "nothing is left behind");
}

#[test]
fn a_seed_mints_the_same_ids_again() {
    let mint = |seed| seeded_minter(seed).mint::<paceline_domain::kind::Message>(noon());
    let (one, again): (MessageId, MessageId) = (mint(1), mint(1));
    assert_eq!(one, again);
    assert_ne!(one, mint(2));
}
