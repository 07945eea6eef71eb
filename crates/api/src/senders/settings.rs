//! What a person decides about a sender, checked alike when it is added and when it is changed.

use std::collections::BTreeSet;

use crate::{api::Api, senders::MAX_POOL_NAME, validate::Checks};

const MAX_NAME: usize = 200;
const MAX_POOLS: usize = 50;

/// Notes a name that is none.
pub(super) fn check_name(checks: &mut Checks, name: Option<&str>) {
    if let Some(name) = name {
        checks.label("/name", name, MAX_NAME);
    }
}

/// Notes a pacing profile that is not configured.
pub(super) fn check_profile(checks: &mut Checks, api: &Api, profile: &str) {
    if api.profiles().find(profile).is_none() {
        let known = api.profiles().names().collect::<Vec<_>>().join(", ");
        checks.refuse("/profile", format!("there is no profile {profile:?}; known are {known}"));
    }
}

/// The pools once each, in the order given.
pub(super) fn checked_pools(checks: &mut Checks, pools: Vec<String>) -> Vec<String> {
    if pools.is_empty() || pools.len() > MAX_POOLS {
        checks.refuse("/pools", format!("must name 1 to {MAX_POOLS} pools"));
    }
    for (index, pool) in pools.iter().enumerate() {
        checks.label(&format!("/pools/{index}"), pool, MAX_POOL_NAME);
    }
    let mut seen = BTreeSet::new();
    pools.into_iter().filter(|pool| seen.insert(pool.clone())).collect()
}
