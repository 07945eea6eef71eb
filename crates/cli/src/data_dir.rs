//! The folder of an embedded installation: the database, the session key, the simulated network's files, and the lock that
//! keeps a second process out.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

/// The folder, locked for as long as this lives.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    /// The lock goes with the file; the operating system drops it when the process dies, however it dies.
    _lock: File,
}

impl DataDir {
    /// Makes the folder where needed and locks it.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path).with_context(|| format!("cannot make the data folder {}", path.display()))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&lock_path)
            .with_context(|| format!("cannot open {}", lock_path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!("another paceline process is using {}; stop it first, or choose another folder", path.display())
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock {}", lock_path.display()))
            }
        }
    }

    /// The database file.
    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("paceline.db")
    }

    /// The folder of an in-process simulated network.
    pub(crate) fn simulator(&self) -> PathBuf {
        self.path.join("simulator")
    }

    /// The key that seals sessions, made on first use. It lives beside the database on purpose: an embedded installation
    /// has no other place; configure `sessions.master_key_file` to keep it elsewhere.
    pub(crate) fn session_key(&self, fresh: [u8; 32]) -> anyhow::Result<[u8; 32]> {
        let path = self.path.join("session.key");
        let create = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path);
        match create {
            Ok(mut file) => {
                file.write_all(&fresh)
                    .and_then(|()| file.sync_all())
                    .with_context(|| format!("cannot write {}", path.display()))?;
                Ok(fresh)
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => read_key(&path),
            Err(error) => Err(error).with_context(|| format!("cannot make {}", path.display())),
        }
    }
}

fn read_key(path: &Path) -> anyhow::Result<[u8; 32]> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|mut file| file.read_to_end(&mut bytes))
        .with_context(|| format!("cannot read {}", path.display()))?;
    bytes.try_into().map_err(|_| {
        anyhow::anyhow!("{} does not hold a session key of 32 bytes; restore it from a backup, or remove it and pair the senders again", path.display())
    })
}
