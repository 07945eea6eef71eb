//! Whom the demo writes to: the user's file, or the sample, extended with made-up people where more are asked for.

use std::{fmt::Write as _, path::Path};

use anyhow::Context as _;

/// The sample's rows; how many of each kind there are is in `samples/README.md`.
const SAMPLE: &str = include_str!("../../samples/recipients.csv");

/// What the sample's people are sent.
const SAMPLE_TEMPLATE: &str = include_str!("../../samples/template.txt");

/// What a user's own people are sent unless a template is given: it needs no column, but greets by name where there is one.
const OWN_TEMPLATE: &str = r#"{Hi|Hello|Hey} {{ name | default("there") }}, this is a test campaign."#;

/// An audience as CSV.
#[derive(Debug)]
pub(crate) struct Audience {
    /// The file's bytes.
    pub(crate) csv: Vec<u8>,
    /// About how many rows it has.
    pub(crate) rows: u64,
    /// The template unless another is given.
    pub(crate) template: &'static str,
}

/// The user's file, its first `rows` rows, or the sample with as many rows as asked for.
pub(crate) fn load(file: Option<&Path>, rows: Option<u64>) -> anyhow::Result<Audience> {
    match file {
        Some(path) => {
            let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let csv = match rows {
                Some(rows) => first_rows(&bytes, rows),
                None => bytes,
            };
            let rows = count_rows(&csv);
            Ok(Audience { csv, rows, template: OWN_TEMPLATE })
        }
        None => Ok(sample(rows)),
    }
}

fn sample(rows: Option<u64>) -> Audience {
    let mut csv = match rows {
        Some(rows) => first_rows(SAMPLE.as_bytes(), rows),
        None => SAMPLE.as_bytes().to_vec(),
    };
    let there = count_rows(&csv);
    let wanted = rows.unwrap_or(there);
    let mut more = String::new();
    for number in 0..wanted.saturating_sub(there) {
        // German mobile numbers of the 151 range; the column order is the sample's.
        let _ =
            writeln!(more, "+49151{:08},Guest {number},Berlin,M-{number:06},", 10_000_000 + number * 7 % 89_000_000);
    }
    csv.extend_from_slice(more.as_bytes());
    Audience { csv, rows: wanted, template: SAMPLE_TEMPLATE.trim_end() }
}

/// The header and the first `rows` records, cut where a record ends: a line break inside quotes ends none.
fn first_rows(csv: &[u8], rows: u64) -> Vec<u8> {
    let mut records = 0;
    let mut quoted = false;
    for (index, byte) in csv.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => {
                records += 1;
                if records > rows {
                    return csv[..=index].to_vec();
                }
            }
            _ => {}
        }
    }
    let mut all = csv.to_vec();
    if all.last().is_some_and(|&last| last != b'\n') {
        all.push(b'\n');
    }
    all
}

/// Records after the header. An estimate for files with quotes astray; it only sizes the demo.
fn count_rows(csv: &[u8]) -> u64 {
    let mut records = 0_u64;
    let mut quoted = false;
    for byte in csv {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => records += 1,
            _ => {}
        }
    }
    let unended = u64::from(csv.last().is_some_and(|&last| last != b'\n'));
    (records + unended).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::{count_rows, first_rows, load};

    #[test]
    fn a_line_break_inside_quotes_ends_no_row() {
        let csv = b"phone,note\n+1,\"a\nb\"\n+2,c";
        assert_eq!(count_rows(csv), 2);
        assert_eq!(first_rows(csv, 1), b"phone,note\n+1,\"a\nb\"\n");
    }

    #[test]
    fn more_rows_than_the_sample_has_are_made_up() {
        let audience = load(None, Some(1_000)).unwrap();
        assert_eq!(count_rows(&audience.csv), 1_000);
    }
}
