//! What was looked up a moment ago and is asked for with every request: who a key belongs to, and the secret of a workspace.
//!
//! A key that is taken away works for [`TRUSTED`] at most, on every server. A key that is not known is looked up each time, so that a new one
//! works at once. The secret of a workspace never changes.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, TimeDelta, Utc};
use paceline_domain::{WorkspaceId, WorkspaceKey};

use crate::auth::Caller;

/// How long a key that was found is taken for good, in real time.
const TRUSTED: TimeDelta = TimeDelta::seconds(5);

/// How many are remembered before all are forgotten: more keys than an installation has.
const MOST: usize = 10_000;

/// Who keys belong to, by their hashes, and since when that is known.
type Callers = HashMap<[u8; 32], (Caller, DateTime<Utc>)>;

/// What is known. Nothing that is secret leaves it but to whoever asks by the right key.
#[derive(Default)]
pub(crate) struct Known {
    callers: Mutex<Callers>,
    secrets: Mutex<HashMap<WorkspaceId, WorkspaceKey>>,
}

impl Known {
    /// Who a key belongs to, by its hash; `now` is real time.
    pub(crate) fn caller(&self, hash: &[u8; 32], now: DateTime<Utc>) -> Option<Caller> {
        let (caller, since) = *lock(&self.callers).get(hash)?;
        // A clock that was set back makes nothing last longer.
        (TimeDelta::zero()..TRUSTED).contains(&(now - since)).then_some(caller)
    }

    /// Remembers who a key belongs to.
    pub(crate) fn keep_caller(&self, hash: [u8; 32], caller: Caller, now: DateTime<Utc>) {
        make_room(&self.callers).insert(hash, (caller, now));
    }

    /// The secret of a workspace.
    pub(crate) fn secret(&self, workspace: WorkspaceId) -> Option<WorkspaceKey> {
        lock(&self.secrets).get(&workspace).cloned()
    }

    /// Remembers the secret of a workspace.
    pub(crate) fn keep_secret(&self, workspace: WorkspaceId, secret: WorkspaceKey) {
        make_room(&self.secrets).insert(workspace, secret);
    }
}

fn lock<K, V>(map: &Mutex<HashMap<K, V>>) -> MutexGuard<'_, HashMap<K, V>> {
    // Nothing that holds it panics; what is in it is whole all the same.
    map.lock().unwrap_or_else(PoisonError::into_inner)
}

fn make_room<K, V>(map: &Mutex<HashMap<K, V>>) -> MutexGuard<'_, HashMap<K, V>> {
    let mut map = lock(map);
    if map.len() >= MOST {
        map.clear();
    }
    map
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use paceline_domain::{ApiKeyId, WorkspaceId};

    use super::{Known, MOST};
    use crate::auth::Caller;

    fn caller(byte: u8) -> Caller {
        Caller { workspace: WorkspaceId::from_bytes([byte; 16]), key: ApiKeyId::from_bytes([byte; 16]), session: None }
    }

    #[test]
    fn a_key_is_taken_for_good_for_five_seconds_and_never_before_it_was_found() {
        let (known, now) = (Known::default(), DateTime::<Utc>::UNIX_EPOCH);
        let at = |millis| known.caller(&[1; 32], now + TimeDelta::milliseconds(millis)).map(|it| it.workspace);
        assert_eq!(at(0), None);
        known.keep_caller([1; 32], caller(1), now);
        assert_eq!((at(0), at(4_999)), (Some(caller(1).workspace), Some(caller(1).workspace)));
        assert_eq!((at(5_000), at(-1)), (None, None));
        assert!(known.caller(&[2; 32], now).is_none(), "of nobody else");
    }

    #[test]
    fn no_number_of_keys_fills_the_memory() {
        let (known, now) = (Known::default(), DateTime::<Utc>::UNIX_EPOCH);
        for number in 0..3 * MOST {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&number.to_be_bytes());
            known.keep_caller(hash, caller(1), now);
        }
        assert!(super::lock(&known.callers).len() <= MOST);
    }
}
