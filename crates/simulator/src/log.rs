//! A file of lines that grows at its end, made durable in groups: one fsync covers every line that was appended while the
//! one before it ran, so that under load the group grows instead of the wait.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{self, BufRead, BufReader, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// A position in the file, in bytes: what ends before it was appended earlier.
pub(crate) type Position = u64;

/// The file cannot be written; what was appended may be lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the file cannot be written")]
pub(crate) struct Broken;

#[derive(Debug, Clone, Copy)]
enum Durable {
    UpTo(Position),
    Broken,
}

/// The end of the file, shared by everyone who appends.
pub(crate) struct DurableLog {
    path: PathBuf,
    tail: Mutex<Tail>,
    appended: Notify,
    durable: watch::Sender<Durable>,
}

struct Tail {
    waiting: Vec<u8>,
    end: Position,
}

/// A file that was opened and read, before anything is appended to it.
pub(crate) struct OpenLog {
    file: File,
    path: PathBuf,
    end: Position,
}

impl OpenLog {
    /// Opens or creates the file, takes it for this process alone, hands every line to `read`, and cuts off a last line
    /// that a crash left unfinished.
    pub(crate) fn open(path: &Path, mut read: impl FnMut(u64, &[u8]) -> io::Result<()>) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::Error(error) => error,
            TryLockError::WouldBlock => io::Error::new(io::ErrorKind::ResourceBusy, "in use by another process"),
        })?;
        let mut end = 0;
        let mut number = 0;
        let mut line = Vec::new();
        let mut reader = BufReader::with_capacity(1 << 16, &mut file);
        while reader.read_until(b'\n', &mut line)? > 0 && line.last() == Some(&b'\n') {
            number += 1;
            read(number, &line[..line.len() - 1])?;
            end += line.len() as u64;
            line.clear();
        }
        file.set_len(end)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Self { file, path: path.to_owned(), end })
    }

    /// The log, and the task that makes it durable until `stop` is cancelled and everything appended is written.
    pub(crate) fn start(self, stop: CancellationToken) -> (Arc<DurableLog>, tokio::task::JoinHandle<()>) {
        let log = Arc::new(DurableLog {
            path: self.path,
            tail: Mutex::new(Tail { waiting: Vec::new(), end: self.end }),
            appended: Notify::new(),
            durable: watch::Sender::new(Durable::UpTo(self.end)),
        });
        let task = tokio::spawn(flush_groups(log.clone(), self.file, stop));
        (log, task)
    }
}

impl DurableLog {
    /// Appends one line, which holds no line break; the position to wait for. Cheap: the line is copied to memory.
    pub(crate) fn append(&self, line: &impl serde::Serialize) -> Position {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let before = tail.waiting.len();
        serde_json::to_writer(&mut tail.waiting, line).expect("plain structs of strings and numbers always serialise");
        tail.waiting.push(b'\n');
        tail.end += (tail.waiting.len() - before) as u64;
        let end = tail.end;
        drop(tail);
        self.appended.notify_one();
        end
    }

    /// Returns once everything before `position` is durable.
    pub(crate) async fn wait(&self, position: Position) -> Result<(), Broken> {
        let mut durable = self.durable.subscribe();
        let reached = durable
            .wait_for(|durable| match durable {
                Durable::UpTo(end) => *end >= position,
                Durable::Broken => true,
            })
            .await;
        match reached.as_deref() {
            Ok(Durable::UpTo(_)) => Ok(()),
            Ok(Durable::Broken) | Err(_) => Err(Broken),
        }
    }

    /// How much of the file is durable, in bytes.
    pub(crate) fn durable_end(&self) -> Result<Position, Broken> {
        match *self.durable.borrow() {
            Durable::UpTo(end) => Ok(end),
            Durable::Broken => Err(Broken),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn swap_waiting(&self, empty: Vec<u8>) -> (Vec<u8>, Position) {
        let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::replace(&mut tail.waiting, empty), tail.end)
    }
}

async fn flush_groups(log: Arc<DurableLog>, file: File, stop: CancellationToken) {
    let file = Arc::new(file);
    let mut spare = Vec::new();
    loop {
        let (group, end) = log.swap_waiting(std::mem::take(&mut spare));
        if group.is_empty() {
            if stop.is_cancelled() {
                return;
            }
            spare = group;
            tokio::select! {
                () = log.appended.notified() => {}
                () = stop.cancelled() => {}
            }
            continue;
        }
        let target = file.clone();
        let written = tokio::task::spawn_blocking(move || write_group(&target, group)).await;
        match written {
            Ok(Ok(group)) => {
                spare = group;
                log.durable.send_replace(Durable::UpTo(end));
            }
            Ok(Err(error)) => return give_up(&log, &error),
            Err(error) => return give_up(&log, &error),
        }
    }
}

fn write_group(mut file: &File, mut group: Vec<u8>) -> io::Result<Vec<u8>> {
    file.write_all(&group)?;
    file.sync_data()?;
    // A burst must not keep its memory for ever.
    group.clear();
    group.shrink_to(1 << 20);
    Ok(group)
}

fn give_up(log: &DurableLog, error: &(dyn std::error::Error + 'static)) {
    let file = log.path.display();
    tracing::error!(error, file.path = %file, "the file cannot be written; nothing is acknowledged any more");
    log.durable.send_replace(Durable::Broken);
}

#[cfg(test)]
mod tests {
    use super::OpenLog;
    use tokio_util::sync::CancellationToken;

    #[tokio::test]
    async fn a_line_that_a_crash_left_unfinished_is_cut_off() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("log");
        std::fs::write(&path, b"1\n2\n{\"torn").expect("written");
        let mut lines = Vec::new();
        let open = OpenLog::open(&path, |_, line| {
            lines.push(line.to_vec());
            Ok(())
        })
        .expect("opened");
        assert_eq!(lines, [b"1", b"2"]);
        let (log, _task) = open.start(CancellationToken::new());
        log.wait(log.append(&3)).await.expect("durable");
        assert_eq!(std::fs::read(&path).expect("read"), b"1\n2\n3\n");
    }

    #[tokio::test]
    async fn nothing_is_durable_when_the_file_cannot_be_written() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("log");
        std::fs::write(&path, b"").expect("written");
        let read_only = std::fs::File::open(&path).expect("opened");
        let open = OpenLog { file: read_only, path, end: 0 };
        let (log, _task) = open.start(CancellationToken::new());
        assert_eq!(log.wait(log.append(&1)).await, Err(super::Broken));
        assert_eq!(log.durable_end(), Err(super::Broken));
    }

    #[tokio::test]
    async fn one_file_serves_one_log() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("log");
        let _first = OpenLog::open(&path, |_, _| Ok(())).expect("opened");
        let second = OpenLog::open(&path, |_, _| Ok(())).err().expect("refused");
        assert_eq!(second.kind(), std::io::ErrorKind::ResourceBusy);
    }
}
