//! The token of the calls: made at the first start, and kept beside the journal for who runs on the same machine as the same user.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where it is kept.
pub(crate) fn path(journal: &Path) -> PathBuf {
    journal.with_extension("token")
}

/// The token that was named, or the one of before, or a new one; in the file, which is closed to others, either way.
pub(crate) fn of(named: Option<&str>, path: &Path) -> io::Result<Arc<str>> {
    let kept = std::fs::read_to_string(path).ok().filter(|kept| kept.len() >= 16);
    let token = match (named, kept) {
        (Some(token), _) => token.to_owned(),
        (None, Some(kept)) => kept,
        (None, None) => fresh()?,
    };
    // A file of before may be open to others: it is replaced, not written over.
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
    file.write_all(token.as_bytes())?;
    Ok(token.into())
}

fn fresh() -> io::Result<String> {
    let mut bytes = [0_u8; 24];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(base64::Engine::encode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, bytes))
}
