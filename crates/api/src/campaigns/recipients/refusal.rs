//! Files that are no audience: the reader's refusals as problems.

use paceline_audience::AudienceRefusal;
use serde_json::{Map, Value, json};

use crate::problem::Problem;

/// Why a file is refused whole, with what was found instead of an audience.
pub(super) fn problem(refusal: AudienceRefusal, max_recipients: u64) -> Problem {
    let detail = refusal.to_string();
    let found = match refusal {
        AudienceRefusal::TooManyRows { .. } => {
            return Problem::TooManyRecipients { limit: max_recipients };
        }
        AudienceRefusal::Unreadable(_) => return Problem::UnreadableBody,
        AudienceRefusal::Empty => reason("empty"),
        AudienceRefusal::NotText { found, .. } => found_instead("not_text", found),
        AudienceRefusal::NoPhoneColumn { wanted, found, .. } => {
            let mut members = found_instead("no_phone_column", &found);
            members.insert("wanted".to_owned(), json!(wanted));
            members
        }
        AudienceRefusal::DuplicateColumn { name, .. } => found_instead("duplicate_column", &name),
        AudienceRefusal::UnlawfulColumn { place, .. } => found_instead("unlawful_column", &format!("column {place}")),
        AudienceRefusal::TooManyColumns { found, .. } => found_instead("too_many_columns", &found.to_string()),
        AudienceRefusal::UnknownCharset { charset } => found_instead("unknown_charset", &charset),
        AudienceRefusal::NotOfCharset { line, .. } => found_instead("not_of_charset", &format!("line {line}")),
        AudienceRefusal::MixedEncodings { line } => found_instead("mixed_encodings", &format!("line {line}")),
        AudienceRefusal::UnknownEncoding { likely } => found_instead("unknown_encoding", likely),
        AudienceRefusal::NoDelimiter { found } => found_instead("no_delimiter", &found),
        AudienceRefusal::HeaderTooLong { .. } => reason("header_too_long"),
        AudienceRefusal::NotAnArray { found } => found_instead("not_an_array", &found.to_string()),
        AudienceRefusal::UnfinishedArray { line } => found_instead("unfinished_array", &format!("line {line}")),
    };
    Problem::UnreadableAudience { detail, found }
}

/// A file with a header and nothing under it.
pub(super) fn no_rows() -> Problem {
    let detail = "the file has no rows; it needs one row per recipient".to_owned();
    Problem::UnreadableAudience { detail, found: reason("no_rows") }
}

fn reason(word: &str) -> Map<String, Value> {
    Map::from_iter([("reason".to_owned(), json!(word))])
}

fn found_instead(word: &str, found: &str) -> Map<String, Value> {
    let mut members = reason(word);
    members.insert("found".to_owned(), json!(found));
    members
}
