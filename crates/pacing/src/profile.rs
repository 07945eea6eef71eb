//! Profiles: named sets of pacing limits.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Deserializer, Serialize};

/// The limits a sender is paced by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Grows with every change of the numbers below; stored with each attempt, so that a decision can be replayed.
    pub version: u32,
    /// The pause between two sends of one sender. `None`: no pause.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<Gap>,
    /// How long the typing indicator shows before a send. `None`: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typing: Option<Typing>,
    /// The most sends in one calendar day of the sender's time zone. `None`: no cap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub daily_cap: Option<u32>,
    /// The hard ceiling in sends per second; the worker's backstop, and the size of an unpaced sender's window.
    pub per_second: u32,
}

/// A log-normal pause, clipped. Times between a person's messages are log-normal rather than uniform or fixed
/// (Blenn and Van Mieghem, arXiv:1607.02952).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// The median, in seconds: half of the pauses are shorter.
    pub median_seconds: f64,
    /// The standard deviation of the logarithm; 0.45 puts 88 % of pauses between half and twice the median.
    pub sigma: f64,
    /// No pause is shorter, in seconds.
    pub min_seconds: f64,
    /// No pause is longer, in seconds.
    pub max_seconds: f64,
}

/// How long a person would type.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Typing {
    /// Characters per second; 3.0 is 36 words a minute, the mean on phones (Palin et al., `MobileHCI` 2019).
    pub chars_per_second: f64,
    /// Never shown for less, in seconds.
    pub min_seconds: f64,
    /// Never shown for more, in seconds.
    pub max_seconds: f64,
}

/// A profile whose numbers make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("pacing profile {profile:?}: {key} {problem}")]
pub struct ProfileError {
    /// The profile's name.
    pub profile: String,
    /// The key within it.
    pub key: &'static str,
    /// What is wrong.
    pub problem: &'static str,
}

/// The profiles of an installation by name.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Profiles(BTreeMap<String, Profile>);

impl Profiles {
    /// The name of the profile that a sender has unless it is given another.
    pub const DEFAULT: &str = "gentle";

    /// Checks every profile.
    ///
    /// # Errors
    /// All that is wrong, with profile and key.
    pub fn new(profiles: BTreeMap<String, Profile>) -> Result<Self, Vec<ProfileError>> {
        let mut problems: Vec<_> = profiles.iter().flat_map(|(name, profile)| profile.problems(name)).collect();
        if !profiles.contains_key(Self::DEFAULT) {
            problems.push(ProfileError {
                profile: Self::DEFAULT.to_owned(),
                key: "version",
                problem: "is missing: the default profile must exist",
            });
        }
        if problems.is_empty() { Ok(Self(profiles)) } else { Err(problems) }
    }

    /// The profile of a name.
    pub fn find(&self, name: &str) -> Option<&Profile> {
        self.0.get(name)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

// By hand, so that no profile enters unchecked.
impl<'de> Deserialize<'de> for Profiles {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(BTreeMap::deserialize(deserializer)?).map_err(|problems| {
            let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
            serde::de::Error::custom(problems.join("; "))
        })
    }
}

impl Default for Profiles {
    fn default() -> Self {
        let named = [("gentle", Profile::gentle()), ("brisk", Profile::brisk()), ("unlimited", Profile::unlimited())];
        Self(named.into_iter().map(|(name, profile)| (name.to_owned(), profile)).collect())
    }
}

impl Profile {
    /// The default: what practitioners call safe for a number with some history. Every figure is a heuristic, since WhatsApp
    /// publishes none; the gap follows WAHA's "random 30 to 60 s, never fixed".
    pub fn gentle() -> Self {
        Self {
            version: 1,
            gap: Some(Gap { median_seconds: 40.0, sigma: 0.45, min_seconds: 15.0, max_seconds: 180.0 }),
            typing: Some(Typing { chars_per_second: 3.0, min_seconds: 1.5, max_seconds: 25.0 }),
            daily_cap: Some(200),
            per_second: 1,
        }
    }

    /// For numbers whose recipients expect a quick message.
    pub fn brisk() -> Self {
        Self {
            version: 1,
            gap: Some(Gap { median_seconds: 1.75, sigma: 0.35, min_seconds: 1.0, max_seconds: 3.0 }),
            typing: Some(Typing { chars_per_second: 60.0, min_seconds: 0.3, max_seconds: 1.0 }),
            daily_cap: Some(1_000),
            per_second: 2,
        }
    }

    /// No pauses and no cap: for tests and benchmarks.
    pub fn unlimited() -> Self {
        Self { version: 1, gap: None, typing: None, daily_cap: None, per_second: 5_000 }
    }

    /// Whether sends follow each other without pause, so that the sender works in batches.
    pub const fn is_unpaced(&self) -> bool {
        self.gap.is_none()
    }

    /// How many messages may be released to the sender at once: the design's eight, or two seconds at the ceiling.
    pub const fn window(&self) -> u32 {
        if self.is_unpaced() { self.per_second.saturating_mul(2) } else { 8 }
    }

    fn problems(&self, name: &str) -> Vec<ProfileError> {
        let mut problems = Vec::new();
        let mut refuse = |key, problem| problems.push(ProfileError { profile: name.to_owned(), key, problem });
        if let Some(gap) = &self.gap {
            if !(gap.median_seconds.is_finite() && gap.median_seconds > 0.0) {
                refuse("gap.median_seconds", "must be above 0");
            }
            if !(gap.sigma.is_finite() && (0.0..=3.0).contains(&gap.sigma)) {
                refuse("gap.sigma", "must be from 0 to 3");
            }
            if !lawful_range(gap.min_seconds, gap.max_seconds) {
                refuse("gap.min_seconds", "must be at least 0, at most max_seconds, and both at most a day");
            }
        }
        if let Some(typing) = &self.typing {
            if !(typing.chars_per_second.is_finite() && typing.chars_per_second > 0.0) {
                refuse("typing.chars_per_second", "must be above 0");
            }
            if !lawful_range(typing.min_seconds, typing.max_seconds) {
                refuse("typing.min_seconds", "must be at least 0, at most max_seconds, and both at most a day");
            }
        }
        if self.daily_cap == Some(0) {
            refuse("daily_cap", "must be above 0; pause the sender to stop it");
        }
        if self.per_second == 0 {
            refuse("per_second", "must be above 0");
        }
        problems
    }
}

impl Typing {
    /// How long a person types `chars` characters.
    pub fn duration(&self, chars: u32) -> Duration {
        seconds_within(f64::from(chars) / self.chars_per_second, self.min_seconds, self.max_seconds)
    }
}

fn lawful_range(min: f64, max: f64) -> bool {
    min.is_finite() && max.is_finite() && 0.0 <= min && min <= max && max <= 86_400.0
}

/// A duration of `value` seconds clipped to [min, max], to the microsecond of the stores. Total, since a stored profile may be
/// one that nobody checked: bounds that cross give the upper one, and what is no number gives the lower.
pub(crate) fn seconds_within(value: f64, min: f64, max: f64) -> Duration {
    let micros = (value.max(min).min(max) * 1e6).round();
    Duration::try_from_secs_f64(micros / 1e6).unwrap_or(Duration::ZERO)
}
