//! Why a message has or has not been sent. Every waiting message has a reason.

use chrono::{DateTime, Utc};
use paceline_domain::{CampaignState, MessageState};
use paceline_pacing::Profiles;
use paceline_store::{
    messages::{Message, MessageStory},
    senders::Sender,
};

use super::{Why, of_sender, sender, told, told_until};

/// Why a message stands as it stands. `senders` is the sender that it is bound to, or else those of its pool; they matter
/// only while it waits.
pub(crate) fn of_message(story: &MessageStory, senders: &[Sender], profiles: &Profiles, now: DateTime<Utc>) -> Why {
    let message = &story.message;
    let reason = message.reason.as_deref().unwrap_or("no reason was recorded");
    let at = |at: Option<DateTime<Utc>>| at.map_or_else(String::new, |at| format!(" at {}", told(at)));
    match message.state {
        MessageState::Waiting => of_waiting(story, senders, profiles, now),
        MessageState::Sending => Why::new("sending", "An intent is recorded; the message is being sent."),
        MessageState::Sent => Why::new("sent", format!("WhatsApp accepted the message{}.", at(message.sent_at))),
        MessageState::Delivered => {
            Why::new("delivered", format!("The message reached the recipient's device{}.", at(message.delivered_at)))
        }
        MessageState::Read => Why::new("read", format!("The recipient opened the message{}.", at(message.read_at))),
        MessageState::Failed => Why::new(reason, format!("The message failed{}: {reason}.", at(message.ended_at))),
        MessageState::Unknown => Why::new(
            "unknown",
            format!(
                "The last attempt ended without an answer{}; a late receipt may settle it, or a decision (POST …/resolve).",
                at(message.ended_at)
            ),
        ),
        MessageState::Expired => Why::new("expired", format!("The message's time passed{}.", at(message.expires_at))),
        MessageState::Cancelled => {
            Why::new(reason, format!("The message was cancelled{}: {reason}.", at(message.ended_at)))
        }
    }
}

fn of_waiting(story: &MessageStory, senders: &[Sender], profiles: &Profiles, now: DateTime<Utc>) -> Why {
    let message = &story.message;
    if let Some(why) = of_campaign_state(story.campaign_state) {
        return why;
    }
    if message.expires_at.is_some_and(|expires_at| expires_at <= now) {
        return Why::new("expiring", "The message's time has passed; it is about to expire.");
    }
    if message.release.is_some() {
        return of_released(senders, profiles, now);
    }
    if let Some(until) = message.not_before.filter(|&not_before| not_before > now) {
        return of_put_off(message, until);
    }
    let why = match (message.sender, senders, message.pool.as_deref()) {
        (Some(_), [sender, ..], _) => of_sender(sender, profiles, now),
        (Some(_), [], _) => Why::new("sender_removed", "The message's sender is gone; it is about to be unbound."),
        (None, senders, pool) => sender::of_pool(pool.unwrap_or("?"), senders, profiles, now),
    };
    if why.code == "ready" {
        return Why::new("queued", "A sender may send; the message waits for its turn behind others.");
    }
    why
}

fn of_campaign_state(state: Option<CampaignState>) -> Option<Why> {
    match state {
        None | Some(CampaignState::Running) => None,
        Some(CampaignState::Paused) => Some(Why::new("campaign_paused", "The message's campaign is paused.")),
        Some(CampaignState::Cancelled) => {
            Some(Why::new("campaign_cancelled", "The campaign was cancelled; the message is about to be cancelled."))
        }
        Some(state) => Some(Why::new(format!("campaign_{state}"), format!("The message's campaign is {state}."))),
    }
}

/// A released message waits for its sender's slot.
fn of_released(senders: &[Sender], profiles: &Profiles, now: DateTime<Utc>) -> Why {
    let Some(sender) = senders.first() else {
        return Why::new("released", "The message is released to a sender and leaves at its next slot.");
    };
    let why = of_sender(sender, profiles, now);
    if !matches!(why.code.as_str(), "ready" | "gap" | "daily_cap") {
        let detail = format!("The message is released to the sender {}. {}", sender.id, why.detail);
        return Why::new("released", detail).until(why.until);
    }
    let at = why.until.map_or_else(String::new, |at| format!(", not before {}", told(at)));
    Why::new(
        "released",
        format!("The message is released to the sender {} and leaves at its next slot{at}.", sender.id),
    )
    .until(why.until)
}

fn of_put_off(message: &Message, until: DateTime<Utc>) -> Why {
    let at = told_until(Some(until));
    match message.waits_for.as_deref() {
        Some(rule) => Why::new(rule, format!("The message is put off{at} by the rule {rule}.")),
        None => Why::new("not_before", format!("The message is not to be sent{at}.")),
    }
    .until(Some(until))
}
