//! Secrets and their files.

use paceline_config::{Config, ExposeSecret};

use crate::{env, load, refusal, refusals};

const KEY: &str = "PACELINE_SESSIONS__MASTER_KEY";
const KEY_FILE: &str = "PACELINE_SESSIONS__MASTER_KEY_FILE";
/// Bytes of a hash, in base64.
const GOOD: &str = "n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=";

fn secret_file(text: &str) -> (String, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret");
    std::fs::write(&path, text).unwrap();
    (path.to_str().unwrap().to_owned(), folder)
}

#[test]
fn a_master_key_is_read_as_itself_or_from_a_file() {
    let given = load(&[(KEY, GOOD)]).sessions.master_key.unwrap();
    let (path, _folder) = secret_file(&format!("{GOOD}\n"));
    let filed = load(&[(KEY_FILE, &path)]).sessions.master_key.unwrap();
    assert_eq!(given.expose_secret(), filed.expose_secret());
    assert_eq!(given.expose_secret()[..2], [0x9f, 0x86]);
}

#[test]
fn an_api_key_is_read_from_a_file() {
    let (path, _folder) = secret_file("pl_abcdef\n");
    assert_eq!(load(&[("PACELINE_API__KEY_FILE", &path)]).api.key.unwrap().expose_secret(), "pl_abcdef");
}

#[test]
fn an_unreadable_secret_file_is_refused_with_key_and_path() {
    let line = refusal(&[(KEY_FILE, "/nowhere/secret")]);
    assert!(line.starts_with("sessions.master_key_file (environment variable"), "{line}");
    assert!(line.contains("/nowhere/secret cannot be read"), "{line}");
    let folder = tempfile::tempdir().unwrap();
    assert!(refusal(&[("PACELINE_API__KEY_FILE", folder.path().to_str().unwrap())]).contains("cannot be read"));
}

#[test]
fn a_secret_and_its_file_are_not_given_together() {
    let (path, _folder) = secret_file(GOOD);
    let line = refusal(&[(KEY, GOOD), (KEY_FILE, &path)]);
    assert!(line.contains("given twice") && line.contains("sessions.master_key_file"), "{line}");
}

#[test]
fn an_empty_secret_is_refused() {
    let (path, _folder) = secret_file("\n");
    assert!(refusal(&[(KEY, "")]).contains("is empty"));
    assert!(refusal(&[(KEY_FILE, &path)]).starts_with("sessions.master_key_file"));
    assert!(refusal(&[("DATABASE_URL", "")]).contains("is empty"));
}

#[test]
fn a_secret_that_everybody_knows_refuses_to_start() {
    let zeros = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let ones = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
    for text in ["changeme", "Change-Me!", "secret", "password", "admin", "test", "xxxxxxxx", zeros, ones] {
        let line = refusal(&[(KEY, text)]);
        assert!(line.contains("everybody knows"), "{text}: {line}");
        assert!(text == "secret" || !line.contains(text), "the value is not repeated: {line}");
    }
    let (path, _folder) = secret_file("changeme\n");
    assert!(refusal(&[("PACELINE_API__KEY_FILE", &path)]).contains("everybody knows"));
}

#[test]
fn the_example_of_the_reference_refuses_to_start() {
    let example = paceline_config::DEFAULTS
        .lines()
        .find_map(|line| line.strip_prefix("# master_key = \""))
        .and_then(|rest| rest.strip_suffix('"'))
        .expect("the reference shows an example");
    assert!(refusal(&[(KEY, example)]).contains("everybody knows"));
}

#[test]
fn a_master_key_of_another_length_is_refused_without_its_value() {
    for text in ["c2hvcnQga2V5IG9mIG1pbmU=", "not base64 at all"] {
        let line = refusal(&[(KEY, text)]);
        assert!(line.contains("is not 32 bytes in base64") && !line.contains(text), "{line}");
    }
}

#[test]
fn a_service_of_another_kind_is_refused_without_its_value() {
    let lines = refusals(&env(&[("DATABASE_URL", "mysql://u:hunter2@h"), ("AMQP_URL", "http://u:hunter2@h")]));
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| !line.contains("hunter2")), "{lines:#?}");
}

#[test]
fn no_secret_is_printed_by_debug() {
    let config =
        load(&[(KEY, GOOD), ("PACELINE_API__KEY", "pl_hunter2"), ("DATABASE_URL", "postgres://u:hunter2@h/d")]);
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("159, 134"), "{shown}");
    let told: Vec<_> = config.explain().iter().filter(|one| one.value.as_deref() == Some("(hidden)")).collect();
    assert_eq!(told.len(), 3);
    assert!(Config::load(&env(&[])).is_ok());
}
