//! What is refused, and in which words.

use crate::{env, file, refusal, refusals};

#[test]
fn an_unknown_key_of_a_file_is_refused_with_the_nearest() {
    let (sources, folder) = file("data_dri = \"x\"\n[server]\nlisten_on = \"127.0.0.1:1\"\n[sever]\nlisten = \"\"\n");
    let path = folder.path().join("paceline.toml");
    let from = format!("(file {})", path.display());
    assert_eq!(
        refusals(&sources),
        [
            format!("data_dri {from}: there is no such key; did you mean data_dir?"),
            format!("server.listen_on {from}: there is no such key; did you mean server.listen?"),
            format!("sever.listen {from}: there is no such key; did you mean server.listen?"),
        ]
    );
}

#[test]
fn an_unknown_variable_is_refused_with_the_nearest() {
    assert_eq!(
        refusal(&[("PACELINE_SERVER_LISTEN", "127.0.0.1:1")]),
        "server_listen (environment variable PACELINE_SERVER_LISTEN): there is no such key; did you mean \
         PACELINE_SERVER__LISTEN?"
    );
    assert!(refusal(&[("PACELINE_ZEBRA", "1")]).contains("there is no such key"));
    assert!(
        refusal(&[("PACELINE_PACING__PROFILES__GENTLE__DAYLY_CAP", "1")])
            .ends_with("did you mean PACELINE_PACING__PROFILES__GENTLE__DAILY_CAP?")
    );
}

#[test]
fn an_unknown_secret_is_refused_without_its_value() {
    assert!(!refusal(&[("PACELINE_API__KEYS", "hunter2")]).contains("hunter2"));
}

#[test]
fn queues_of_no_kind_and_names_that_no_broker_takes_are_refused() {
    assert_eq!(
        refusal(&[("PACELINE_AMQP__QUEUES", "mirrored")]),
        "amqp.queues (environment variable PACELINE_AMQP__QUEUES): \"mirrored\" is no kind of queue; choose quorum or classic"
    );
    assert!(refusal(&[("PACELINE_AMQP__NAMESPACE", "a.b")]).contains("cannot stand in a queue's name"));
    assert!(refusal(&[("PACELINE_DATABASE__CONNECTIONS", "1")]).contains("database.connections"));
}

#[test]
fn a_value_of_another_kind_is_refused_with_what_was_found() {
    assert_eq!(
        refusal(&[("PACELINE_WORKER__SLOTS", "many")]),
        "worker.slots (environment variable PACELINE_WORKER__SLOTS): expected a whole number, found string \"many\""
    );
    let (sources, _folder) =
        file("[simulator]\nin_process = \"no\"\n[worker]\nslots = 1.5\n[webhooks]\nallow_private = 3\n");
    let lines = refusals(&sources);
    assert_eq!(lines.len(), 3, "{lines:#?}");
    assert!(lines[0].contains("expected true or false"), "{lines:#?}");
    assert!(lines[1].contains("expected a list of networks, or true or false"), "{lines:#?}");
    assert!(lines[2].contains("expected a whole number"), "{lines:#?}");
}

#[test]
fn a_section_is_not_a_key_and_a_key_is_not_a_section() {
    let (sources, _folder) = file("server = 5\n[data_dir]\nx = 1\n[log]\n[log.format]\n");
    let lines = refusals(&sources);
    assert!(lines.iter().any(|line| line.contains("is a section, not a key; write [server]")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("data_dir ") && line.contains("expected text")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("log.format ") && line.contains("expected text")), "{lines:#?}");
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_the_place() {
    let (sources, folder) = file("[server\nlisten = 1\n");
    let lines = refusals(&sources);
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("is not TOML") && lines[0].contains("line 1"), "{lines:#?}");
    assert!(lines[0].contains(folder.path().to_str().unwrap()), "{lines:#?}");
}

