//! Sign-ins: the same texts for every SQL database.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ApiKeyId, SignInId};
use paceline_store::sign_ins::SignIn;

use crate::{
    Fallible, columns,
    rows::{SignInReads, SignInRows},
    statements::{Reading, Statement, Writing, find, list},
};

const ADD: &str = "INSERT INTO sign_ins (id, workspace_id, api_key_id, kind, hash, created_at, expires_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7)";
const TAKE_LINK: &str = "DELETE FROM sign_ins WHERE hash = $1 AND kind = 'link' \
                         RETURNING id, workspace_id, api_key_id, kind, hash, created_at, expires_at";
const REMOVE: &str = "DELETE FROM sign_ins WHERE api_key_id = $1 AND id = $2";
const REMOVE_ENDED: &str = "DELETE FROM sign_ins WHERE expires_at <= $1";
const FIND: &str = "SELECT s.id, s.workspace_id, s.api_key_id, s.kind, s.hash, s.created_at, s.expires_at FROM sign_ins s \
                    JOIN api_keys k ON k.id = s.api_key_id WHERE s.hash = $1";
const LIST_SESSIONS: &str = "SELECT id, workspace_id, api_key_id, kind, hash, created_at, expires_at FROM sign_ins \
                             WHERE api_key_id = $1 AND kind = 'session' AND expires_at > $2 ORDER BY created_at, id";

#[async_trait]
impl<X: Writing> SignInRows for X {
    async fn add_sign_in(&mut self, sign_in: &SignIn) -> Fallible<()> {
        let add = Statement::new(ADD)
            .with(sign_in.id)
            .with(sign_in.workspace)
            .with(sign_in.key)
            .with(sign_in.kind.as_str())
            .with(sign_in.hash.to_vec())
            .with(sign_in.created_at)
            .with(sign_in.expires_at);
        self.run(X::bound(add)).await
    }

    async fn take_link(&mut self, hash: [u8; 32]) -> Fallible<Option<SignIn>> {
        self.find(X::bound(Statement::new(TAKE_LINK).with(hash.to_vec())), columns::sign_in).await
    }

    async fn remove_sign_in(&mut self, key: ApiKeyId, sign_in: SignInId) -> Fallible<bool> {
        let removed = self.execute(X::bound(Statement::new(REMOVE).with(key).with(sign_in))).await?;
        Ok(removed > 0)
    }

    async fn remove_ended_sign_ins(&mut self, now: DateTime<Utc>) -> Fallible<()> {
        self.run(X::bound(Statement::new(REMOVE_ENDED).with(now))).await
    }
}

#[async_trait]
impl<D: Reading> SignInReads for D {
    async fn find_sign_in(&self, hash: [u8; 32]) -> Fallible<Option<SignIn>> {
        find(self, Statement::new(FIND).with(hash.to_vec()), columns::sign_in).await
    }

    async fn list_sessions(&self, key: ApiKeyId, now: DateTime<Utc>) -> Fallible<Vec<SignIn>> {
        list(self, Statement::new(LIST_SESSIONS).with(key).with(now), columns::sign_in).await
    }
}
