//! Dead letters.

use std::ops::{Bound, Deref};

use async_trait::async_trait;
use paceline_domain::{DeadLetterId, WorkspaceId};
use paceline_ledger::{
    Fallible, Fault,
    locks::{Line, Locked},
    rows::{DeadLetterReads, DeadLetterRow, DeadLetterRows, ReplayRows},
};
use paceline_store::dead_letters::{DeadBody, DeadLetter, DeadLetterFilter, NewDeadLetter};

use super::{
    Memory, Tables,
    table::{Table, Undo},
};

/// The letters by row. Reading is that of the map.
#[derive(Debug, Default)]
pub(super) struct DeadLetters {
    rows: Table<i64, DeadLetter>,
    by_digest: Table<[u8; 16], i64>,
}

impl Deref for DeadLetters {
    type Target = Table<i64, DeadLetter>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl Undo for DeadLetters {
    fn keep(&mut self) {
        self.rows.keep();
        self.by_digest.keep();
    }

    fn undo(&mut self) {
        self.rows.undo();
        self.by_digest.undo();
    }
}

impl DeadLetters {
    /// Removes letters. Answers how many.
    pub(super) fn remove_all(&mut self, seqs: &[i64]) -> u64 {
        let digests: Vec<_> =
            seqs.iter().filter_map(|seq| self.rows.get(seq)).map(|letter| letter.body.digest()).collect();
        self.by_digest.remove_all(digests);
        self.rows.remove_all(seqs.iter().copied())
    }
}

/// Whether a workspace sees a letter: its own, and those that are nobody's.
fn is_seen_by(letter: &DeadLetter, workspace: WorkspaceId) -> bool {
    letter.workspace.is_none_or(|whose| whose == workspace)
}

#[async_trait]
impl DeadLetterRows for Tables {
    async fn add_dead_letters(&mut self, letters: &[NewDeadLetter]) -> Fallible<u64> {
        self.wait_for(Line::DeadLetters);
        let mut added = 0;
        for NewDeadLetter { id, reason, body } in letters {
            let seq = self.next_seq();
            if !self.dead_letters.by_digest.add(body.digest(), seq) {
                continue;
            }
            let sender = body.sender();
            let workspace = sender.and_then(|sender| self.senders.get(&sender)).map(|entry| entry.sender.workspace);
            // No more is kept than the bytes that other databases keep.
            let body = DeadBody::from_bytes(body.kind(), &body.to_bytes()).unwrap_or_else(|| body.clone());
            let (id, reason, received_at) = (*id, *reason, self.now);
            let letter = DeadLetter { id, workspace, sender, reason, body, received_at, replayed_at: None };
            self.dead_letters.rows.put(seq, letter);
            added += 1;
        }
        Ok(added)
    }

    async fn lock_dead_letter(
        &mut self,
        workspace: WorkspaceId,
        letter: DeadLetterId,
    ) -> Fallible<Option<Locked<DeadLetterRow>>> {
        self.wait_for(Line::DeadLetters);
        let found = self.dead_letters.iter().find(|(_, known)| known.id == letter && is_seen_by(known, workspace));
        Ok(found.map(|(seq, letter)| Locked::new(DeadLetterRow { seq: *seq, letter: letter.clone() })))
    }
}

#[async_trait]
impl ReplayRows for Tables {
    async fn note_replayed(&mut self, letter: &Locked<DeadLetterRow>) -> Fallible<DeadLetter> {
        let now = self.now;
        let known = self.dead_letters.rows.edit(&letter.seq);
        let known = known.ok_or_else(|| Fault::missing("dead_letters", letter.letter.id))?;
        known.replayed_at = Some(now);
        Ok(known.clone())
    }
}

#[async_trait]
impl DeadLetterReads for Memory {
    async fn list_dead_letters(
        &self,
        workspace: WorkspaceId,
        filter: DeadLetterFilter,
        after: i64,
        limit: u32,
    ) -> Fallible<Vec<DeadLetterRow>> {
        let tables = self.read().await?;
        let letters = tables.dead_letters.range((Bound::Excluded(after), Bound::Unbounded));
        let seen = letters.filter(|(_, letter)| {
            let is_wanted = filter == DeadLetterFilter::All || letter.replayed_at.is_none();
            is_wanted && is_seen_by(letter, workspace)
        });
        let row = |(seq, letter): (&i64, &DeadLetter)| DeadLetterRow { seq: *seq, letter: letter.clone() };
        Ok(seen.take(limit as usize).map(row).collect())
    }
}
