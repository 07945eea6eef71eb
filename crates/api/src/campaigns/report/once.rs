//! Which rows have been written. A report reads tables that planning moves rows between, so it remembers: one bit a row.

/// A set of row numbers.
#[derive(Default)]
pub(super) struct Once(Vec<u64>);

impl Once {
    /// Notes a row; answers whether it was new.
    pub(super) fn insert(&mut self, row: i64) -> bool {
        let row = usize::try_from(row).unwrap_or(0);
        let (word, bit) = (row / 64, 1_u64 << (row % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        new
    }
}

#[cfg(test)]
mod tests {
    use super::Once;

    #[test]
    fn a_row_is_new_once() {
        let mut once = Once::default();
        assert!(once.insert(1) && once.insert(64) && once.insert(1_000));
        assert!(!once.insert(64) && !once.insert(1) && !once.insert(1_000));
    }
}
