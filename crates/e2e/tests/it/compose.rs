//! The files of `deploy`, as far as they can be checked without a container engine: variables, mounts, secrets, and what overlays lay over.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
};

const FILES: [&str; 3] = ["compose.yaml", "compose.staging.yaml", "compose.production.yaml"];

/// What an overlay may say of a service: what differs from one place to another, and nothing else.
const MAY_DIFFER: [&str; 3] = ["mem_limit", "cpus", "logging"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The lines of a section of a file, such as `services`, without comments.
fn section<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
    let begin = format!("{name}:");
    lines.skip_while(|line| *line != begin).skip(1).take_while(|line| line.starts_with(' ')).collect()
}

/// The names that stand in a section, such as those of services.
fn names(text: &str, name: &str) -> BTreeSet<String> {
    let lines = section(text, name).into_iter().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    lines.filter_map(|line| line.trim().split(':').next()).map(str::to_owned).collect()
}

#[test]
fn files_are_indented_with_blanks_by_two_and_name_nothing_twice() {
    for name in FILES {
        let text = read(name);
        assert!(!text.contains('\t'), "{name} has a tab");
        let mut seen = BTreeSet::new();
        for line in text.lines().filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#')) {
            let indent = line.len() - line.trim_start().len();
            assert_eq!(indent % 2, 0, "{name}: {line}");
            if indent == 0 {
                assert!(
                    seen.insert(line.split(':').next().unwrap_or_default().to_owned()),
                    "{name}: {line} stands twice"
                );
            }
        }
        let listed =
            section(&text, "services").iter().filter(|line| line.starts_with("  ") && !line.starts_with("   ")).count();
        assert_eq!(listed, names(&text, "services").len(), "{name}: a service stands twice");
    }
}

#[test]
fn every_variable_is_explained_and_has_a_default_or_refuses_to_start() {
    let explained = read(".env.example");
    for name in FILES {
        let text = read(name);
        for (at, _) in text.match_indices("${") {
            let inside = text[at + 2..].split('}').next().unwrap_or_default();
            let variable = inside.split(':').next().unwrap_or_default();
            assert!(inside.contains(":-") || inside.contains(":?"), "{name}: ${{{inside}}} may be empty");
            let told = explained.lines().any(|line| line.trim_start_matches('#').starts_with(&format!("{variable}=")));
            assert!(told, "{name}: {variable} is not in .env.example");
            assert!(!variable.contains("PASSWORD"), "{name}: {variable}: a secret is a file");
        }
    }
}

#[test]
fn what_is_mounted_from_here_exists() {
    let text = read("compose.yaml");
    let mounts: Vec<&str> = text
        .split('"')
        .filter(|piece| piece.starts_with("./") || piece.starts_with("../"))
        .filter_map(|mount| mount.split(':').next())
        .collect();
    assert!(mounts.len() >= 5, "{mounts:?}");
    for mount in mounts {
        assert!(folder().join(mount).exists(), "{mount} is mounted and is not there");
    }
    for volume in names(&text, "volumes") {
        assert!(text.contains(&format!("\"{volume}:/")), "the volume {volume} is mounted nowhere");
    }
}

#[test]
fn every_secret_is_made() {
    let made = tempfile::tempdir().expect("a folder can be made");
    // make-secrets writes .env beside itself, and so works on a copy.
    for name in ["make-secrets", ".env.example"] {
        std::fs::copy(folder().join(name), made.path().join(name)).expect("it can be copied");
    }
    let status = Command::new(made.path().join("make-secrets")).status().expect("it runs");
    assert!(status.success());
    let text = read("compose.yaml");
    let secrets = names(&text, "secrets");
    assert!(secrets.contains("grafana_password"), "{secrets:?}");
    for secret in secrets {
        assert!(text.contains(&format!("make-secrets}}/{secret}")), "{secret} is not the file of its name");
        let length = std::fs::metadata(made.path().join("secrets").join(&secret)).map_or(0, |file| file.len());
        assert!(length >= 32, "{secret} is not made, or short");
    }
    let environment = std::fs::read_to_string(made.path().join(".env")).expect(".env is made");
    assert!(environment.contains("\nSECRETS_DIR='/"), "{environment}");
}

#[test]
fn overlays_differ_only_in_limits_and_logs_of_services_that_there_are() {
    let services = names(&read("compose.yaml"), "services");
    for name in &FILES[1..] {
        let text = read(name);
        assert_eq!(names(&text, "services"), services, "{name} has limits for every service");
        for line in section(&text, "services").into_iter().filter(|line| line.starts_with("    ")) {
            let key = line.trim().split(':').next().unwrap_or_default();
            assert!(MAY_DIFFER.contains(&key), "{name}: {line}");
        }
        for key in MAY_DIFFER {
            assert_eq!(text.matches(&format!("\n    {key}: ")).count(), services.len(), "{name}: {key}");
        }
        assert!(text.contains("max-size") && text.contains("max-file"), "{name}: logs are rotated");
    }
}

#[test]
fn nobody_gets_into_grafana_without_its_password() {
    let text = read("compose.yaml");
    for setting in [
        "GF_AUTH_ANONYMOUS_ENABLED: \"false\"",
        "GF_USERS_ALLOW_SIGN_UP: \"false\"",
        "GF_SECURITY_ADMIN_PASSWORD__FILE: /run/secrets/grafana_password",
    ] {
        assert!(text.contains(setting), "{setting}");
    }
}
