#![doc = include_str!("../README.md")]

mod letters;
mod opt_out;
mod phones;
mod report;
mod rows;
mod templates;
mod variables;

pub use opt_out::is_opt_out;
pub use phones::{InvalidPhone, Region, UnknownRegion, parse_phone};
pub use report::{REPORT_COLUMNS, guard_cell, unguard_cell};
pub use rows::{
    AudienceOptions, AudienceReader, AudienceRefusal, AudienceRow, Format, MAX_COLUMN_NAME, MAX_COLUMNS, MalformedRow,
    Row,
};
pub use templates::{Late, RenderError, Template, TemplateError, VariantKey};
pub use variables::{ColumnNames, Variables};
