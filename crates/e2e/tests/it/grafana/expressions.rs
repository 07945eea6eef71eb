//! What a panel's expression names, and the expression as Grafana would send it. That it parses is `promtool`'s business.

use std::collections::BTreeSet;

/// The expression with Grafana's variables filled in: everything is chosen.
pub(super) fn filled_in(expression: &str) -> String {
    expression
        .replace("$__rate_interval", "30s")
        .replace("$__range", "10m")
        .replace("$job", ".+")
        .replace("$instance", ".+")
        .replace("$channel", ".+")
}

/// The names of our metrics, and of the process's, as a scrape shows them.
pub(super) fn metrics_of(expression: &str) -> BTreeSet<String> {
    words(expression).filter(|word| word.starts_with("paceline_") || word.starts_with("process_")).collect()
}

/// The labels that are matched or grouped by.
pub(super) fn labels_of(expression: &str) -> BTreeSet<String> {
    let mut labels = BTreeSet::new();
    for matchers in between(expression, '{', '}') {
        // No value of ours holds a comma.
        labels.extend(matchers.split(',').filter_map(|matcher| words(matcher).next()));
    }
    for (at, _) in expression.match_indices("by (") {
        let list = expression[at + 4..].split(')').next().unwrap_or_default();
        labels.extend(words(list));
    }
    labels
}

/// Every word outside of strings.
fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split('"').step_by(2).flat_map(|piece| {
        piece
            .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
    })
}

fn between(text: &str, open: char, close: char) -> impl Iterator<Item = &str> {
    text.split(open).skip(1).filter_map(move |rest| rest.split(close).next())
}
