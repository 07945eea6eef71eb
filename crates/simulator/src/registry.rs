//! Who is paired and who is barred: the state file's lines. The last line of a number counts.

use std::{collections::BTreeMap, io, path::Path};

use chrono::{DateTime, Utc};
use paceline_domain::PhoneNumber;
use serde::{Deserialize, Serialize};

use crate::log::OpenLog;

/// What is kept of a number. Without `Debug`: the credentials must not reach a log line.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Registration {
    pub(crate) phone: PhoneNumber,
    /// How often it was paired: each pairing yields other credentials.
    pub(crate) pairings: u32,
    /// What a session is resumed by; absent when logged out.
    pub(crate) credentials: Option<String>,
    /// Whether WhatsApp bars it.
    pub(crate) bar: Option<Bar>,
}

/// A ban.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bar {
    /// When it ends, in campaign time; never when absent.
    pub(crate) until: Option<DateTime<Utc>>,
}

impl Bar {
    pub(crate) fn holds(self, now: DateTime<Utc>) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// Reads the state file and makes it as short as its numbers allow.
pub(crate) fn open_registry(path: &Path) -> io::Result<(OpenLog, Vec<Registration>)> {
    let mut lines = 0;
    let mut latest = BTreeMap::new();
    let log = OpenLog::open(path, |number, line| {
        lines += 1;
        let registration: Registration = serde_json::from_slice(line).map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidData, format!("line {number} is not a registration: {error}"))
        })?;
        latest.insert(registration.phone.clone(), registration);
        Ok(())
    })?;
    if lines <= latest.len() * 2 {
        return Ok((log, latest.into_values().collect()));
    }
    drop(log);
    rewrite(path, latest.values())?;
    Ok((OpenLog::open(path, |_, _| Ok(()))?, latest.into_values().collect()))
}

fn rewrite<'a>(path: &Path, registrations: impl Iterator<Item = &'a Registration>) -> io::Result<()> {
    let mut text = Vec::new();
    for registration in registrations {
        serde_json::to_writer(&mut text, registration)?;
        text.push(b'\n');
    }
    let draft = path.with_extension("draft");
    let mut file = std::fs::File::create(&draft)?;
    io::Write::write_all(&mut file, &text)?;
    file.sync_all()?;
    std::fs::rename(draft, path)
}
