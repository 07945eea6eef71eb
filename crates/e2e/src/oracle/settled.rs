//! What became of outcomes that were unknown at some time.

use std::collections::{BTreeSet, HashMap};

use super::{
    books::{AttemptRow, Books},
    verdict::UnknownOutcome,
};

impl Books {
    /// Every message whose outcome was unknown at some time, and how it was settled.
    pub(super) fn unknowns(&self) -> Vec<UnknownOutcome> {
        let told = self.events.iter().filter(|event| event.kind == "message.unknown");
        let mut messages: BTreeSet<&str> = told.filter_map(|event| event.message.as_deref()).collect();
        messages.extend(self.messages.iter().filter(|row| row.state == "unknown").map(|row| row.id.as_str()));
        if messages.is_empty() {
            return Vec::new();
        }
        let rows: HashMap<_, _> = self.messages.iter().map(|row| (row.id.as_str(), row)).collect();
        let settled = |message: &str| match rows.get(message) {
            None => "not in the database".to_owned(),
            Some(row) if row.state == "unknown" => {
                let attempts = self.attempts.get(message).map(Vec::as_slice).unwrap_or_default();
                let sends = self.journal.iter().filter(|line| line.id == row.wa_id).count();
                format!("still unknown; the network had it {sends} times; attempts: {}", describe(attempts))
            }
            Some(row) => format!("settled by what came later: {}", row.state),
        };
        messages.into_iter().map(|id| UnknownOutcome { message: id.to_owned(), settled: settled(id) }).collect()
    }
}

fn describe(attempts: &[AttemptRow]) -> String {
    let each = attempts.iter().map(|attempt| {
        let outcome = attempt.outcome.as_deref().unwrap_or("open");
        format!("{outcome} under epoch {} after {} sends", attempt.epoch, attempt.sends)
    });
    each.collect::<Vec<_>>().join(", ")
}
