//! Writes into the image which commit it was built from.

use std::process::Command;

fn main() {
    let output = Command::new("git").args(["rev-parse", "--short=8", "HEAD"]).output();
    let commit = output.ok().filter(|output| output.status.success());
    let commit = commit.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    println!("cargo:rustc-env=BOARD_COMMIT={}", commit.unwrap_or_default());
    // Grows with each commit.
    println!("cargo:rerun-if-changed=../../../.git/logs/HEAD");
}
