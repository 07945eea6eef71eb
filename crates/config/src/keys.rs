//! The keys that exist, and what each holds.

/// What a key holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text.
    Text,
    /// Text that nobody may read.
    Secret,
    /// A whole number.
    Whole,
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// A list of whole numbers.
    Wholes,
    /// A list of texts, or true or false for all and none.
    Networks,
}

impl Kind {
    /// What is expected, for people.
    pub(crate) const fn expected(self) -> &'static str {
        match self {
            Self::Text | Self::Secret => "text",
            Self::Whole => "a whole number",
            Self::Number => "a number",
            Self::Flag => "true or false",
            Self::Wholes => "a list of whole numbers",
            Self::Networks => "a list of networks, or true or false",
        }
    }
}

/// Every key but those of profiles, in the order of the reference.
pub(crate) const KEYS: &[(&str, Kind)] = &[
    ("data_dir", Kind::Text),
    ("server.listen", Kind::Text),
    ("server.metrics_listen", Kind::Text),
    ("server.max_upload_bytes", Kind::Whole),
    ("server.max_connections", Kind::Whole),
    ("server.max_connections_per_address", Kind::Whole),
    ("server.max_streams_per_key", Kind::Whole),
    ("server.header_timeout_seconds", Kind::Number),
    ("server.idle_timeout_seconds", Kind::Number),
    ("server.pause_timeout_seconds", Kind::Number),
    ("server.drain_delay_seconds", Kind::Number),
    ("server.drain_timeout_seconds", Kind::Number),
    ("server.sender_metrics", Kind::Whole),
    ("campaigns.max_recipients", Kind::Whole),
    ("pacing.default_profile", Kind::Text),
    ("worker.slots", Kind::Whole),
    ("worker.lease_seconds", Kind::Number),
    ("worker.renew_seconds", Kind::Number),
    ("worker.send_timeout_seconds", Kind::Number),
    ("simulator.url", Kind::Text),
    ("simulator.in_process", Kind::Flag),
    ("simulator.token", Kind::Secret),
    ("simulator.token_file", Kind::Text),
    ("control.unknown_grace_seconds", Kind::Number),
    ("webhooks.allow_private", Kind::Networks),
    ("webhooks.timeout_seconds", Kind::Number),
    ("webhooks.concurrency", Kind::Whole),
    ("webhooks.per_endpoint", Kind::Whole),
    ("webhooks.max_endpoints", Kind::Whole),
    ("webhooks.hold_seconds", Kind::Number),
    ("webhooks.schedule_seconds", Kind::Wholes),
    ("webhooks.disable_after_seconds", Kind::Number),
    ("clock.speed", Kind::Number),
    ("clock.origin", Kind::Text),
    ("sessions.master_key", Kind::Secret),
    ("sessions.master_key_file", Kind::Text),
    ("log.format", Kind::Text),
    ("log.filter", Kind::Text),
    ("api.url", Kind::Text),
    ("api.key", Kind::Secret),
    ("api.key_file", Kind::Text),
    ("database.url", Kind::Secret),
    ("database.url_file", Kind::Text),
    ("database.connections", Kind::Whole),
    ("database.statement_timeout_seconds", Kind::Number),
    ("database.prepare_statements", Kind::Flag),
    ("amqp.url", Kind::Secret),
    ("amqp.url_file", Kind::Text),
    ("amqp.queues", Kind::Text),
    ("amqp.namespace", Kind::Text),
];

/// The folder of profiles.
pub(crate) const PROFILES: &str = "pacing.profiles";

/// The keys of one profile.
pub(crate) const PROFILE_KEYS: &[(&str, Kind)] = &[
    ("version", Kind::Whole),
    ("daily_cap", Kind::Whole),
    ("per_second", Kind::Whole),
    ("gap.median_seconds", Kind::Number),
    ("gap.sigma", Kind::Number),
    ("gap.min_seconds", Kind::Number),
    ("gap.max_seconds", Kind::Number),
    ("typing.chars_per_second", Kind::Number),
    ("typing.min_seconds", Kind::Number),
    ("typing.max_seconds", Kind::Number),
];

/// Variables with names of their own. `PACELINE_…` of the same key goes before them.
pub(crate) const ALIASES: &[(&str, &str)] = &[
    ("DATABASE_URL", "database.url"),
    ("DATABASE_URL_FILE", "database.url_file"),
    ("AMQP_URL", "amqp.url"),
    ("AMQP_URL_FILE", "amqp.url_file"),
    ("PACELINE_LOG", "log.filter"),
];

/// What all our variables begin with.
pub(crate) const PREFIX: &str = "PACELINE_";

/// Variables that are ours and no settings: which file to read, which binary the whole-binary tests run, and at which failpoint a debug
/// build is killed.
pub(crate) const NO_SETTINGS: &[&str] = &[CONFIG_VARIABLE, "PACELINE_BIN", "PACELINE_FAILPOINT"];

/// Names the file.
pub(crate) const CONFIG_VARIABLE: &str = "PACELINE_CONFIG";

/// What a key holds; `None` when there is no such key.
pub(crate) fn find_kind(key: &str) -> Option<Kind> {
    let of = |keys: &[(&str, Kind)], key: &str| keys.iter().find(|(known, _)| *known == key).map(|&(_, kind)| kind);
    of(KEYS, key).or_else(|| {
        let (name, key) = profile_key(key)?;
        if name.is_empty() { None } else { of(PROFILE_KEYS, key) }
    })
}

/// Splits `pacing.profiles.<name>.<key>`.
fn profile_key(key: &str) -> Option<(&str, &str)> {
    key.strip_prefix(PROFILES)?.strip_prefix('.')?.split_once('.')
}

/// Whether keys lie below this one.
pub(crate) fn is_section(key: &str) -> bool {
    let below = |known: &str| known.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'));
    if key == PROFILES || KEYS.iter().any(|(known, _)| below(known)) {
        return true;
    }
    match key.strip_prefix(PROFILES).and_then(|rest| rest.strip_prefix('.')) {
        None => false,
        Some(rest) => rest.split_once('.').is_none_or(|(_, table)| matches!(table, "gap" | "typing")),
    }
}

/// The known key that is spelt most like this one, when one is close.
pub(crate) fn nearest(key: &str) -> Option<String> {
    let of_profile = profile_key(key).map(|(name, _)| name).unwrap_or_default();
    let of_profile = PROFILE_KEYS
        .iter()
        .filter(|_| !of_profile.is_empty())
        .map(|(known, _)| format!("{PROFILES}.{of_profile}.{known}"));
    // One underscore where two belong is the commonest slip in the environment.
    let plain = |text: &str| text.replace(['.', '_'], "");
    let flat = plain(key);
    KEYS.iter()
        .map(|(known, _)| (*known).to_owned())
        .chain(of_profile)
        .map(|known| (strsim::levenshtein(&plain(&known), &flat), known))
        .min()
        .filter(|(distance, _)| *distance <= 2.max(flat.len() / 4))
        .map(|(_, known)| known)
}

/// The variable that sets a key.
pub(crate) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

/// The key that a variable of ours sets.
pub(crate) fn key_of_variable(name: &str) -> Option<String> {
    let aliased = ALIASES.iter().find(|(alias, _)| *alias == name).map(|(_, key)| (*key).to_owned());
    aliased.or_else(|| name.strip_prefix(PREFIX).map(|rest| rest.to_lowercase().replace("__", ".")))
}
