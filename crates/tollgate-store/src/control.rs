//! Tells commands on the same machine how to reach the process that works with a data directory.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tollgate_core::secret::Secret;

use crate::owner::Owner;

const FILE: &str = "running.json";
const DRAFT: &str = "running.json.new";
/// The file is a line; whatever is longer is something else.
const LONGEST: u64 = 4096;

/// How to reach the running process.
pub struct Control {
    /// Where it listens. The address may be the one that stands for all addresses.
    pub address: SocketAddr,
    /// Its number.
    pub pid: u32,
    /// What it accepts in place of the admin key until it ends.
    pub token: Secret,
}

/// Why the file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The system refuses.
    #[error("cannot read {}: {source}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It holds something else.
    #[error("{} is not what a running gateway writes", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

impl Control {
    /// Writes the file at once and for the eyes of this user only. It is removed when the owner
    /// is dropped.
    pub fn write(&self, owner: &Owner) -> io::Result<()> {
        let draft = owner.directory().join(DRAFT);
        remove_file(&draft)?;
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)?;
        let content = json!({
            "address": self.address.to_string(),
            "pid": self.pid,
            "token": self.token.expose(),
        });
        writeln!(file, "{content}")?;
        fs::rename(&draft, owner.directory().join(FILE))
    }

    /// Reads the file; `None` if there is none. It says something only while another process is
    /// the owner of the directory.
    pub fn read(directory: &Path) -> Result<Option<Self>, ControlError> {
        let path = directory.join(FILE);
        match fs::metadata(&path).map(|facts| facts.len()) {
            Ok(0..=LONGEST) => {}
            Ok(_) => return Err(ControlError::Malformed { path }),
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ControlError::System { path, source }),
        }
        let content = match fs::read(&path) {
            Ok(content) => content,
            // The owner has gone since the line above.
            Err(source) if source.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ControlError::System { path, source }),
        };
        parse(&content)
            .map(Some)
            .ok_or(ControlError::Malformed { path })
    }
}

impl fmt::Debug for Control {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Control({}, pid {})", self.address, self.pid)
    }
}

fn parse(content: &[u8]) -> Option<Control> {
    let content: Value = serde_json::from_slice(content).ok()?;
    Some(Control {
        address: content.get("address")?.as_str()?.parse().ok()?,
        pid: content.get("pid")?.as_u64()?.try_into().ok()?,
        token: Secret::new(content.get("token")?.as_str()?),
    })
}

/// Removes the file of this directory, if there is one.
pub(crate) fn remove(directory: &Path) -> io::Result<()> {
    remove_file(&directory.join(FILE))
}

fn remove_file(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn control() -> Control {
        Control {
            address: "127.0.0.1:4000".parse().unwrap(),
            pid: 7,
            token: Secret::new("token-1"),
        }
    }

    #[test]
    fn what_is_written_is_read_until_the_owner_goes() {
        let directory = tempfile::tempdir().unwrap();
        let owner = Owner::take(directory.path()).unwrap();
        assert!(Control::read(directory.path()).unwrap().is_none());
        control().write(&owner).unwrap();
        control().write(&owner).unwrap();
        let read = Control::read(directory.path()).unwrap().unwrap();
        assert_eq!((read.address, read.pid), (control().address, 7));
        assert_eq!(read.token.expose(), "token-1");
        let mode = directory
            .path()
            .join(FILE)
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(owner);
        assert!(Control::read(directory.path()).unwrap().is_none());
    }

    #[test]
    fn a_new_owner_removes_what_a_killed_one_left() {
        let directory = tempfile::tempdir().unwrap();
        control()
            .write(&Owner::take(directory.path()).unwrap())
            .unwrap();
        fs::write(directory.path().join(FILE), "left behind").unwrap();
        let _owner = Owner::take(directory.path()).unwrap();
        assert!(Control::read(directory.path()).unwrap().is_none());
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let long = "x".repeat(5000);
        for content in [
            "",
            "{}",
            "[1]",
            r#"{"address":"here","pid":1,"token":"t"}"#,
            &long,
        ] {
            fs::write(directory.path().join(FILE), content).unwrap();
            let read = Control::read(directory.path());
            assert!(
                matches!(read, Err(ControlError::Malformed { .. })),
                "{content}"
            );
        }
    }
}
