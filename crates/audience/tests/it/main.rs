//! The audience crate through its public surface.

mod csv_rows;
mod encodings;
mod json_rows;
mod opt_out;
mod phones;
mod properties;
mod refusals;
mod sample;
mod templates;
mod variants;

use paceline_audience::{AudienceOptions, AudienceReader, AudienceRefusal, Format, Row};

/// Reads bytes to their end.
fn read(bytes: &[u8], format: Format, options: AudienceOptions) -> Result<Vec<Row>, AudienceRefusal> {
    AudienceReader::open(bytes, format, options)?.collect()
}

/// Rows as short lines of text, for snapshots.
fn shown(rows: &[Row]) -> String {
    let line = |row: &Row| match row {
        Row::Read(row) => {
            format!("{} @{} {:?} {}", row.number_in_file, row.line, row.phone, row.variables.to_json())
        }
        Row::Malformed(row) => format!("{} @{} malformed: {}", row.number_in_file, row.line, row.detail),
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn shown_csv(text: &str) -> String {
    shown(&read(text.as_bytes(), Format::Csv, AudienceOptions::default()).expect("the file is not refused"))
}
