//! Sign-ins under API keys. They are nobody's business but their key's, and so have no place in the order of locks.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ApiKeyId, SignInId};
use paceline_store::sign_ins::SignIn;

use crate::Fallible;

/// Statements of a transaction.
#[async_trait]
pub trait SignInRows {
    /// Adds a sign-in.
    async fn add_sign_in(&mut self, sign_in: &SignIn) -> Fallible<()>;

    /// Removes the link with this hash, and returns it.
    async fn take_link(&mut self, hash: [u8; 32]) -> Fallible<Option<SignIn>>;

    /// Removes a sign-in of a key. Answers whether there was one.
    async fn remove_sign_in(&mut self, key: ApiKeyId, sign_in: SignInId) -> Fallible<bool>;

    /// Removes those that are over at `now`.
    async fn remove_ended_sign_ins(&mut self, now: DateTime<Utc>) -> Fallible<()>;
}

/// Statements outside of transactions.
#[async_trait]
pub trait SignInReads {
    /// A sign-in by the hash of its token, when its key exists.
    async fn find_sign_in(&self, hash: [u8; 32]) -> Fallible<Option<SignIn>>;

    /// The sessions of a key that are not over at `now`, by creation and id.
    async fn list_sessions(&self, key: ApiKeyId, now: DateTime<Utc>) -> Fallible<Vec<SignIn>>;
}