#[test]
fn every_problem_is_told_at_once() {
    let (mut sources, _folder) = file(
        "[server]\nlisten = \"nowhere\"\nlissten = \"\"\n[worker]\nslots = 0\nlease_seconds = 10\nrenew_seconds = 6\n\
         send_timeout_seconds = 9\n[webhooks]\nhold_seconds = 5\nschedule_seconds = [5]\nallow_private = [\"ten\"]\n\
         [pacing]\ndefault_profile = \"fast\"\n[pacing.profiles.gentle]\ndaily_cap = 0\n[log]\nformat = \"xml\"\n[clock]\nspeed \
         = 0.5\n",
    );
    sources.env = vec![
        ("PACELINE_SESSIONS__MASTER_KEY".to_owned(), "changeme".to_owned()),
        ("PACELINE_API__URL".to_owned(), "localhost".to_owned()),
        ("PACELINE_DATA_DIR".to_owned(), " ".to_owned()),
        ("DATABASE_URL".to_owned(), "mysql://u@h/d".to_owned()),
    ];
    let lines = refusals(&sources);
    for key in [
        "server.lissten",
        "server.listen",
        "worker.slots",
        "webhooks.hold_seconds",
        "webhooks.schedule_seconds",
        "webhooks.allow_private",
        "pacing.profiles.gentle.daily_cap",
        "log.format",
        "clock.speed",
        "sessions.master_key",
        "api.url",
        "data_dir",
        "database.url",
    ] {
        assert!(lines.iter().any(|line| line.starts_with(&format!("{key} ("))), "{key} is not in {lines:#?}");
    }
}

#[test]
fn worker_durations_must_fit_each_other() {
    let lines = refusals(&env(&[
        ("PACELINE_WORKER__LEASE_SECONDS", "10"),
        ("PACELINE_WORKER__RENEW_SECONDS", "5"),
        ("PACELINE_WORKER__SEND_TIMEOUT_SECONDS", "5"),
    ]));
    assert!(lines.iter().any(|line| line.starts_with("worker.renew_seconds")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("worker.send_timeout_seconds")), "{lines:#?}");
}

#[test]
fn bounds_are_told() {
    assert!(refusal(&[("PACELINE_CLOCK__SPEED", "0.5")]).contains("0.5 is out of bounds; choose from 1 to 1000000"));
    assert!(refusal(&[("PACELINE_CLOCK__SPEED", "nan")]).contains("out of bounds"));
    assert!(refusal(&[("PACELINE_WORKER__SLOTS", "-1")]).contains("-1 is out of bounds"));
    assert!(refusal(&[("PACELINE_WEBHOOKS__CONCURRENCY", "4294967297")]).contains("out of bounds"));
    assert!(refusal(&[("PACELINE_WEBHOOKS__SCHEDULE_SECONDS", "0,99999999")]).contains("out of bounds"));
}

#[test]
fn an_origin_needs_a_clock_that_runs_fast() {
    assert!(refusal(&[("PACELINE_CLOCK__ORIGIN", "2026-01-05T08:00:00Z")]).contains("has no effect"));
    let lines = refusals(&env(&[("PACELINE_CLOCK__SPEED", "60"), ("PACELINE_CLOCK__ORIGIN", "yesterday")]));
    assert!(lines[0].starts_with("clock.origin") && lines[0].contains("2026-01-05T08:00:00Z"), "{lines:#?}");
}

#[test]
fn a_profile_that_lacks_a_key_is_refused_with_each() {
    let (sources, _folder) = file("[pacing.profiles.night]\ngap = { median_seconds = 90, sigma = 0.5 }\n");
    let lines = refusals(&sources);
    for key in ["version", "per_second", "gap.min_seconds", "gap.max_seconds"] {
        let start = format!("pacing.profiles.night.{key}: is missing");
        assert!(lines.iter().any(|line| line.starts_with(&start)), "{lines:#?}");
    }
    assert_eq!(lines.len(), 4, "{lines:#?}");
}

#[test]
fn a_default_profile_must_exist() {
    let line = refusal(&[("PACELINE_PACING__DEFAULT_PROFILE", "fast")]);
    assert!(line.contains("choose one of brisk, gentle, unlimited"), "{line}");
}

#[test]
fn a_number_that_does_not_fit_a_profile_is_refused_by_its_key() {
    let line = refusal(&[("PACELINE_PACING__PROFILES__GENTLE__DAILY_CAP", "99999999999")]);
    assert!(line.starts_with("pacing.profiles.gentle.daily_cap (environment variable"), "{line}");
}
