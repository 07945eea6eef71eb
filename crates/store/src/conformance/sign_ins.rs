//! Sign-ins under an API key.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use paceline_domain::{ApiKeyId, SignInKind};

use super::builders::World;
use crate::{
    Store,
    sign_ins::{NewSession, SignIn},
    workspaces::ApiKey,
};

async fn key_of(world: &World, seed: u8) -> ApiKeyId {
    let key = ApiKey {
        id: world.id(),
        workspace: world.workspace,
        name: "Console".to_owned(),
        hash: [seed; 32],
        created_at: world.now,
    };
    let id = key.id;
    world.store.add_api_key(key).await.unwrap();
    id
}

fn sign_in(world: &World, key: ApiKeyId, kind: SignInKind, seed: u8) -> SignIn {
    SignIn {
        id: world.id(),
        workspace: world.workspace,
        key,
        kind,
        hash: [seed; 32],
        created_at: world.now,
        expires_at: world.now + TimeDelta::minutes(10),
    }
}

fn new_session(world: &World, seed: u8, at: DateTime<Utc>) -> NewSession {
    NewSession { id: world.id(), hash: [seed; 32], created_at: at, expires_at: at + TimeDelta::days(7) }
}

pub async fn a_session_is_found_by_its_hash_until_it_is_ended(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let key = key_of(&world, 1).await;
    let session = sign_in(&world, key, SignInKind::Session, 5);
    world.store.add_sign_in(session.clone()).await.unwrap();
    assert_eq!(world.store.find_sign_in([5; 32]).await.unwrap(), Some(session.clone()));
    assert_eq!(world.store.find_sign_in([6; 32]).await.unwrap(), None);
    assert!(world.store.end_sign_in(key, session.id).await.unwrap());
    assert!(!world.store.end_sign_in(key, session.id).await.unwrap());
    assert_eq!(world.store.find_sign_in([5; 32]).await.unwrap(), None);
}

pub async fn a_key_ends_its_own_sign_ins_only(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let (mine, other) = (key_of(&world, 1).await, key_of(&world, 2).await);
    let session = sign_in(&world, mine, SignInKind::Session, 5);
    world.store.add_sign_in(session.clone()).await.unwrap();
    assert!(!world.store.end_sign_in(other, session.id).await.unwrap());
    assert_eq!(world.store.list_sessions(other, world.now).await.unwrap(), []);
    assert_eq!(world.store.list_sessions(mine, world.now).await.unwrap(), [session]);
}

pub async fn a_link_is_exchanged_once_for_a_session_of_its_key(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let key = key_of(&world, 1).await;
    world.store.add_sign_in(sign_in(&world, key, SignInKind::Link, 3)).await.unwrap();
    let exchanges = [7, 8].map(|seed| {
        let (store, session) = (Arc::clone(&world.store), new_session(&world, seed, world.now));
        tokio::spawn(async move { store.exchange_link([3; 32], session).await.unwrap() })
    });
    let mut made = Vec::new();
    for exchange in exchanges {
        made.extend(exchange.await.unwrap());
    }
    let [session] = &made[..] else { panic!("{} exchanges were made", made.len()) };
    assert_eq!((session.key, session.workspace, session.kind), (key, world.workspace, SignInKind::Session));
    assert_eq!(world.store.find_sign_in(session.hash).await.unwrap().as_ref(), Some(session));
    assert_eq!(world.store.find_sign_in([3; 32]).await.unwrap(), None);
}

pub async fn a_link_that_is_over_and_a_session_are_exchanged_for_nothing(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let key = key_of(&world, 1).await;
    world.store.add_sign_in(sign_in(&world, key, SignInKind::Link, 3)).await.unwrap();
    world.store.add_sign_in(sign_in(&world, key, SignInKind::Session, 4)).await.unwrap();
    let late = world.now + TimeDelta::minutes(10);
    assert_eq!(world.store.exchange_link([3; 32], new_session(&world, 7, late)).await.unwrap(), None);
    assert_eq!(world.store.exchange_link([4; 32], new_session(&world, 8, world.now)).await.unwrap(), None);
    assert!(world.store.find_sign_in([4; 32]).await.unwrap().is_some());
}

pub async fn what_is_over_is_not_listed_and_goes_when_the_next_is_made(store: Arc<dyn Store>) {
    let world = World::new(store).await;
    let key = key_of(&world, 1).await;
    let old = sign_in(&world, key, SignInKind::Session, 5);
    world.store.add_sign_in(old.clone()).await.unwrap();
    assert_eq!(world.store.list_sessions(key, old.expires_at).await.unwrap(), []);
    let next = SignIn {
        created_at: old.expires_at,
        expires_at: old.expires_at + TimeDelta::days(7),
        ..sign_in(&world, key, SignInKind::Session, 6)
    };
    world.store.add_sign_in(next.clone()).await.unwrap();
    assert_eq!(world.store.find_sign_in([5; 32]).await.unwrap(), None);
    assert_eq!(world.store.list_sessions(key, next.created_at).await.unwrap(), [next]);
}
