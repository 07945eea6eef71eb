//! What every file of statements needs, so that the imports of such a file name only what is its own.

pub(crate) use std::time::Duration;

pub(crate) use async_trait::async_trait;
pub(crate) use chrono::{DateTime, Utc};
pub(crate) use paceline_domain::*;
pub(crate) use paceline_ledger::{
    Fallible, Fault,
    columns::{self, Cells},
    due_columns, letter_columns,
    locks::Locked,
    rows::*,
    select_delivery, select_endpoint, select_suppression,
    statements::*,
};

pub(crate) use crate::{
    bulk::column,
    columns::Row,
    transaction::{Bound, Tx},
    values::*,
};
