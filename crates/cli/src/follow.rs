//! Following a campaign to its end, with a progress bar for a person and objects for a program.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::{
    client::{Client, ClientError},
    exit::Exit,
    output::Output,
};

/// How often the server is asked.
const EVERY: Duration = Duration::from_millis(500);

/// Follows until the campaign is completed or cancelled. Ends well when the account balances.
pub(crate) async fn to_the_end(id: &str, client: &Client, output: Output) -> anyhow::Result<Exit> {
    let bar = message_bar(output);
    let mut last = Value::Null;
    let progress = loop {
        match client.read(&format!("/v1/campaigns/{id}/progress")).await {
            Ok(progress) => {
                show(&progress, &bar);
                if progress != last {
                    output.emit(&json!({ "event": "progress", "progress": progress }));
                    last.clone_from(&progress);
                }
                if matches!(progress["state"].as_str(), Some("completed" | "cancelled")) {
                    break progress;
                }
            }
            // A restart of the server is no reason to stop looking.
            Err(ClientError::Unreachable { .. }) if !last.is_null() => bar.set_message("the server does not answer"),
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(EVERY).await;
    };
    bar.finish_and_clear();
    output.say(describe(&progress));
    Ok(if progress["account"]["balanced"] == true { Exit::Done } else { Exit::Unbalanced })
}

/// A campaign's progress in words.
pub(crate) fn describe(progress: &Value) -> String {
    let account = &progress["account"];
    let count = |key: &str| account[key].as_i64().unwrap_or(0);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut lines = vec![
        format!("{} is {}: {}", text(&progress["id"]), text(&progress["state"]), text(&progress["why"]["detail"])),
        format!(
            "  planned {}  sent {}  delivered {}  read {}  replied {}  opted out {}",
            count("planned"),
            count("sent"),
            count("delivered"),
            count("read"),
            count("replied"),
            count("opted_out"),
        ),
        format!(
            "  failed {}  unknown {}  expired {}  cancelled {}  waiting {}",
            count("failed"),
            count("unknown"),
            count("expired"),
            count("cancelled"),
            count("waiting"),
        ),
    ];
    if count("unplanned") > 0 {
        lines.push(format!("  unplanned {}: cancelled before they were planned", count("unplanned")));
    }
    for (title, key) in [("excluded", "excluded"), ("failed", "failed")] {
        for (reason, rows) in progress[key].as_object().into_iter().flatten() {
            lines.push(format!("  {title}: {rows} {reason}"));
        }
    }
    lines.join("\n")
}

/// A bar over bytes.
pub(crate) fn upload_bar(output: Output, bytes: u64) -> ProgressBar {
    styled(output, bytes, "{msg} {wide_bar} {bytes}/{total_bytes} {bytes_per_sec}").with_message("uploading")
}

fn message_bar(output: Output) -> ProgressBar {
    styled(output, 0, "{wide_bar} {pos}/{len} {msg}")
}

fn styled(output: Output, length: u64, template: &str) -> ProgressBar {
    if !output.shows_progress() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(length).with_style(style)
}

fn show(progress: &Value, bar: &ProgressBar) {
    let count = |key: &str| progress["account"][key].as_u64().unwrap_or(0);
    bar.set_length(count("planned"));
    bar.set_position(count("planned").saturating_sub(count("waiting")));
    bar.set_message(progress["why"]["detail"].as_str().unwrap_or_default().to_owned());
}
