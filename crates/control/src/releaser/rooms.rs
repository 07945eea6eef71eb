//! How much each sender may be given now: what its pacer lets leave within the horizon, at most its window, less what it has
//! already.

use std::{
    collections::{BTreeSet, HashSet},
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use paceline_domain::{Clock, SenderId, SenderState, SessionState};
use paceline_pacing::{Pace, Profiles};
use paceline_store::{
    release::{Room, SenderWindow},
    senders::Sender,
};

use crate::ReleaseOptions;

/// A share below this would starve paced senders, whose whole window it is.
const SMALLEST_SHARE: u32 = 8;

/// What a fleet may be given at one moment.
pub(super) struct Fleet {
    /// Senders with room.
    pub(super) rooms: Vec<Room>,
    /// Those of them that work in batches.
    pub(super) unpaced: HashSet<SenderId>,
    /// Senders that are worth another look in a moment: those with room, and those that are quick to have room again.
    pub(super) watched: Vec<SenderId>,
    /// The campaign time of this look. What is due by then is released and no more: who gets a job sends it at the sender's
    /// next slot, whatever the message's own `not_before` says.
    pub(super) now: DateTime<Utc>,
    /// Whether some sender has more room than its share of one claim.
    pub(super) cut: bool,
    /// Profiles of senders that are not configured.
    pub(super) unknown_profiles: BTreeSet<String>,
}

impl Fleet {
    pub(super) fn of<'a>(
        windows: impl Iterator<Item = &'a SenderWindow>,
        profiles: &Profiles,
        clock: &dyn Clock,
        options: &ReleaseOptions,
    ) -> Self {
        let now = clock.now();
        let horizon = now + campaign_time(options.horizon, clock.speed());
        let (rooms, unpaced, watched, cut, unknown_profiles) = Default::default();
        let mut fleet = Self { rooms, unpaced, watched, now, cut, unknown_profiles };
        for window in windows.filter(|window| can_send(&window.sender)) {
            let sender = &window.sender;
            let Some(profile) = profiles.find(&sender.profile) else {
                fleet.unknown_profiles.insert(sender.profile.clone());
                continue;
            };
            let pace = Pace { profile, zone: sender.zone, seed: sender.seed };
            let slots = pace.count_slots(&sender.pace, sender.suspension, now..horizon, profile.window());
            let room = slots.saturating_sub(window.outstanding);
            let is_quick = profile.gap.as_ref().is_none_or(|gap| gap.median_seconds < 1.0);
            if room > 0 || is_quick {
                fleet.watched.push(sender.id);
            }
            if room == 0 {
                continue;
            }
            let free = pace.left_today(&sender.pace, now).unwrap_or(u32::MAX).saturating_sub(window.outstanding);
            fleet.rooms.push(Room { sender: sender.id, room, free });
            if profile.is_unpaced() {
                fleet.unpaced.insert(sender.id);
            }
        }
        fleet.share(options.claim_limit);
        fleet
    }

    /// Cuts each room to an equal share of what one transaction claims.
    fn share(&mut self, claim_limit: u32) {
        let senders = u32::try_from(self.rooms.len()).unwrap_or(u32::MAX).max(1);
        let share = (claim_limit / senders).max(SMALLEST_SHARE);
        for room in &mut self.rooms {
            self.cut |= room.room > share;
            room.room = room.room.min(share);
        }
    }
}

/// Whether a job given to it now is taken: somebody works for it, and its session is up. What lies with a sender that is down
/// waits for it while others could send.
fn can_send(sender: &Sender) -> bool {
    sender.state == SenderState::Active && sender.session == SessionState::Connected && sender.lease.is_some()
}

/// How much campaign time passes in `real`.
fn campaign_time(real: Duration, speed: f64) -> TimeDelta {
    const LONGEST_SECONDS: f64 = 400.0 * 86_400.0;
    let seconds = (real.as_secs_f64() * speed).clamp(0.0, LONGEST_SECONDS);
    Duration::try_from_secs_f64(seconds)
        .ok()
        .and_then(|time| TimeDelta::from_std(time).ok())
        .unwrap_or(TimeDelta::zero())
}
