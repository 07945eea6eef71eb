//! Webhook deliveries, outside of transactions.

use async_trait::async_trait;

use crate::{
    Fallible,
    rows::DeliveryReads,
    statements::{Reading, Statement},
};

/// The texts.
#[derive(Debug)]
pub struct DeliveryTexts {
    /// Whether anything is due.
    pub has_due: &'static str,
}

#[async_trait]
impl<D: Reading> DeliveryReads for D {
    async fn has_due_deliveries(&self) -> Fallible<bool> {
        Ok(self.row(Statement::new(D::TEXTS.deliveries.has_due)).await?.is_some())
    }
}
