//! The configuration as a whole: one row per kind of problem, and what may never happen.

mod example;
mod good;
mod models;
mod problems;
mod property;
mod routing;
mod secrets;
mod tenants;

use std::path::{Path, PathBuf};

use super::source::{Source, read};
use super::{Config, Environment, Overrides, Problems};

/// A folder for the files of one test, removed with its contents at the end.
pub(super) struct Folder(PathBuf);

impl std::ops::Deref for Folder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left behind in the folder for temporary files does no harm.
        _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(super) fn directory(test: &str) -> Folder {
    let name = format!("tollgate-config-{test}-{}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&directory).unwrap();
    Folder(directory)
}

/// The key file of a service account, with a key that was made now.
fn service_account() -> String {
    let kind = &rcgen::PKCS_RSA_SHA256;
    let key = rcgen::KeyPair::generate_rsa_for(kind, rcgen::RsaKeySize::_2048).unwrap();
    serde_json::json!({
        "type": "service_account",
        "project_id": "p-of-account",
        "private_key": key.serialize_pem(),
        "client_email": "app@p-of-account.iam.gserviceaccount.com",
    })
    .to_string()
}

/// Reads a text as if it stood in `t.toml` of this folder.
fn load_in(directory: &Path, text: &str, variables: &[(&str, &str)]) -> Result<Config, Problems> {
    let source = Source {
        file: Some(directory.join("t.toml")),
        text: text.to_owned(),
        readable_by_others: false,
    };
    read(
        &source,
        &Environment::new(variables.iter().copied()),
        &Overrides::default(),
    )
}

/// Reads a text as if it stood in `t.toml`.
fn load(text: &str, variables: &[(&str, &str)]) -> Result<Config, Problems> {
    load_in(Path::new(""), text, variables)
}
