//! The reference, and that it says what the code does.

use std::time::Duration;

use paceline_config::{DEFAULTS, LogFormat, QueueKind, SimulatorPlace, Statements};
use paceline_domain::EgressPolicy;
use paceline_pacing::Profiles;

use crate::load;

#[test]
fn without_any_source_the_defaults_hold() {
    let config = load(&[]);
    assert_eq!(config.data_dir.to_str(), Some("./paceline-data"));
    assert_eq!(config.server.listen.to_string(), "127.0.0.1:8480");
    assert_eq!(config.server.max_upload_bytes, 1 << 30);
    assert_eq!(config.campaigns.max_recipients, 2_000_000);
    assert_eq!(config.worker.lease, Duration::from_secs(30));
    assert_eq!(config.worker.renew, Duration::from_secs(8));
    assert_eq!(config.simulator.url, "http://127.0.0.1:8490");
    assert_eq!(config.simulator.place, SimulatorPlace::InProcess);
    assert_eq!(config.webhooks.egress, EgressPolicy::PublicOnly);
    assert_eq!(config.webhooks.timeout, Duration::from_secs(15));
    assert_eq!(
        config.webhooks.schedule.iter().map(Duration::as_secs).collect::<Vec<_>>(),
        [0, 5, 300, 1_800, 7_200, 18_000, 36_000]
    );
    assert!((config.clock.speed - 1.0).abs() < f64::EPSILON);
    assert_eq!(config.log.format, LogFormat::Auto);
    assert_eq!(config.api.url, "http://127.0.0.1:8480");
    assert!(config.clock.origin.is_none() && config.sessions.master_key.is_none() && config.api.key.is_none());
    assert!(config.database.url.is_none() && config.amqp.url.is_none());
    assert_eq!((config.database.connections, config.database.statements), (16, Statements::Prepared));
    assert_eq!((config.amqp.queues, config.amqp.namespace.as_str()), (QueueKind::Quorum, ""));
}

#[test]
fn the_profiles_of_the_reference_are_those_of_the_code() {
    let pacing = load(&[]).pacing;
    assert_eq!(pacing.profiles, Profiles::default());
    assert_eq!(pacing.default_profile, Profiles::DEFAULT);
}

#[test]
fn every_key_is_in_the_reference_set_or_commented_out() {
    let is_setting = |line: &str| {
        let name = line.split('=').next().unwrap_or_default().trim();
        line.contains(" = ") && name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
    };
    let uncommented: Vec<_> =
        DEFAULTS.lines().map(|line| line.strip_prefix("# ").filter(|rest| is_setting(rest)).unwrap_or(line)).collect();
    let table: toml::Table = uncommented.join("\n").parse().unwrap();
    for explained in load(&[]).explain() {
        let mut at = Some(&toml::Value::Table(table.clone()));
        for part in explained.key.split('.') {
            at = at.and_then(|value| value.get(part));
        }
        assert!(at.is_some(), "{} is not in the reference", explained.key);
    }
}
