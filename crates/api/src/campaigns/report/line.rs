//! One line of a report.

use chrono::{DateTime, SecondsFormat, Utc};
use paceline_audience::REPORT_COLUMNS;
use paceline_domain::{Bucket, CampaignState, CancelReason};
use paceline_store::{campaigns::ExcludedRow, messages::Message, recipients::RecipientRow};

use crate::{campaigns::view, phones};

pub(super) type Line = [String; REPORT_COLUMNS.len()];

/// The line of a message, with the number of its sender.
pub(super) fn of_message(message: &Message, sender: String) -> Line {
    [
        message.row.unwrap_or(0).to_string(),
        phones::shown(&message.to).unwrap_or_default(),
        Bucket::from(message.state).to_string(),
        message.state.to_string(),
        message.reason.clone().unwrap_or_default(),
        String::new(),
        sender,
        message.id.to_string(),
        message.attempts.to_string(),
        time(Some(message.created_at)),
        time(message.sent_at),
        time(message.delivered_at),
        time(message.read_at),
        time(message.replied_at),
        time(message.ended_at),
    ]
}

/// The line of a row that is not sent to.
pub(super) fn of_exclusion(excluded: &ExcludedRow) -> Line {
    let phone = excluded.phone.clone().unwrap_or_default();
    let exclusion = &excluded.exclusion;
    without_message(excluded.row, phone, "excluded", [exclusion.reason().to_owned(), view::detail(exclusion)])
}

/// The line of a row that planning has not reached, and never will where the campaign was cancelled.
pub(super) fn of_undecided(recipient: &RecipientRow, campaign: CampaignState) -> Line {
    let phone = phones::shown(&recipient.address).unwrap_or_default();
    match campaign {
        CampaignState::Cancelled => {
            let reason = CancelReason::CampaignCancelled.to_string();
            without_message(recipient.row, phone, "unplanned", [reason, String::new()])
        }
        _ => without_message(recipient.row, phone, "undecided", Default::default()),
    }
}

fn without_message(row: i64, phone: String, standing: &str, [reason, detail]: [String; 2]) -> Line {
    let mut line = Line::default();
    let told = [row.to_string(), phone, standing.to_owned(), standing.to_owned(), reason, detail];
    for (cell, told) in line.iter_mut().zip(told) {
        *cell = told;
    }
    line
}

fn time(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(String::new, |at| at.to_rfc3339_opts(SecondsFormat::Millis, true))
}
