//! Event numbering.

use super::Memory;

impl Memory {
    /// Numbers events that have no number, in the order of their commits.
    pub(crate) fn number_events(&mut self, limit: u32) -> u64 {
        let first = usize::try_from(self.numbered).unwrap_or(usize::MAX);
        let mut count = 0;
        for event in self.events.iter_mut().skip(first).take(limit as usize) {
            self.numbered += 1;
            event.number = Some(self.numbered);
            count += 1;
        }
        count
    }
}
