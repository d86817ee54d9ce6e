//! Arms that nobody here made.

use std::path::PathBuf;

use model::{Base, RobotModel};

/// A third-party model; none, said on the terminal, where the fixtures are absent.
fn arm(file: &str) -> Option<RobotModel> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/fixtures");
    let folder = std::env::var_os("TRIUNE_FIXTURES").map_or_else(|| beside.into(), PathBuf::from);
    let path = folder.join("models").join(file);
    if !path.exists() {
        eprintln!("skipped: no {}; set TRIUNE_FIXTURES", path.display());
        return None;
    }
    Some(RobotModel::load(&path, Base::Fixed).unwrap())
}

pub(crate) fn panda() -> Option<RobotModel> {
    arm("franka_emika_panda/panda_nohand.nomesh.xml")
}

pub(crate) fn ur5e() -> Option<RobotModel> {
    arm("universal_robots_ur5e/ur5e.nomesh.xml")
}
