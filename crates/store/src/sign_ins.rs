//! Sign-ins: what a browser holds instead of an API key.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ApiKeyId, SignInId, SignInKind, WorkspaceId};

use crate::StoreResult;

/// A sign-in under an API key, as stored: never its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Its id.
    pub id: SignInId,
    /// Whose it is.
    pub workspace: WorkspaceId,
    /// The key that it was made with. It does what the key may do, and ends with it.
    pub key: ApiKeyId,
    /// What it is good for.
    pub kind: SignInKind,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// When it was made, in real time.
    pub created_at: DateTime<Utc>,
    /// When it is over, in real time.
    pub expires_at: DateTime<Utc>,
}

/// Sign-ins.
#[async_trait]
pub trait SignInStore: Send + Sync {
    /// Adds a sign-in, and removes those that were over when it was made.
    async fn add_sign_in(&self, sign_in: SignIn) -> StoreResult<()>;

    /// Exchanges the link whose token has this hash for a session of the same key, which is `session` but for its owner. `None`: there
    /// is no such link, it was exchanged before, or it was over when the session was made. Of many exchanges at once one is made.
    async fn exchange_link(&self, link: [u8; 32], session: NewSession) -> StoreResult<Option<SignIn>>;

    /// The sign-in whose token has this hash, over or not, as long as its key exists.
    async fn find_sign_in(&self, hash: [u8; 32]) -> StoreResult<Option<SignIn>>;

    /// The sessions of a key that are not over at `now`, oldest first.
    async fn list_sessions(&self, key: ApiKeyId, now: DateTime<Utc>) -> StoreResult<Vec<SignIn>>;

    /// Ends a sign-in of a key. Answers whether there was one.
    async fn end_sign_in(&self, key: ApiKeyId, sign_in: SignInId) -> StoreResult<bool>;
}

/// A session to be, of a key that the link tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Its id.
    pub id: SignInId,
    /// SHA-256 of its token.
    pub hash: [u8; 32],
    /// When it is made, in real time.
    pub created_at: DateTime<Utc>,
    /// When it is over, in real time.
    pub expires_at: DateTime<Utc>,
}
