//! Typed ids: a UUIDv7 with a prefix that names what it identifies, so that one cannot be passed for another.
//!
//! An id is minted from a time and entropy that the caller hands in; nothing here reads a clock.

use std::{cmp::Ordering, fmt, hash, marker::PhantomData, str::FromStr, sync::Mutex};

use chrono::{DateTime, Utc};
use rand_chacha::{
    ChaCha12Rng,
    rand_core::{RngCore, SeedableRng},
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

/// What an id identifies. Implemented by the markers in [`kind`] only.
pub trait IdKind: 'static {
    /// The prefix before the underscore.
    const PREFIX: &'static str;
}

/// An id of one kind. Prints as `<prefix>_<32 hex digits>`; sorts by time of creation.
pub struct Id<K>(Uuid, PhantomData<fn() -> K>);

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected an id of the form {prefix}_ followed by 32 hexadecimal digits")]
pub struct ParseIdError {
    /// The prefix that was expected.
    pub prefix: &'static str,
}

macro_rules! kinds {
    ($($(#[$meta:meta])* $alias:ident, $marker:ident, $prefix:literal;)+) => {
        /// Markers for the kinds of [`Id`].
        pub mod kind {
            $(
                #[doc = concat!("Marks ids that print as `", $prefix, "_…`.")]
                #[derive(Debug)]
                pub enum $marker {}
                impl super::IdKind for $marker {
                    const PREFIX: &'static str = $prefix;
                }
            )+
        }
        $($(#[$meta])* pub type $alias = Id<kind::$marker>;)+
    };
}

kinds! {
    /// A workspace: a tenant.
    WorkspaceId, Workspace, "wsp";
    /// A campaign.
    CampaignId, Campaign, "cmp";
    /// A message: the unit that is sent once.
    MessageId, Message, "msg";
    /// A sender: one WhatsApp phone number.
    SenderId, Sender, "snd";
    /// A pool of senders.
    PoolId, Pool, "pol";
    /// One upload of recipients, atomic.
    UploadId, Upload, "upl";
    /// An event as seen by webhooks and live streams.
    EventId, Event, "evt";
    /// A webhook endpoint.
    EndpointId, Endpoint, "whe";
    /// One delivery of one event to one webhook endpoint.
    DeliveryId, Delivery, "whd";
    /// An API key.
    ApiKeyId, ApiKey, "key";
    /// A sign-in: what a browser holds instead of an API key.
    SignInId, SignIn, "sgn";
    /// A suppression.
    SuppressionId, Suppression, "sup";
    /// A worker process, new at each start.
    WorkerId, Worker, "wkr";
    /// Something that nobody could work on.
    DeadLetterId, DeadLetter, "dlt";
    /// One HTTP request.
    RequestId, Request, "req";
}

impl<K: IdKind> Id<K> {
    /// Makes an id from a creation time and ten random bytes.
    pub fn from_parts(created_at: DateTime<Utc>, entropy: [u8; 10]) -> Self {
        let millis = u64::try_from(created_at.timestamp_millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &entropy).into_uuid(), PhantomData)
    }

    /// The 16 bytes that stores keep.
    pub const fn to_bytes(self) -> [u8; 16] {
        *self.0.as_bytes()
    }

    /// An id from the 16 bytes that stores keep.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes), PhantomData)
    }

    /// An id from a slice, when it has exactly 16 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Uuid::from_slice(bytes).ok().map(|uuid| Self(uuid, PhantomData))
    }
}

impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}
impl<K> hash::Hash for Id<K> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
impl<K: IdKind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", K::PREFIX, self.0.simple())
    }
}
impl<K: IdKind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl<K: IdKind> FromStr for Id<K> {
    type Err = ParseIdError;
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let refused = ParseIdError { prefix: K::PREFIX };
        let hex =
            text.strip_prefix(K::PREFIX).and_then(|rest| rest.strip_prefix('_')).ok_or_else(|| refused.clone())?;
        if hex.len() != 32 {
            return Err(refused);
        }
        Uuid::try_parse(hex).map(|uuid| Self(uuid, PhantomData)).map_err(|_| refused)
    }
}
impl<K: IdKind> Serialize for Id<K> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl<'de, K: IdKind> Deserialize<'de> for Id<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Mints ids from one seeded stream of entropy. Cheap enough to share behind an `Arc`.
pub struct Minter {
    entropy: Mutex<ChaCha12Rng>,
}

impl Minter {
    /// A minter whose ids are a function of the seed, the order of calls and the times given.
    pub fn new(seed: [u8; 32]) -> Self {
        Self { entropy: Mutex::new(ChaCha12Rng::from_seed(seed)) }
    }

    /// A new id created at `now`.
    pub fn mint<K: IdKind>(&self, now: DateTime<Utc>) -> Id<K> {
        Id::from_parts(now, self.bytes())
    }

    /// Fresh random bytes, for secrets and seeds.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        // A poisoned lock only means that another thread panicked between two draws; the stream itself is intact.
        self.entropy.lock().unwrap_or_else(std::sync::PoisonError::into_inner).fill_bytes(&mut bytes);
        bytes
    }
}

impl fmt::Debug for Minter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Minter")
    }
}
