//! What others could reach or read: each is a warning, for it works.

use std::{os::unix::fs::PermissionsExt as _, path::Path};

use paceline_config::Config;
use paceline_domain::EgressPolicy;

use super::{Finding, Severity};

/// Everything that stands open.
pub(super) fn look(config: &Config, file: Option<&Path>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let listens =
        [("server.listen", Some(config.server.listen)), ("server.metrics_listen", config.server.metrics_listen)];
    for (key, address) in listens {
        if let Some(address) = address.filter(|address| !address.ip().is_loopback()) {
            let found = format!("{key} is {address}: whoever reaches it talks to it without TLS");
            findings.push(warning(
                "exposure",
                found,
                "let a proxy that speaks TLS listen there, and this on loopback or a private network",
            ));
        }
    }
    if config.webhooks.egress == EgressPolicy::Any {
        let found = "webhooks.allow_private is true: whoever may add a webhook endpoint can make this machine post to its own network";
        findings.push(warning(
            "exposure",
            found.to_owned(),
            "name the networks that are wanted, such as [\"10.1.2.0/24\"]",
        ));
    }
    let named = config.explain().iter().filter(|explained| explained.key.ends_with("_file"));
    let mut secrets: Vec<(String, String)> = named
        .filter_map(|explained| Some((explained.key.clone(), explained.value.as_ref()?.trim_matches('"').to_owned())))
        .collect();
    if let Some(file) = file
        && config.explain().iter().any(|explained| explained.value.as_deref() == Some("(hidden)"))
    {
        secrets.push(("the configuration".to_owned(), file.display().to_string()));
    }
    let kept = [
        "session.key",
        "paceline.db",
        "simulator/journal.token",
        "simulator/journal.state.ndjson",
        "simulator/journal.ndjson",
    ];
    secrets.extend(kept.map(|name| ("data_dir".to_owned(), config.data_dir.join(name).display().to_string())));
    for (key, path) in secrets {
        findings.extend(open_to_others(&key, Path::new(&path)));
    }
    findings
}

/// A secret that others than its owner can read. A folder that is closed keeps what is in it.
fn open_to_others(key: &str, path: &Path) -> Option<Finding> {
    let open =
        |path: &Path, bits: u32| std::fs::metadata(path).is_ok_and(|found| found.permissions().mode() & bits != 0);
    let reachable = path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || open(folder, 0o005));
    if !open(path, 0o004) || !reachable {
        return None;
    }
    let found = format!("{} ({key}) can be read by every user of this machine", path.display());
    Some(warning("secrets", found, "chmod 600, or keep it in a folder that is closed to others"))
}

fn warning(what: &'static str, found: String, cure: &str) -> Finding {
    Finding::of(what, Severity::Warning, found, Some(cure.to_owned()))
}
