//! Reads the profiles. Kinds were checked leaf by leaf; here, that nothing is missing and that the numbers make sense.

use std::collections::{BTreeMap, BTreeSet};

use paceline_pacing::{Profile, Profiles};

use crate::{
    Problem,
    keys::{PROFILE_KEYS, PROFILES},
    reader::Reader,
};

impl Reader<'_> {
    /// Every profile, those of the defaults included.
    pub(crate) fn profiles(&mut self) -> Option<Profiles> {
        let mut profiles = BTreeMap::new();
        let mut whole = true;
        for name in self.profile_names() {
            let found = if self.lacks_a_key(&name) { None } else { self.profile(&name) };
            whole &= found.is_some();
            // In place of one that was refused stands a lawful one, so that its absence is not a problem of its own.
            profiles.insert(name, found.unwrap_or_else(Profile::gentle));
        }
        match Profiles::new(profiles) {
            Ok(profiles) if whole => Some(profiles),
            Ok(_) => None,
            Err(errors) => {
                for error in errors {
                    self.refuse(&key(&error.profile, error.key), error.problem, "");
                }
                None
            }
        }
    }

    fn profile_names(&self) -> BTreeSet<String> {
        let keys = self.merged().keys();
        let below = keys.filter_map(|key| key.strip_prefix(PROFILES)?.strip_prefix('.')?.split_once('.'));
        below.map(|(name, _)| name.to_owned()).collect()
    }

    /// Notes each key that a profile needs and does not have: `version` and `per_second`, and the whole of a table of
    /// which a part is there.
    fn lacks_a_key(&mut self, name: &str) -> bool {
        let has = |wanted: &str| self.merged().find(&key(name, wanted)).is_some();
        let needed = |wanted: &str| match wanted.split_once('.') {
            Some((table, _)) => has(table),
            None => wanted != "daily_cap",
        };
        let lacking: Vec<_> =
            PROFILE_KEYS.iter().map(|(wanted, _)| *wanted).filter(|wanted| needed(wanted) && !has(wanted)).collect();
        for wanted in &lacking {
            self.add(Problem {
                key: key(name, wanted),
                source: None,
                what: "is missing".to_owned(),
                cure: "a profile needs version and per_second, and the whole of gap and of typing where it has them"
                    .to_owned(),
            });
        }
        !lacking.is_empty()
    }

    fn profile(&mut self, name: &str) -> Option<Profile> {
        let found = self.merged().find(&format!("{PROFILES}.{name}"))?;
        // What is left to go wrong is a number that does not fit.
        found
            .deserialize()
            .map_err(|error: figment::Error| {
                let at = key(name, &error.path.join("."));
                self.refuse(at.trim_end_matches('.'), error.kind.to_string(), "");
            })
            .ok()
    }
}

fn key(profile: &str, key: &str) -> String {
    format!("{PROFILES}.{profile}.{key}")
}
