//! Which layer goes before which.

use std::time::Duration;

use paceline_config::{Config, ConfigSources, ExposeSecret, Source};
use paceline_domain::EgressPolicy;

use crate::{env, file, load, refusals};

#[test]
fn the_environment_goes_before_the_file_and_the_command_line_before_both() {
    let (mut sources, _folder) =
        file("[server]\nlisten = \"127.0.0.1:1\"\nmax_upload_bytes = 2048\n[worker]\nslots = 7\n");
    sources.env = vec![
        ("PACELINE_SERVER__LISTEN".to_owned(), "127.0.0.1:2".to_owned()),
        ("PACELINE_WORKER__SLOTS".to_owned(), "8".to_owned()),
    ];
    sources.overrides = vec![("worker.slots".to_owned(), "9".to_owned())];
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.server.listen.port(), 2);
    assert_eq!(config.server.max_upload_bytes, 2_048);
    assert_eq!(config.worker.slots, 9);
}

#[test]
fn a_file_is_read_only_when_it_is_named() {
    let (sources, folder) = file("[worker]\nslots = 7\n");
    let path = sources.file.unwrap();
    assert_eq!(load(&[("PACELINE_CONFIG", path.to_str().unwrap())]).worker.slots, 7);
    let (mut both, _other) = file("[worker]\nslots = 6\n");
    both.env = vec![("PACELINE_CONFIG".to_owned(), path.to_str().unwrap().to_owned())];
    assert_eq!(Config::load(&both).unwrap().worker.slots, 6, "the command line's file goes before");
    drop(folder);
    let lines = refusals(&env(&[("PACELINE_CONFIG", path.to_str().unwrap())]));
    assert!(lines[0].contains("cannot be read") && lines[0].contains(path.to_str().unwrap()), "{lines:?}");
}

#[test]
fn the_environment_sets_every_kind_of_key() {
    let config = load(&[
        ("PACELINE_DATA_DIR", "2026"),
        ("PACELINE_SERVER__MAX_UPLOAD_BYTES", "1_048_576"),
        ("PACELINE_SIMULATOR__IN_PROCESS", "false"),
        ("PACELINE_WORKER__RENEW_SECONDS", "2.5"),
        ("PACELINE_CLOCK__SPEED", "600"),
        ("PACELINE_CLOCK__ORIGIN", "2026-01-05T09:00:00+01:00"),
        ("PACELINE_WEBHOOKS__SCHEDULE_SECONDS", "0, 1, 2"),
        ("PACELINE_WEBHOOKS__ALLOW_PRIVATE", "10.0.0.0/8,::1"),
        ("PACELINE_LOG", "debug"),
        ("PACELINE_PACING__PROFILES__GENTLE__DAILY_CAP", "150"),
        ("PACELINE_PACING__PROFILES__GENTLE__GAP__MEDIAN_SECONDS", "20"),
        ("DATABASE_URL", "postgres://u@h/d"),
        ("AMQP_URL", "amqps://u@h"),
        ("HOME", "/root"),
        ("PACELINE_BIN", "target/paceline"),
    ]);
    assert_eq!(config.data_dir.to_str(), Some("2026"));
    assert_eq!(config.server.max_upload_bytes, 1_048_576);
    assert_eq!(config.worker.renew, Duration::from_millis(2_500));
    assert_eq!(config.clock.origin.unwrap().to_rfc3339(), "2026-01-05T08:00:00+00:00");
    assert_eq!(config.webhooks.schedule.len(), 3);
    assert_eq!(
        config.webhooks.egress,
        EgressPolicy::PublicAnd(vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()])
    );
    assert_eq!(config.log.filter, "debug");
    let gentle = config.pacing.profiles.find("gentle").unwrap();
    assert_eq!((gentle.daily_cap, gentle.gap.unwrap().median_seconds), (Some(150), 20.0));
    assert_eq!(config.database.url.unwrap().expose_secret(), "postgres://u@h/d");
    assert_eq!(config.amqp.url.unwrap().expose_secret(), "amqps://u@h");
}

#[test]
fn private_addresses_are_allowed_by_a_word_or_by_name() {
    let allow = |text| load(&[("PACELINE_WEBHOOKS__ALLOW_PRIVATE", text)]).webhooks.egress;
    assert_eq!(allow("true"), EgressPolicy::Any);
    assert_eq!(allow("false"), EgressPolicy::PublicOnly);
    assert_eq!(allow(""), EgressPolicy::PublicOnly);
    assert_eq!(allow("[\"127.0.0.0/8\"]"), EgressPolicy::PublicAnd(vec!["127.0.0.0/8".parse().unwrap()]));
    let (sources, _folder) = file("[webhooks]\nallow_private = true\n");
    assert_eq!(Config::load(&sources).unwrap().webhooks.egress, EgressPolicy::Any);
}

#[test]
fn a_profile_of_ones_own_stands_beside_the_others() {
    let text = "[pacing]\ndefault_profile = \"night\"\n[pacing.profiles.night]\nversion = 3\nper_second = 1\ndaily_cap = 50\n\
                gap = { median_seconds = 90, sigma = 0.5, min_seconds = 30, max_seconds = 600 }\n";
    let (sources, _folder) = file(text);
    let pacing = Config::load(&sources).unwrap().pacing;
    let night = pacing.profiles.find(&pacing.default_profile).unwrap();
    assert_eq!((night.version, night.daily_cap, night.typing), (3, Some(50), None));
    assert_eq!(pacing.profiles.names().count(), 4);
}

#[test]
fn a_date_of_toml_is_a_date() {
    let (sources, _folder) = file("[clock]\nspeed = 60\norigin = 2026-01-05T08:00:00Z\n");
    assert_eq!(Config::load(&sources).unwrap().clock.origin.unwrap().to_rfc3339(), "2026-01-05T08:00:00+00:00");
}

#[test]
fn a_specific_variable_goes_before_the_common_one() {
    let config = load(&[("PACELINE_LOG__FILTER", "warn"), ("PACELINE_LOG", "debug")]);
    assert_eq!(config.log.filter, "warn");
    let source = config.explain().iter().find(|one| one.key == "log.filter").unwrap().source.clone();
    assert_eq!(source, Some(Source::Variable("PACELINE_LOG__FILTER".to_owned())));
}

#[test]
fn the_sources_do_not_print_the_environment() {
    let sources = ConfigSources { ..env(&[("PACELINE_API__KEY", "pl_hunter2")]) };
    assert!(!format!("{sources:?}").contains("hunter2"));
}
