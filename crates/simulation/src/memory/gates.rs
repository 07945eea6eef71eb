//! Gates. Transactions are alone, so that nobody stands at one; only the order of locks is kept.

use async_trait::async_trait;
use paceline_domain::MessageId;
use paceline_ledger::{
    Fallible,
    locks::Line,
    rows::{Gate, GateRows},
};

use super::Tables;

#[async_trait]
impl GateRows for Tables {
    async fn pass_gates(&mut self, _gates: &[Gate]) -> Fallible<()> {
        self.wait_for(Line::Gates);
        Ok(())
    }

    async fn pass_gates_of(&mut self, _messages: &[MessageId]) -> Fallible<()> {
        self.wait_for(Line::Gates);
        Ok(())
    }

    async fn close_gates(&mut self, _gates: &[Gate]) -> Fallible<()> {
        self.wait_for(Line::Gates);
        Ok(())
    }
}
