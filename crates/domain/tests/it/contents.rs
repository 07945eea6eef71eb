//! Content and exclusions as stores keep them.

use paceline_domain::{Content, Exclusion, SuppressionReason};
use serde_json::json;

use crate::at;

#[test]
fn a_text_is_kept_under_its_type_and_does_not_print_itself() {
    let content = Content::Text { body: "Olá 👋".to_owned() };
    let kept = serde_json::to_value(&content).unwrap();
    assert_eq!(kept, json!({"type": "text", "body": "Olá 👋"}));
    assert_eq!(serde_json::from_value::<Content>(kept).unwrap(), content);
    assert_eq!((content.typed_chars(), format!("{content:?}")), (5, "Text(9 bytes)".to_owned()));
}

#[test]
fn every_exclusion_is_kept_under_its_reason() {
    let detail = || "x".to_owned();
    let exclusions = [
        Exclusion::InvalidPhone { detail: detail() },
        Exclusion::Duplicate { of_row: 4 },
        Exclusion::Suppressed { since: at("2026-03-01T12:00:00Z"), why: SuppressionReason::OptedOut },
        Exclusion::MissingVariable { variable: "name".to_owned() },
        Exclusion::MalformedRow { detail: detail() },
        Exclusion::UnsendableText { chars: 5_000 },
        Exclusion::RenderTooExpensive { detail: detail() },
        Exclusion::RenderFailed { detail: detail() },
    ];
    for exclusion in exclusions {
        let kept = serde_json::to_value(&exclusion).unwrap();
        assert_eq!(kept["reason"], exclusion.reason());
        assert_eq!(serde_json::from_value::<Exclusion>(kept).unwrap(), exclusion);
    }
}
