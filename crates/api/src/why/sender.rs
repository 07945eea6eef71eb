//! Whether a sender may send now, and what a pool of senders amounts to.

use chrono::{DateTime, Utc};
use paceline_domain::{SenderState, SessionState};
use paceline_pacing::{Pace, Profiles, Rule, Verdict};
use paceline_store::senders::Sender;

use super::{Why, told, told_until};

/// Where a sender stands, best first: a pool is as good as its best sender.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Ready,
    Gap,
    DailyCap,
    Unleased,
    Disconnected,
    Suspended,
    Unpaired,
    Banned,
    Paused,
    Removed,
}

impl Standing {
    const fn code(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Gap => Rule::Gap.as_str(),
            Self::DailyCap => Rule::DailyCap.as_str(),
            Self::Unleased => "sender_without_worker",
            Self::Disconnected => "sender_disconnected",
            Self::Suspended => Rule::Suspended.as_str(),
            Self::Unpaired => "sender_unpaired",
            Self::Banned => "sender_banned",
            Self::Paused => "sender_paused",
            Self::Removed => "sender_removed",
        }
    }
}

/// Where a sender stands, and until when.
pub(super) fn standing(sender: &Sender, profiles: &Profiles, now: DateTime<Utc>) -> (Standing, Option<DateTime<Utc>>) {
    match sender.state {
        SenderState::Removed => return (Standing::Removed, None),
        SenderState::Paused => return (Standing::Paused, None),
        SenderState::Active => {}
    }
    if let Some(suspension) = sender.suspension.filter(|suspension| !suspension.is_over(now)) {
        let standing = if suspension.until.is_some() { Standing::Suspended } else { Standing::Banned };
        return (standing, suspension.until);
    }
    match sender.session {
        SessionState::Banned => return (Standing::Banned, None),
        // Of one that was never paired: nobody has tried yet.
        SessionState::Unpaired | SessionState::Connected if sender.lease.is_none() => {
            return (Standing::Unleased, None);
        }
        SessionState::Unpaired | SessionState::Pairing | SessionState::LoggedOut => return (Standing::Unpaired, None),
        // A suspension that has ended leaves the session to be connected again.
        SessionState::Disconnected | SessionState::Replaced | SessionState::Suspended => {
            let standing = if sender.lease.is_some() { Standing::Disconnected } else { Standing::Unleased };
            return (standing, None);
        }
        SessionState::Connected => {}
    }
    paced(sender, profiles, now)
}

fn paced(sender: &Sender, profiles: &Profiles, now: DateTime<Utc>) -> (Standing, Option<DateTime<Utc>>) {
    let Some(profile) = profiles.find(&sender.profile) else { return (Standing::Ready, None) };
    let pace = Pace { profile, zone: sender.zone, seed: sender.seed };
    match pace.verdict(&sender.pace, None, 0, now) {
        Verdict::Wait { until, .. } => (Standing::DailyCap, Some(until)),
        Verdict::Send(slot) if slot.rule == Rule::Gap => (Standing::Gap, Some(slot.at)),
        // Asked about no suspension, the pacer names none.
        Verdict::Send(_) | Verdict::Suspended { .. } => (Standing::Ready, None),
    }
}

/// Whether a sender may send now, and if not, why and until when.
pub(crate) fn of_sender(sender: &Sender, profiles: &Profiles, now: DateTime<Utc>) -> Why {
    let (standing, until) = standing(sender, profiles, now);
    let detail = match standing {
        Standing::Ready => "The sender may send.".to_owned(),
        Standing::Gap => format!("The sender pauses between two messages{}.", told_until(until)),
        Standing::DailyCap => format!("The sender's daily cap is spent{}.", told_until(until)),
        Standing::Unleased => "No worker process works for the sender.".to_owned(),
        Standing::Disconnected => "The sender's session is down; its worker reconnects.".to_owned(),
        Standing::Suspended => format!("WhatsApp bars the sender's number{}.", told_until(until)),
        Standing::Unpaired => "The sender waits to be paired with its phone.".to_owned(),
        Standing::Banned => "WhatsApp bars the sender's number for good.".to_owned(),
        Standing::Paused => "The sender is paused.".to_owned(),
        Standing::Removed => "The sender was removed.".to_owned(),
    };
    Why::new(standing.code(), detail).until(until)
}

/// What a pool's senders amount to together: that of its best one.
pub(super) fn of_pool(pool: &str, senders: &[Sender], profiles: &Profiles, now: DateTime<Utc>) -> Why {
    let stand = senders.iter().map(|sender| standing(sender, profiles, now));
    // Equal standings: the one that ends first, an unknown end last.
    let best = stand.min_by_key(|&(standing, until)| (standing, until.is_none(), until));
    let Some((standing, until)) = best else {
        return Why::new("no_sender", format!("The pool {pool:?} has no sender."));
    };
    let count = senders.len();
    let all = |what: &str| format!("Of the {count} senders in the pool {pool:?} {what}{}.", told_until(until));
    match standing {
        Standing::Ready => Why::new("ready", format!("The pool {pool:?} has a sender that may send.")),
        Standing::Gap => {
            let at = until.map_or_else(String::new, |at| format!(" at {}", told(at)));
            Why::new(standing.code(), format!("The next slot of a sender in the pool {pool:?} is{at}.")).until(until)
        }
        Standing::DailyCap => {
            Why::new(standing.code(), all("all that are connected have spent their daily caps")).until(until)
        }
        Standing::Suspended => Why::new(standing.code(), all("none is connected; at least one is barred")).until(until),
        Standing::Banned => Why::new(standing.code(), all("none may send; WhatsApp bars them for good")),
        Standing::Paused | Standing::Removed => Why::new("no_sender", all("none is active")),
        Standing::Unleased | Standing::Disconnected | Standing::Unpaired => {
            Why::new("no_sender_connected", all("none is connected"))
        }
    }
}
