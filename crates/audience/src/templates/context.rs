//! What a template sees of a row: its variables and the draws of its variants.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::{
    ErrorKind, Value,
    value::{Enumerator, Object},
};

use super::{
    analysis::{Names, ROW},
    error::{RenderError, describe},
    variants::DRAW_PREFIX,
    work::{self, Work},
};
use crate::Variables;

/// The variables of one row by their place among the template's names.
#[derive(Debug)]
pub(super) struct RowContext {
    names: Arc<[String]>,
    /// Whether `row` is all columns.
    row: bool,
    values: Vec<Option<Value>>,
    draws: Vec<u32>,
    work: Arc<Work>,
    /// Variables that were asked for and are not there, in the order of asking. The engine says that something is
    /// undefined, but not what.
    missed: Mutex<Vec<usize>>,
}

impl RowContext {
    pub(super) fn new(names: &Names, variables: &Variables, draws: Vec<u32>, work: Arc<Work>) -> Self {
        let mut values = vec![None; names.used.len()];
        for (name, alias, value) in variables.named() {
            for known in [Some(name), alias].into_iter().flatten() {
                for place in names.places(known) {
                    values[place] = Some(Value::from(value));
                }
            }
        }
        Self { names: Arc::clone(&names.used), row: names.row, values, draws, work, missed: Mutex::default() }
    }

    /// Turns the engine's error into ours. Of several variables that were missing on the way, the culprit is the last one
    /// that the template cannot do without; the others had a default.
    pub(super) fn explain(&self, error: &minijinja::Error, names: &Names) -> RenderError {
        if self.work.was_too_much() || error.kind() == ErrorKind::OutOfFuel {
            return RenderError::TooExpensive;
        }
        if error.kind() == ErrorKind::UndefinedError {
            let missed = self.missed.lock().unwrap_or_else(PoisonError::into_inner);
            let mut latest = missed.iter().rev().map(|place| &self.names[*place]);
            let culprit = latest.clone().find(|name| names.indispensable.contains(*name)).or_else(|| latest.next());
            if let Some(name) = culprit {
                return RenderError::MissingVariable(name.clone());
            }
        }
        RenderError::Failed { detail: describe(error) }
    }
}

impl Object for RowContext {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        if let Some(group) = key.strip_prefix(DRAW_PREFIX) {
            return self.draws.get(group.parse::<usize>().ok()?).copied().map(Value::from);
        }
        if key == work::NAME {
            return Some(Value::from_dyn_object(Arc::clone(&self.work)));
        }
        if self.row && key == ROW {
            return Some(Value::from_object(Row(Arc::clone(self))));
        }
        self.column(key)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

/// All columns of the row, by their names.
#[derive(Debug)]
struct Row(Arc<RowContext>);

impl Object for Row {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.column(key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::NonEnumerable
    }
}

impl RowContext {
    /// The value of a column, which the row may not have.
    fn column(&self, key: &str) -> Option<Value> {
        let place = self.names.binary_search_by(|known| known.as_str().cmp(key)).ok()?;
        // A text that is used again and again is gone through as often.
        self.work
            .spend(self.values[place].as_ref().and_then(Value::as_str).map_or(1, |text| 1 + text.len() as u64))
            .ok()?;
        let value = self.values[place].clone();
        if value.is_none() {
            self.missed.lock().unwrap_or_else(PoisonError::into_inner).push(place);
        }
        value
    }
}
