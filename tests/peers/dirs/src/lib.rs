//! Where a person's files are. Stands in for the crate of this name, which brings a licence that is
//! not permissive (option-ext, MPL); as `bus/dirs`, with what dora calls besides.

use std::env;
use std::path::PathBuf;

/// The home folder.
pub fn home_dir() -> Option<PathBuf> {
    env::home_dir().filter(|home| !home.as_os_str().is_empty())
}

/// The folder for settings: `$XDG_CONFIG_HOME`, or `.config` at home.
pub fn config_dir() -> Option<PathBuf> {
    let named = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    named.filter(|folder| folder.is_absolute()).or_else(|| Some(home_dir()?.join(".config")))
}
