//! The cells of a campaign's report: written so that no spreadsheet takes one for a formula, and read back as they were.

use std::borrow::Cow;

use crate::letters::is_invisible;

/// The columns of a campaign's report. A CSV file with exactly these is one, and its cells are read back as they were.
pub const REPORT_COLUMNS: [&str; 15] = [
    "row",
    "phone",
    "bucket",
    "state",
    "reason",
    "detail",
    "sender",
    "message",
    "attempts",
    "created_at",
    "sent_at",
    "delivered_at",
    "read_at",
    "replied_at",
    "ended_at",
];

/// What stands before a cell that would be taken for a formula: spreadsheets read it as "this is text", and do not show it.
const GUARD: char = '\'';

/// The cell as it may stand in a file that a spreadsheet opens. A number in E.164 stays bare: it is what the next program looks for,
/// and a sum of digits runs nothing.
pub fn guard_cell(cell: &str) -> Cow<'_, str> {
    if is_number(cell) || !looks_like_formula(cell) {
        Cow::Borrowed(cell)
    } else {
        Cow::Owned(format!("{GUARD}{cell}"))
    }
}

/// The cell as it was before [`guard_cell`].
pub fn unguard_cell(cell: &str) -> &str {
    match cell.strip_prefix(GUARD) {
        Some(rest) if looks_like_formula(rest) => rest,
        _ => cell,
    }
}

/// `^\+\d+$`.
fn is_number(cell: &str) -> bool {
    cell.strip_prefix('+').is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a spreadsheet may run the cell, or would once the guards before it are gone: so a guard that somebody else wrote gets one
/// more, and loses that one only.
fn looks_like_formula(cell: &str) -> bool {
    let text = cell.trim_start_matches(GUARD);
    // What a spreadsheet passes over before it decides.
    let passed = |letter: char| letter.is_whitespace() || letter.is_control() || is_invisible(letter);
    let begins = text.chars().find(|&letter| !passed(letter)).is_some_and(is_sign);
    begins || text.starts_with(['\t', '\r', '\n'])
}

/// The signs with which formulas begin, in all their widths: a spreadsheet in Japanese or Chinese reads the wide ones alike.
fn is_sign(letter: char) -> bool {
    matches!(
        letter,
        '=' | '+'
            | '-'
            | '@'
            | '\u{FF1D}'
            | '\u{FF0B}'
            | '\u{FF0D}'
            | '\u{FF20}'
            | '\u{FE66}'
            | '\u{FE62}'
            | '\u{FE63}'
            | '\u{FE6B}'
            | '\u{2212}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_spreadsheet_would_run_is_guarded() {
        for hostile in [
            "=1+1",
            "+cmd|' /C calc'!A0",
            "+HYPERLINK(\"http://example.com\")",
            "-2+3",
            "@SUM(A1)",
            "\n=1",
            "\r\n =1",
            "\t1",
            " =1",
            "\u{200B}=1",
            "\u{FEFF}=1",
            "\u{A0}=1",
            "\u{FF1D}1+1",
            "\u{FF0B}cmd",
            "\u{FF0D}1",
            "\u{FF20}SUM(A1)",
            "+49151 12345",
            "+",
            "++49",
            "+49a",
            "+\u{0664}\u{0669}",
        ] {
            assert_eq!(guard_cell(hostile), format!("'{hostile}"), "{hostile:?}");
        }
        for harmless in
            ["", "+4915112345678", "4915112345678", "a=b", "no value for \"x\"", "'quoted'", "2026-01-01T00:00:00Z"]
        {
            assert_eq!(guard_cell(harmless), harmless, "{harmless:?}");
        }
    }

    #[test]
    fn every_cell_is_read_back_as_it_was_however_often() {
        for cell in ["=1", "'=1", "''=1", "'", "''", "'a", "+49", "'+49", "+4 9", " =x", "' =x", "\n'=1", "-", "a"] {
            let once = guard_cell(cell);
            assert_eq!(unguard_cell(&once), cell, "{cell:?}");
            let twice = guard_cell(&once);
            assert_eq!(unguard_cell(&twice), once, "{cell:?}");
        }
    }
}
