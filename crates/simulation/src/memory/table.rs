//! A table: rows by key, and what the present transaction has changed of them.

use std::{collections::BTreeMap, ops::Deref};

/// Rows by key. Reading is that of the map; whatever writes notes what was there before.
#[derive(Debug)]
pub(crate) struct Table<K, V> {
    rows: BTreeMap<K, V>,
    /// What was there before each change, first to last.
    before: Vec<(K, Option<V>)>,
}

/// What a transaction changes, so that it can be as if it had never been.
pub(crate) trait Undo {
    /// The changes stay.
    fn keep(&mut self);

    /// Everything is as it was.
    fn undo(&mut self);
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), before: Vec::new() }
    }
}

impl<K, V> Deref for Table<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &Self::Target {
        &self.rows
    }
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    /// Writes a row, whether there was one or not.
    pub(crate) fn put(&mut self, key: K, row: V) {
        let before = self.rows.insert(key.clone(), row);
        self.before.push((key, before));
    }

    /// Writes a row unless there is one. Answers whether there was none.
    pub(crate) fn add(&mut self, key: K, row: V) -> bool {
        let is_new = !self.rows.contains_key(&key);
        if is_new {
            self.put(key, row);
        }
        is_new
    }

    /// Removes a row. Answers whether there was one.
    pub(crate) fn remove(&mut self, key: &K) -> bool {
        let before = self.rows.remove(key);
        let was_there = before.is_some();
        if was_there {
            self.before.push((key.clone(), before));
        }
        was_there
    }

    /// A row to change.
    pub(crate) fn edit(&mut self, key: &K) -> Option<&mut V> {
        let row = self.rows.get_mut(key)?;
        self.before.push((key.clone(), Some(row.clone())));
        Some(row)
    }

    /// Removes rows. Answers how many.
    pub(crate) fn remove_all(&mut self, keys: impl IntoIterator<Item = K>) -> u64 {
        keys.into_iter().map(|key| u64::from(self.remove(&key))).sum()
    }
}

impl<K: Ord, V> Undo for Table<K, V> {
    fn keep(&mut self) {
        self.before.clear();
    }

    fn undo(&mut self) {
        while let Some((key, before)) = self.before.pop() {
            match before {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Table, Undo as _};

    fn rows(table: &Table<u8, &'static str>) -> Vec<(u8, &'static str)> {
        table.iter().map(|(key, row)| (*key, *row)).collect()
    }

    #[test]
    fn what_is_undone_never_was() {
        let mut table = Table::default();
        table.put(1, "one");
        table.put(2, "two");
        table.keep();
        table.put(1, "uno");
        assert!(table.remove(&2) && !table.remove(&2) && table.add(2, "due") && !table.add(1, "une"));
        if let Some(row) = table.edit(&1) {
            *row = "un";
        }
        table.put(3, "three");
        assert_eq!(rows(&table), [(1, "un"), (2, "due"), (3, "three")]);
        table.undo();
        assert_eq!(rows(&table), [(1, "one"), (2, "two")]);
    }

    #[test]
    fn what_is_kept_stays() {
        let mut table = Table::default();
        table.put(1, "one");
        table.keep();
        table.undo();
        assert_eq!(rows(&table), [(1, "one")]);
    }
}
