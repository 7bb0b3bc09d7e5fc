//! The secret of a deployment, under which keys are hashed: given by the configuration, or made
//! at the first start and kept beside the database.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tollgate_core::secret::Secret;
use tollgate_engine::mint::Entropy;

const FILE: &str = "master.key";
const DRAFT: &str = "master.key.new";
const LENGTH: usize = 32;

/// What is taken for a key, as problems and documents say it.
pub(crate) const FORM: &str = "32 bytes, as 64 hexadecimal digits or as base64";

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MasterKeyError {
    /// The text is no key. It is not repeated, since it may be a secret all the same.
    #[error(
        "{place} is not usable: a master key is 32 bytes, as 64 hexadecimal characters or in \
         base64; `openssl rand -hex 32` makes one"
    )]
    Malformed {
        /// Where the text stands.
        place: String,
    },
    /// Others can read the file.
    #[error("{} can be read by others (mode {mode:03o}): chmod 600 {}", path.display(), path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The system refuses.
    #[error("cannot read or make {}: {source}", path.display())]
    System {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// The master key: the given one, or the one in the directory, which is made if there is none.
/// The caller owns the directory, so no other process makes one at the same time.
pub(crate) fn find(
    given: Option<&Secret>,
    directory: &Path,
) -> Result<[u8; LENGTH], MasterKeyError> {
    let entropy: Entropy = |bytes| getrandom::fill(bytes).map_err(io::Error::other);
    load(given.map(Secret::expose), directory, entropy)
}

/// The master key while the gateway runs: as above, but none is made.
pub(crate) fn find_again(
    given: Option<&Secret>,
    directory: &Path,
) -> Result<[u8; LENGTH], MasterKeyError> {
    let entropy: Entropy = |_| Err(io::Error::other("the file was there at the start"));
    load(given.map(Secret::expose), directory, entropy)
}

/// The master keys of before, in their order.
pub(crate) fn previous(given: &[Secret]) -> Result<Vec<[u8; LENGTH]>, MasterKeyError> {
    let place = || "[secrets] previous_master_keys".to_owned();
    let parsed = given.iter().map(|key| parse(key.expose()));
    parsed
        .map(|key| key.ok_or_else(|| MasterKeyError::Malformed { place: place() }))
        .collect()
}

/// Whether a given key has the form that is taken.
pub(crate) fn is_well_formed(given: &Secret) -> bool {
    parse(given.expose()).is_some()
}

fn load(
    given: Option<&str>,
    directory: &Path,
    entropy: Entropy,
) -> Result<[u8; LENGTH], MasterKeyError> {
    if let Some(text) = given {
        let place = "[secrets] master_key".to_owned();
        return parse(text).ok_or(MasterKeyError::Malformed { place });
    }
    let path = directory.join(FILE);
    match read(&path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(directory, entropy).map_err(|source| MasterKeyError::System { path, source })
        }
        Err(source) => Err(MasterKeyError::System { path, source }),
    }
}

fn read(path: &Path) -> io::Result<Result<[u8; LENGTH], MasterKeyError>> {
    let file = File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let path = path.to_owned();
        return Ok(Err(MasterKeyError::Open { path, mode }));
    }
    let mut text = String::new();
    // A key and a line end; a longer file is something else, and its rest does not matter.
    let place = path.display().to_string();
    let key = match file.take(256).read_to_string(&mut text) {
        Ok(_) => parse(&text),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
        Err(error) => return Err(error),
    };
    Ok(key.ok_or(MasterKeyError::Malformed { place }))
}

/// Makes a key so that a crash leaves either the whole file or none.
fn make(directory: &Path, entropy: Entropy) -> io::Result<[u8; LENGTH]> {
    let mut key = [0; LENGTH];
    entropy(&mut key)?;
    let draft = directory.join(DRAFT);
    // A draft that a crash left was never used.
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)?;
    for byte in key {
        write!(file, "{byte:02x}")?;
    }
    writeln!(file)?;
    file.sync_all()?;
    // Without this key every stored key is lost: a link never replaces a file that is there.
    fs::hard_link(&draft, directory.join(FILE))?;
    fs::remove_file(&draft)?;
    // So that the name survives a loss of power like the content.
    File::open(directory)?.sync_all()?;
    Ok(key)
}

fn parse(text: &str) -> Option<[u8; LENGTH]> {
    let text = text.trim();
    if text.len() == 2 * LENGTH {
        return hexadecimal(text.as_bytes());
    }
    base64(text.as_bytes())
}

