//! How much work a rendering has done: bytes and items that filters, tests and lookups went through, and the time it took.
//!
//! The engine counts its own steps, but not what happens inside of one: a filter over a long text is one step. The amount is a
//! function of template and row alone, so that a preview and the send agree; the time is for what the amount does not see.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use minijinja::{
    Error, ErrorKind, State, Value,
    value::{Object, ValueKind},
};

/// How many bytes and items one rendering may go through. A long message goes through some thousand.
const MOST: u64 = 2_000_000;

/// How deep lists stand within lists before they count as too much.
const DEPTH: u32 = 16;

/// The name by which filters find the work of their rendering. No template can write it: names that begin like this are reserved.
pub(super) const NAME: &str = "__work";

/// Whether a rendering has taken too long, as whoever renders sees it.
pub type Late = Arc<dyn Fn() -> bool + Send + Sync>;

/// The work of one rendering.
pub(super) struct Work {
    left: AtomicU64,
    late: Option<Late>,
    too_much: AtomicBool,
}

impl Work {
    pub(super) fn new(late: Option<Late>) -> Self {
        Self { left: AtomicU64::new(MOST), late, too_much: AtomicBool::new(false) }
    }

    /// Whether the rendering was broken off.
    pub(super) fn was_too_much(&self) -> bool {
        self.too_much.load(Ordering::Relaxed)
    }

    /// Counts an amount; the rendering breaks off when it is more than is left, or the time is over.
    pub(super) fn spend(&self, amount: u64) -> Result<(), Error> {
        // One thread renders: nothing comes between these two.
        let left = self.left.load(Ordering::Relaxed);
        self.left.store(left.saturating_sub(amount), Ordering::Relaxed);
        if amount > left || self.late.as_ref().is_some_and(|late| late()) {
            self.too_much.store(true, Ordering::Relaxed);
            return Err(Error::new(ErrorKind::InvalidOperation, "the template does too much work"));
        }
        Ok(())
    }

    /// Counts what a filter or test goes through, and what it gives.
    pub(super) fn around<T>(
        &self,
        name: &str,
        arguments: &[Value],
        run: impl FnOnce() -> Result<T, Error>,
    ) -> Result<T, Error> {
        let size = self.size_of_all(arguments)?;
        let rounds = match name {
            // Comparing, as often as it takes to put so many in order.
            "sort" | "unique" => u64::from(64 - size.leading_zeros()),
            _ => 1,
        };
        self.spend(1 + size.saturating_mul(rounds))?;
        run()
    }

    /// Counts a value that a filter gave.
    pub(super) fn count(&self, value: Value) -> Result<Value, Error> {
        let size = self.size_of_all(std::slice::from_ref(&value))?;
        self.spend(size)?;
        Ok(value)
    }

    fn size_of_all(&self, values: &[Value]) -> Result<u64, Error> {
        let mut size = 0;
        let most = self.left.load(Ordering::Relaxed);
        if values.iter().all(|value| add_size(value, &mut size, most, DEPTH)) {
            return Ok(size);
        }
        self.spend(u64::MAX)?;
        Ok(size)
    }
}

/// Adds how many bytes and items a value has; gives up when there are more than `most`, or too deep.
fn add_size(value: &Value, size: &mut u64, most: u64, depth: u32) -> bool {
    *size += 1;
    if let Some(text) = value.as_str() {
        *size += text.len() as u64;
    } else if matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        let Some(deeper) = depth.checked_sub(1) else { return false };
        let Ok(items) = value.try_iter() else { return true };
        for item in items {
            let inner = value.get_item(&item).ok().filter(|_| value.kind() == ValueKind::Map);
            let whole =
                add_size(&item, size, most, deeper) && inner.is_none_or(|inner| add_size(&inner, size, most, deeper));
            if !whole {
                return false;
            }
        }
    }
    *size <= most
}

/// The work of the rendering that is under way.
pub(super) fn of(state: &State<'_, '_>) -> Option<Arc<Work>> {
    state.lookup(NAME)?.downcast_object::<Work>()
}

impl Object for Work {}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Work")
    }
}
