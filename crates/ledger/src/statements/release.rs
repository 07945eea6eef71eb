//! Releasing, outside of transactions.

use async_trait::async_trait;
use paceline_domain::SenderId;
use paceline_store::release::Windows;

use crate::{
    Fallible, Fault, columns,
    rows::ReleaseReads,
    statements::{Reading, Statement, Value, find, list},
};

/// The texts.
#[derive(Debug)]
pub struct ReleaseTexts {
    /// The round.
    pub find_round: &'static str,
    /// The senders that can be given anything, and what they have been given.
    pub list_windows: &'static str,
    /// The same of some senders: ids.
    pub list_windows_of: &'static str,
}

#[async_trait]
impl<D: Reading> ReleaseReads for D {
    async fn list_windows(&self) -> Fallible<Windows> {
        windows(self, Statement::new(D::TEXTS.release.list_windows)).await
    }

    async fn list_windows_of(&self, senders: &[SenderId]) -> Fallible<Windows> {
        let ids = Value::ids(senders.iter().copied());
        windows(self, Statement::new(D::TEXTS.release.list_windows_of).with(ids)).await
    }
}

async fn windows<D: Reading>(database: &D, senders: Statement<'_>) -> Fallible<Windows> {
    // Asked before the windows: a claim in between makes the round stale, never the windows.
    let round = find(database, Statement::new(D::TEXTS.release.find_round), columns::round).await?;
    let round = round.ok_or_else(|| Fault::missing("release_rounds", 1))?;
    let senders = list(database, senders, columns::window).await?;
    Ok(Windows { round, senders })
}
