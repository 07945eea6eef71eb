//! Sign-ins: what a browser holds instead of an API key.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use paceline_domain::{ApiKeyId, SignInId, SignInKind};
use paceline_store::{
    StoreResult,
    sign_ins::{NewSession, SignIn, SignInStore},
};

use crate::{Database, Fallible, Ledger, transaction::Tx};

#[async_trait]
impl<D: Database> SignInStore for Ledger<D> {
    async fn add_sign_in(&self, sign_in: SignIn) -> StoreResult<()> {
        self.write(move |tx| Box::pin(add(tx, sign_in))).await
    }

    async fn exchange_link(&self, link: [u8; 32], session: NewSession) -> StoreResult<Option<SignIn>> {
        self.write(move |tx| Box::pin(exchange(tx, link, session))).await
    }

    async fn find_sign_in(&self, hash: [u8; 32]) -> StoreResult<Option<SignIn>> {
        Ok(self.database.find_sign_in(hash).await?)
    }

    async fn list_sessions(&self, key: ApiKeyId, now: DateTime<Utc>) -> StoreResult<Vec<SignIn>> {
        Ok(self.database.list_sessions(key, now).await?)
    }

    async fn end_sign_in(&self, key: ApiKeyId, sign_in: SignInId) -> StoreResult<bool> {
        self.write(move |tx| tx.rows.remove_sign_in(key, sign_in)).await
    }
}

async fn add(tx: &mut Tx<'_>, sign_in: SignIn) -> Fallible<()> {
    tx.rows.remove_ended_sign_ins(sign_in.created_at).await?;
    tx.rows.add_sign_in(&sign_in).await
}

/// Whoever removes the link has it.
async fn exchange(tx: &mut Tx<'_>, link: [u8; 32], session: NewSession) -> Fallible<Option<SignIn>> {
    let Some(link) = tx.rows.take_link(link).await? else { return Ok(None) };
    if link.expires_at <= session.created_at {
        return Ok(None);
    }
    let session = SignIn {
        id: session.id,
        workspace: link.workspace,
        key: link.key,
        kind: SignInKind::Session,
        hash: session.hash,
        created_at: session.created_at,
        expires_at: session.expires_at,
    };
    add(tx, session.clone()).await?;
    Ok(Some(session))
}
