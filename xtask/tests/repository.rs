//! The repository keeps its own rules.

use std::process::Command;

#[test]
fn the_repository_is_tidy() {
    let done = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .arg("tidy")
        .output()
        .unwrap();
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}
