//! Health and figures.

use async_trait::async_trait;

use crate::{
    Fallible, Fault, columns,
    rows::{HealthReads, HealthRows, OtherFigures},
    statements::{Reading, Statement, Writing, find},
};

/// The texts.
#[derive(Debug)]
pub struct HealthTexts {
    /// Writes the probe.
    pub write_probe: &'static str,
    /// Reads the probe.
    pub read_probe: &'static str,
    /// The figures that are counted by one statement.
    pub figures: &'static str,
}

#[async_trait]
impl<X: Writing> HealthRows for X {
    async fn write_probe(&mut self) -> Fallible<()> {
        self.run(X::bound(Statement::new(X::TEXTS.health.write_probe))).await
    }
}

#[async_trait]
impl<D: Reading> HealthReads for D {
    async fn read_probe(&self) -> Fallible<()> {
        self.row(Statement::new(D::TEXTS.health.read_probe)).await.map(|_| ())
    }

    async fn figures(&self) -> Fallible<OtherFigures> {
        let figures = find(self, Statement::new(D::TEXTS.health.figures), columns::figures).await?;
        figures.ok_or_else(|| Fault::missing("figures", 1))
    }
}
