#![doc = include_str!("../README.md")]

mod opt_out;
mod phones;
mod rows;
mod templates;
mod variables;

pub use opt_out::is_opt_out;
pub use phones::{InvalidPhone, Region, UnknownRegion, parse_phone};
pub use rows::{AudienceOptions, AudienceReader, AudienceRefusal, AudienceRow, Format, MAX_COLUMNS, MalformedRow, Row};
pub use templates::{RenderError, Template, TemplateError, VariantKey};
pub use variables::Variables;
