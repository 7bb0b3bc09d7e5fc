//! A PostgreSQL server of a test's own, which may be stopped and killed.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::world::Folder;

/// It ends with its owner.
pub struct Server {
    folder: Folder,
    url: String,
}

impl Server {
    pub fn start() -> Self {
        let folder = Folder::new();
        let url = script("start", folder.path());
        // Servers of tests confirm before they have written, which a kill would show.
        let url = format!("{}?options=-c%20synchronous_commit%3Don", url.trim());
        Self { folder, url }
    }

    /// The URL of its database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Nothing in it moves from here on.
    pub fn stop(&self) {
        let first = self.first_process();
        signal("STOP", &[first]);
        signal("STOP", &children(first));
    }

    /// Everything moves again.
    pub fn go_on(&self) {
        let first = self.first_process();
        signal("CONT", &children(first));
        signal("CONT", &[first]);
    }

    /// Kills all of it at once.
    pub fn kill(&self) {
        let first = self.first_process();
        let children = children(first);
        signal("KILL", &[first]);
        signal("KILL", &children);
    }

    /// Starts it again, where it was.
    pub fn again(&self) {
        script("again", self.folder.path());
    }

    fn first_process(&self) -> u32 {
        let file = self.folder.path().join("data/postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap();
        text.lines().next().unwrap().trim().parse().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A test that failed in the middle may have left it standing still.
        if self.folder.path().join("data/postmaster.pid").exists() {
            self.go_on();
        }
        run("stop", self.folder.path());
    }
}

/// The processes that this one has begun.
fn children(of: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").unwrap();
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers
        .filter(|pid: &u32| parent(*pid) == Some(of))
        .collect()
}

fn parent(pid: u32) -> Option<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    line.trim().parse().ok()
}

fn signal(name: &str, processes: &[u32]) {
    if !processes.is_empty() {
        let numbers = processes.iter().map(u32::to_string);
        let mut command = Command::new("kill");
        // One of them may have ended by itself meanwhile.
        _ = command.arg(format!("-{name}")).args(numbers).output();
    }
}

fn script(action: &str, folder: &Path) -> String {
    let output = run(action, folder);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "scripts/postgres {action}: {errors}"
    );
    String::from_utf8(output.stdout).unwrap()
}

fn run(action: &str, folder: &Path) -> std::process::Output {
    let script = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../scripts/postgres");
    let mut command = Command::new(script);
    // The server keeps what it inherits: nobody may wait for the end of that.
    command.arg(action).arg(folder).output().unwrap()
}
