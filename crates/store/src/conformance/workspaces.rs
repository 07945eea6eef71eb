//! The first start, and API keys.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use paceline_domain::Minter;

use super::builders::{World, first_workspace, noon};
use crate::{
    Store,
    workspaces::{ApiKey, Bootstrap, Workspace},
};

fn pair(seed: u8) -> (Workspace, ApiKey, DateTime<Utc>) {
    let (workspace, key) = first_workspace(&Minter::new([seed; 32]), noon());
    (workspace, key, noon())
}

pub async fn the_first_start_makes_the_workspace_and_its_key(store: Arc<dyn Store>) {
    let (workspace, key, _) = pair(1);
    assert_eq!(store.bootstrap(workspace.clone(), key.clone()).await.unwrap(), Bootstrap::Created);
    assert_eq!(store.find_workspace(workspace.id).await.unwrap(), Some(workspace));
    assert_eq!(store.find_api_key(key.hash).await.unwrap(), Some(key));
}

pub async fn a_second_start_finds_the_workspace_and_changes_nothing(store: Arc<dyn Store>) {
    let (workspace, key, _) = pair(1);
    store.bootstrap(workspace.clone(), key).await.unwrap();
    store.record_key_shown().await.unwrap();
    let (other, other_key, _) = pair(2);
    let hash = other_key.hash;
    assert_eq!(store.bootstrap(other.clone(), other_key).await.unwrap(), Bootstrap::Existing(workspace));
    assert_eq!(store.find_workspace(other.id).await.unwrap(), None);
    assert_eq!(store.find_api_key(hash).await.unwrap(), None);
}

pub async fn a_start_after_a_crash_makes_another_key_until_one_was_shown(store: Arc<dyn Store>) {
    let (workspace, first, _) = pair(1);
    store.bootstrap(workspace.clone(), first.clone()).await.unwrap();
    let mut hashes = vec![first.hash];
    for seed in [2, 3] {
        let (other, key, _) = pair(seed);
        hashes.push(key.hash);
        assert_eq!(store.bootstrap(other.clone(), key).await.unwrap(), Bootstrap::Unseen(workspace.clone()));
        assert_eq!(store.find_workspace(other.id).await.unwrap(), None, "still one workspace");
    }
    for _ in 0..2 {
        store.record_key_shown().await.unwrap();
    }
    let (other, key, _) = pair(4);
    assert_eq!(store.bootstrap(other, key).await.unwrap(), Bootstrap::Existing(workspace.clone()));
    for hash in hashes {
        let key = store.find_api_key(hash).await.unwrap().expect("it may have been seen");
        assert_eq!(key.workspace, workspace.id);
    }
}

pub async fn two_first_starts_at_once_make_one_workspace(store: Arc<dyn Store>) {
    let starts = [1, 2].map(|seed| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let (workspace, key, _) = pair(seed);
            let (id, hash) = (workspace.id, key.hash);
            (store.bootstrap(workspace, key).await.unwrap(), id, hash)
        })
    });
    let mut created = 0;
    for start in starts {
        let (answer, id, hash) = start.await.unwrap();
        let made = answer == Bootstrap::Created;
        created += u32::from(made);
        assert_eq!(store.find_workspace(id).await.unwrap().is_some(), made);
        assert!(store.find_api_key(hash).await.unwrap().is_some(), "nobody knows which of them will be shown");
    }
    assert_eq!(created, 1);
}

pub async fn a_key_is_found_by_its_hash_and_no_other(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let key = ApiKey {
        id: world.id(),
        workspace: world.workspace,
        name: "Second".to_owned(),
        hash: [9; 32],
        created_at: world.now,
    };
    world.store.add_api_key(key.clone()).await.unwrap();
    assert_eq!(world.store.find_api_key([9; 32]).await.unwrap(), Some(key.clone()));
    let keys = world.store.list_api_keys(world.workspace).await.unwrap();
    assert_eq!(keys.last(), Some(&key), "the newest comes last");
    assert_eq!(world.store.list_api_keys(world.id()).await.unwrap(), []);
    assert_eq!(world.store.find_api_key([8; 32]).await.unwrap(), None);
}
