//! Attempts, outside of transactions.

use std::time::Duration;

use async_trait::async_trait;
use paceline_domain::MessageId;
use paceline_store::messages::Attempt;

use crate::{
    Fallible, columns,
    rows::{AttemptReads, UnappliedRow},
    statements::{Reading, Statement, list},
};

/// The texts.
#[derive(Debug)]
pub struct AttemptTexts {
    /// The attempts of a message: message.
    pub list: &'static str,
    /// Attempts whose outcomes are not applied: age, how many.
    pub list_unapplied: &'static str,
}

#[async_trait]
impl<D: Reading> AttemptReads for D {
    async fn list_attempts(&self, message: MessageId) -> Fallible<Vec<Attempt>> {
        list(self, Statement::new(D::TEXTS.attempts.list).with(message), columns::attempt).await
    }

    async fn list_unapplied(&self, age: Duration, limit: u32) -> Fallible<Vec<UnappliedRow>> {
        list(self, Statement::new(D::TEXTS.attempts.list_unapplied).with(age).with(limit), columns::unapplied).await
    }
}
