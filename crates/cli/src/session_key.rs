//! The key that seals sessions, for an installation that configures none: made at the first start, and kept in `data_dir`.
//!
//! It lives beside the database of an embedded installation on purpose, which has no other place. Workers on several machines
//! need one key among them: `sessions.master_key_file`.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use anyhow::{Context as _, bail};

use crate::data_dir;

/// The key of this folder. Several processes may ask at once: the first one's `fresh` key is everyone's.
pub(crate) fn find_or_make(folder: &Path, fresh: [u8; 32]) -> anyhow::Result<[u8; 32]> {
    let path = folder.join("session.key");
    if !path.exists() {
        make(folder, &path, fresh)?;
    }
    let key = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let Ok(key) = key.try_into() else {
        bail!(
            "{} does not hold 32 bytes; restore it from a backup, or delete it and pair every sender again",
            path.display()
        );
    };
    Ok(key)
}

/// Written whole under another name first, so that nobody ever reads half a key.
fn make(folder: &Path, path: &Path, fresh: [u8; 32]) -> anyhow::Result<()> {
    data_dir::make_private(folder).with_context(|| format!("cannot make the data folder {}", folder.display()))?;
    let draft = folder.join(format!("session.key.{}", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&draft)?;
        file.write_all(&fresh)?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", draft.display()))?;
    // A link, unlike a renaming, leaves the key of whoever was faster alone.
    let linked = fs::hard_link(&draft, path);
    let _ = fs::remove_file(&draft);
    match linked {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot make {}", path.display()))
        }
        _ => Ok(()),
    }
}
