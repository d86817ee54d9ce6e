//! What cargo knows of the project: members, dependencies and licences.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// One package of the resolved graph.
#[derive(Clone, Debug)]
pub struct Package {
    /// Name in its manifest.
    pub name: String,
    /// Version in its manifest.
    pub version: String,
    /// SPDX expression; empty when the manifest has none.
    pub license: String,
    /// Rust edition.
    pub edition: String,
    /// Its manifest.
    pub manifest: String,
    /// Member of the workspace, that is: ours.
    pub ours: bool,
}

/// What a dependency is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// The library or binary itself.
    Build,
    /// Only its tests, examples and benches.
    Test,
}

/// The resolved dependency graph for one platform.
#[derive(Debug)]
pub struct Graph {
    packages: BTreeMap<String, Package>,
    /// From package id to the ids it uses.
    uses: BTreeMap<String, BTreeSet<(String, Need)>>,
}

impl Graph {
    /// Asks cargo for the graph of this workspace, as built for this machine.
    ///
    /// # Errors
    /// When cargo cannot be run or answers something else than metadata.
    pub fn of_this_workspace() -> io::Result<Self> {
        let manifest = crate::root().join("Cargo.toml");
        let meta = ask_cargo(&manifest, &["--filter-platform", &host()?])?;
        Ok(Self::read(&meta))
    }

    fn read(meta: &Value) -> Self {
        let members: BTreeSet<&str> = list(&meta["workspace_members"]).map(text).collect();
        let packages = list(&meta["packages"])
            .map(|package| {
                let id = text(&package["id"]);
                let package = Package {
                    name: text(&package["name"]).into(),
                    version: text(&package["version"]).into(),
                    license: text(&package["license"]).into(),
                    edition: text(&package["edition"]).into(),
                    manifest: text(&package["manifest_path"]).into(),
                    ours: members.contains(id),
                };
                (id.to_owned(), package)
            })
            .collect();
        let uses = list(&meta["resolve"]["nodes"])
            .map(|node| {
                let used = list(&node["deps"]).flat_map(|dep| {
                    let id = text(&dep["pkg"]);
                    list(&dep["dep_kinds"]).map(|kind| (id.to_owned(), need(&kind["kind"])))
                });
                (text(&node["id"]).to_owned(), used.collect())
            })
            .collect();
        Self { packages, uses }
    }

    /// Our own packages.
    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().filter(|package| package.ours)
    }

    /// What `package` uses directly.
    pub fn direct(&self, package: &str) -> impl Iterator<Item = (&Package, Need)> {
        let id = self.packages.iter().find(|(_, p)| p.ours && p.name == package).map(|(id, _)| id);
        let used = id.and_then(|id| self.uses.get(id)).into_iter().flatten();
        used.filter_map(|(id, need)| Some((self.packages.get(id)?, *need)))
    }

    /// All that a build of `package` contains, itself included.
    #[must_use]
    pub fn closure(&self, package: &str) -> Vec<&Package> {
        let mut found = BTreeSet::new();
        let start = self.packages.iter().find(|(_, p)| p.ours && p.name == package);
        let mut open: Vec<&String> = start.map(|(id, _)| id).into_iter().collect();
        while let Some(id) = open.pop() {
            if found.insert(id) {
                let used = self.uses.get(id).into_iter().flatten();
                open.extend(used.filter(|(_, need)| *need == Need::Build).map(|(id, _)| id));
            }
        }
        found.into_iter().filter_map(|id| self.packages.get(id)).collect()
    }
}

/// The path dependencies of the packages under `manifest` that lead out of its folder: pairs of
/// package and dependency. For workspaces of their own, whose other dependencies may not be
/// downloaded.
///
/// # Errors
/// When cargo cannot be run or answers something else than metadata.
pub fn dependencies_outside(manifest: &Path) -> io::Result<Vec<(String, String)>> {
    let folder = manifest.parent().unwrap_or(manifest);
    let meta = ask_cargo(manifest, &["--no-deps"])?;
    let mut outside = Vec::new();
    for package in list(&meta["packages"]) {
        for dependency in list(&package["dependencies"]) {
            if let Some(path) =
                dependency["path"].as_str().filter(|p| !p.starts_with(&*folder.to_string_lossy()))
            {
                let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy();
                outside.push((text(&package["name"]).to_owned(), name.into_owned()));
            }
        }
    }
    Ok(outside)
}

/// May a package under `expression` be linked, if `allowed` says so of single SPDX identifiers?
/// Reads `A OR B`, `(A OR B) AND C` and the old `A/B`; of what it reads wrongly it demands too
/// much, never too little.
#[must_use]
pub fn license_permits(expression: &str, allowed: impl Fn(&str) -> bool) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    expression.split(" AND ").all(|clause| clause.split(" OR ").any(|id| allowed(id.trim())))
}

fn ask_cargo(manifest: &Path, options: &[&str]) -> io::Result<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(manifest)
        .args(options)
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The target triple of this machine.
fn host() -> io::Result<String> {
    let output = Command::new("rustc").arg("-vV").output()?;
    let version = String::from_utf8_lossy(&output.stdout);
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| io::Error::other("rustc -vV names no host"))
}

fn need(kind: &Value) -> Need {
    if kind.as_str() == Some("dev") { Need::Test } else { Need::Build }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licence_expressions() {
        let permits = |expression| license_permits(expression, |id| ["MIT", "ISC"].contains(&id));
        assert!(permits("MIT") && permits("GPL-3.0 OR MIT") && permits("Apache-2.0/MIT"));
        assert!(permits("(MIT OR GPL-3.0) AND ISC"));
        assert!(!permits("MIT AND GPL-3.0") && !permits("(MIT OR ISC) AND GPL-3.0"));
        assert!(!permits("") && !permits("GPL-3.0"));
    }
}