fn hexadecimal(digits: &[u8]) -> Option<[u8; LENGTH]> {
    let mut key = [0; LENGTH];
    for (byte, pair) in key.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair.iter().try_fold(0, |value, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            u8::try_from(digit).ok().map(|digit| value << 4 | digit)
        })?;
    }
    Some(key)
}

/// Reads 32 bytes in base64 of either alphabet (RFC 4648 §4, §5), with its padding or without.
fn base64(digits: &[u8]) -> Option<[u8; LENGTH]> {
    let digits = digits.strip_suffix(b"=").unwrap_or(digits);
    if digits.len() != 43 {
        return None;
    }
    let mut key = [0; LENGTH];
    let mut bytes = key.iter_mut();
    let (mut waiting, mut bits) = (0_u32, 0);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            _ => return None,
        };
        waiting = waiting << 6 | u32::from(value);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            let [.., byte] = (waiting >> bits).to_be_bytes();
            *bytes.next()? = byte;
            waiting &= (1 << bits) - 1;
        }
    }
    // The bits that are left over say nothing and have to be zero.
    (waiting == 0).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_in(directory: &Path) -> Result<[u8; LENGTH], MasterKeyError> {
        load(None, directory, |bytes| {
            bytes.copy_from_slice(&std::array::from_fn::<u8, LENGTH, _>(|at| at as u8 * 7));
            Ok(())
        })
    }

    #[test]
    fn a_key_is_made_once_and_found_again() {
        let directory = tempfile::tempdir().unwrap();
        let made = load_in(directory.path()).unwrap();
        let found = load(None, directory.path(), |_| {
            Err(io::Error::other("not asked"))
        })
        .unwrap();
        assert_eq!(made, found);
        let files: Vec<_> = fs::read_dir(directory.path())
            .unwrap()
            .map(Result::unwrap)
            .collect();
        assert_eq!(files.len(), 1);
        assert_eq!(
            files[0].metadata().unwrap().permissions().mode() & 0o777,
            0o600
        );
    }

    #[test]
    fn a_draft_that_a_crash_left_does_no_harm() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(DRAFT), "00ff").unwrap();
        let made = load_in(directory.path()).unwrap();
        assert_eq!(load_in(directory.path()).unwrap(), made);
    }

    #[test]
    fn nothing_is_made_without_randomness() {
        let directory = tempfile::tempdir().unwrap();
        assert!(load(None, directory.path(), |_| Err(io::Error::other("none"))).is_err());
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        load_in(directory.path()).unwrap();
        let path = directory.path().join(FILE);
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let message = load_in(directory.path()).unwrap_err().to_string();
            assert!(
                message.contains("chmod 600 ") && message.contains("master.key"),
                "{message}"
            );
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(load_in(directory.path()).is_ok());
    }

    #[test]
    fn a_damaged_file_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        load_in(directory.path()).unwrap();
        let path = directory.path().join(FILE);
        for content in [&b""[..], b"0011", &[0xff; 64], &[b'0'; 300]] {
            fs::write(&path, content).unwrap();
            let error = load_in(directory.path()).unwrap_err();
            assert!(matches!(error, MasterKeyError::Malformed { .. }), "{error}");
            assert_eq!(fs::read(&path).unwrap(), content);
        }
    }

    #[test]
    fn a_given_key_is_read_in_both_forms() {
        let expected: [u8; LENGTH] = std::array::from_fn(|at| at as u8 + 0xe0);
        let nowhere = Path::new("/nonexistent");
        for text in [
            "e0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
            "E0E1E2E3E4E5E6E7E8E9EAEBECEDEEEFF0F1F2F3F4F5F6F7F8F9FAFBFCFDFEFF\n",
            "4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v8=",
            "4OHi4-Tl5ufo6err7O3u7_Dx8vP09fb3-Pn6-_z9_v8",
        ] {
            let read = load(Some(text), nowhere, |_| Ok(())).unwrap();
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn a_given_text_that_is_no_key_is_refused_and_not_repeated() {
        for text in [
            "",
            "correct horse battery staple of 32",
            "g0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
            "4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v9=",
            "4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v",
            "4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9 v8",
            "4OHi4+Tl5ufo6err7O3u7/Dx8vP09fb3+Pn6+/z9/v8==",
        ] {
            let error = load(Some(text), Path::new("."), |_| Ok(())).unwrap_err();
            let message = error.to_string();
            assert!(message.contains("[secrets] master_key"), "{message}");
            assert!(text.is_empty() || !message.contains(text), "{message}");
        }
    }
}
