//! Sees to it that one process at a time works with a data directory.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process;

use crate::control;

const LOCK: &str = "owner.lock";

/// The right to work with a data directory. It lasts until this is dropped, or until the process
/// ends in whatever way: the lock is the operating system's.
#[derive(Debug)]
pub struct Owner {
    /// Open as long as the lock is held; closing it lets go.
    _lock: File,
    directory: PathBuf,
}

/// Why a data directory could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// Another process works with it.
    #[error(
        "another Tollgate process{} works with {}: stop it, or give this one a database of its \
         own with [database] url",
        pid.map(|pid| format!(" (pid {pid})")).unwrap_or_default(),
        directory.display()
    )]
    Held {
        /// The directory.
        directory: PathBuf,
        /// The other process, if it left its number.
        pid: Option<u32>,
    },
    /// The system refuses.
    #[error("cannot take the data directory {}: {source}", directory.display())]
    System {
        /// The directory.
        directory: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl Owner {
    /// Takes a data directory, which is made if it is not there, for the eyes of this user only.
    /// Does not wait: fails with [`OwnerError::Held`] while another process has it.
    pub fn take(directory: &Path) -> Result<Self, OwnerError> {
        let failed = |source| OwnerError::System {
            directory: directory.to_owned(),
            source,
        };
        let directory_or_dot = if directory.as_os_str().is_empty() {
            Path::new(".")
        } else {
            directory
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory_or_dot)
            .map_err(failed)?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(directory_or_dot.join(LOCK))
            .map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let directory = directory_or_dot.to_owned();
                return Err(OwnerError::Held {
                    directory,
                    pid: written_pid(&mut lock),
                });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        // The number is for people who wonder; the lock does not depend on it.
        lock.set_len(0)
            .and_then(|()| write!(lock, "{}", process::id()))
            .map_err(failed)?;
        let owner = Self {
            _lock: lock,
            directory: directory_or_dot.to_owned(),
        };
        // What a process that was killed left behind leads nowhere.
        control::remove(&owner.directory).map_err(failed)?;
        Ok(owner)
    }

    /// Whether a process has ever taken this directory.
    pub fn was_here(directory: &Path) -> bool {
        directory.join(LOCK).exists()
    }

    /// The data directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        // Before the lock goes, so that nobody reads the address of a process that is gone. If
        // it fails, the next owner removes it, and until then readers see that nobody answers.
        control::remove(&self.directory).ok();
    }
}

fn written_pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_directory_has_one_owner_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let directory = parent.path().join("made/below");
        let owner = Owner::take(&directory).unwrap();
        match Owner::take(&directory) {
            Err(OwnerError::Held { pid, .. }) => assert_eq!(pid, Some(process::id())),
            other => panic!("{other:?}"),
        }
        drop(owner);
        drop(Owner::take(&directory).unwrap());
        let mode = directory.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn the_message_names_the_other_process_and_the_way_out() {
        let directory = tempfile::tempdir().unwrap();
        let _owner = Owner::take(directory.path()).unwrap();
        let message = Owner::take(directory.path()).unwrap_err().to_string();
        assert!(
            message.contains(&format!("(pid {})", process::id())),
            "{message}"
        );
        assert!(message.contains("[database] url"), "{message}");
    }

    #[test]
    fn what_is_no_directory_cannot_be_taken() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(matches!(Owner::take(&file), Err(OwnerError::System { .. })));
    }
}
