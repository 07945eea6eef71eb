//! Decisions about messages of unknown outcome, outside of transactions.

use async_trait::async_trait;
use paceline_domain::MessageId;
use paceline_store::resolutions::Resolved;

use crate::{
    Fallible, columns,
    rows::ResolutionReads,
    statements::{Reading, Statement, list},
};

/// The texts.
#[derive(Debug)]
pub struct ResolutionTexts {
    /// The decisions about a message: message.
    pub list: &'static str,
}

#[async_trait]
impl<D: Reading> ResolutionReads for D {
    async fn list_resolutions(&self, message: MessageId) -> Fallible<Vec<Resolved>> {
        list(self, Statement::new(D::TEXTS.resolutions.list).with(message), columns::resolved).await
    }
}
