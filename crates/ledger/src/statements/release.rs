//! Releasing, outside of transactions.

use async_trait::async_trait;
use paceline_store::release::Windows;

use crate::{
    Fallible, Fault, columns,
    rows::ReleaseReads,
    statements::{Reading, Statement, find, list},
};

/// The texts.
#[derive(Debug)]
pub struct ReleaseTexts {
    /// The round.
    pub find_round: &'static str,
    /// The senders that can be given anything, and what they have been given.
    pub list_windows: &'static str,
}

#[async_trait]
impl<D: Reading> ReleaseReads for D {
    async fn list_windows(&self) -> Fallible<Windows> {
        // Asked before the windows: a claim in between makes the round stale, never the windows.
        let round = find(self, Statement::new(D::TEXTS.release.find_round), columns::round).await?;
        let round = round.ok_or_else(|| Fault::missing("release_rounds", 1))?;
        let senders = list(self, Statement::new(D::TEXTS.release.list_windows), columns::window).await?;
        Ok(Windows { round, senders })
    }
}
