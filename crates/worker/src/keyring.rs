//! Session credentials under lock: sealed with ChaCha20-Poly1305, bound to the sender, device, key and epoch that wrote them.
//!
//! A blob is one byte of version, the epoch (8 bytes), the nonce (12 bytes), and the ciphertext with its tag. The epoch travels
//! with the blob because the reader's own is a later one. Nonces come from the operating system: a minter may be seeded
//! for a replay, and a repeated nonce under one key would give the credentials away.

use std::fmt;

use paceline_channel::Credentials;
use paceline_domain::{Epoch, SenderId};
use paceline_store::leases::SealedSession;
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom, SystemRandom},
};

const VERSION: u8 = 1;
const HEADER_LEN: usize = 1 + 8 + NONCE_LEN;

/// One key of 32 random bytes, and the name it is stored under.
pub struct SessionKey {
    id: String,
    key: LessSafeKey,
}

/// The key that seals, and those that only open what was sealed before.
pub struct SessionKeyring {
    current: SessionKey,
    others: Vec<SessionKey>,
}

/// Why a session cannot be sealed or opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// The keyring has no key of this name.
    #[error("there is no session key named {key_id:?}")]
    NoKey {
        /// The name that the session is stored under.
        key_id: String,
    },
    /// The blob was changed, was moved here from another sender, or was never one.
    #[error("the stored session cannot be opened")]
    Unreadable,
    /// The operating system gave no random bytes.
    #[error("the operating system gives no random bytes")]
    NoRandomness,
}

impl SessionKey {
    /// A key and its name.
    #[expect(clippy::missing_panics_doc, reason = "the length is in the type")]
    pub fn new(id: impl Into<String>, key: &[u8; 32]) -> Self {
        let key = UnboundKey::new(&CHACHA20_POLY1305, key).expect("ChaCha20-Poly1305 takes keys of 32 bytes");
        Self { id: id.into(), key: LessSafeKey::new(key) }
    }
}

impl SessionKeyring {
    /// A keyring that seals with `current`, and opens with any.
    pub const fn new(current: SessionKey, others: Vec<SessionKey>) -> Self {
        Self { current, others }
    }

    /// Seals credentials for a sender's device.
    ///
    /// # Errors
    /// Only when the operating system gives no random bytes.
    pub fn seal(
        &self,
        sender: SenderId,
        device: i32,
        epoch: Epoch,
        credentials: &Credentials,
    ) -> Result<SealedSession, KeyringError> {
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| KeyringError::NoRandomness)?;
        let mut sealed = credentials.0.clone();
        let aad = binding(sender, device, epoch, &self.current.id);
        let nonce_used = Nonce::assume_unique_for_key(nonce);
        self.current
            .key
            .seal_in_place_append_tag(nonce_used, Aad::from(aad), &mut sealed)
            .map_err(|_| KeyringError::Unreadable)?;
        let mut blob = Vec::with_capacity(HEADER_LEN + sealed.len());
        blob.push(VERSION);
        blob.extend_from_slice(&epoch.0.to_be_bytes());
        blob.extend_from_slice(&nonce);
        blob.append(&mut sealed);
        Ok(SealedSession { blob, key_id: self.current.id.clone() })
    }

    /// Opens what was sealed for this sender's device.
    ///
    /// # Errors
    /// The key is missing, or the blob is not what was sealed.
    pub fn open(&self, sender: SenderId, device: i32, session: &SealedSession) -> Result<Credentials, KeyringError> {
        let key = std::iter::once(&self.current)
            .chain(&self.others)
            .find(|key| key.id == session.key_id)
            .ok_or_else(|| KeyringError::NoKey { key_id: session.key_id.clone() })?;
        let (epoch, nonce, ciphertext) = parse(&session.blob).ok_or(KeyringError::Unreadable)?;
        let aad = binding(sender, device, epoch, &key.id);
        let mut opened = ciphertext.to_vec();
        let length = key
            .key
            .open_in_place(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut opened)
            .map_err(|_| KeyringError::Unreadable)?
            .len();
        opened.truncate(length);
        Ok(Credentials(opened))
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl fmt::Debug for SessionKeyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionKeyring").field("current", &self.current).field("others", &self.others).finish()
    }
}

/// What a blob is bound to. The fixed-length parts come first, so that no two bindings share their bytes.
fn binding(sender: SenderId, device: i32, epoch: Epoch, key_id: &str) -> Vec<u8> {
    let mut bytes = b"paceline session\x01".to_vec();
    bytes.extend_from_slice(&sender.to_bytes());
    bytes.extend_from_slice(&device.to_be_bytes());
    bytes.extend_from_slice(&epoch.0.to_be_bytes());
    bytes.extend_from_slice(key_id.as_bytes());
    bytes
}

fn parse(blob: &[u8]) -> Option<(Epoch, [u8; NONCE_LEN], &[u8])> {
    let (&version, rest) = blob.split_first()?;
    let (epoch, rest) = rest.split_first_chunk()?;
    let (nonce, ciphertext) = rest.split_first_chunk()?;
    (version == VERSION).then(|| (Epoch(i64::from_be_bytes(*epoch)), *nonce, ciphertext))
}
