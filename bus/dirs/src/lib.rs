//! Stands in for the crate `dirs`, which brings a licence that is not permissive. What reads paths
//! for zenoh asks for the home folder only.
#![forbid(unsafe_code)]

use std::path::PathBuf;

/// The home folder of the user who runs the process.
#[must_use]
pub fn home_dir() -> Option<PathBuf> {
    std::env::home_dir()
}
