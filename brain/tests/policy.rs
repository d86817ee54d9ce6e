//! A policy folder is read strictly: whatever is wrong with it is refused by name.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::fs;
use std::path::{Path, PathBuf};

use brain::{BackendChoice, Fault, Navigator, Policy, PolicyError};
use sha2::{Digest, Sha256};

/// The policy this repository ships.
fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../robots/quadruped/policies/navigate")
}

/// A copy of the shipped policy, to be spoilt.
fn copy(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::create_dir_all(&folder).unwrap();
    for file in ["policy.toml", "navigate.onnx", "golden.json"] {
        fs::copy(shipped().join(file), folder.join(file)).unwrap();
    }
    folder
}

/// Replaces `old` by `new` in a text file; `old` must be there.
fn edit(file: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(old), "{old} is not in {}", file.display());
    fs::write(file, text.replace(old, new)).unwrap();
}

/// Writes another model and tells the card its hash.
fn replace_model(folder: &Path, model: &[u8]) {
    let card = folder.join("policy.toml");
    let hash = |bytes: &[u8]| -> String {
        Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let old = fs::read(folder.join("navigate.onnx")).unwrap();
    edit(&card, &hash(&old), &hash(model));
    fs::write(folder.join("navigate.onnx"), model).unwrap();
}

/// Loads on rten, expects a refusal.
fn refusal(folder: &Path) -> PolicyError {
    Navigator::load(folder, BackendChoice::Rten).err().unwrap()
}

#[test]
fn the_shipped_policy_is_sound() {
    let policy = Policy::load(&shipped()).unwrap();
    assert_eq!(policy.card().name, "navigate");
    assert!(policy.golden().len() >= 8);
    assert_ne!(policy.hash(), signals::ModelHash::default());
}

/// Clauses: C1.
#[test]
fn a_card_with_a_fault_is_refused_by_key() {
    for (name, old, new, fault, key) in [
        ("unknown-key", "[plan]", "[plan]\nspeed = 3", Fault::Syntax, "speed = 3"),
        ("unknown-table", "[golden]", "[extra]\n[golden]", Fault::Syntax, "extra"),
        ("missing-key", "replan_hz = 10.0", "", Fault::Syntax, "[plan]"),
        ("no-toml", "[plan]", "[plan", Fault::Syntax, "line"),
        ("nan", "lidar_range_m = 6.0", "lidar_range_m = nan", Fault::Value, "lidar_range_m"),
        ("zero-step", "step_s = 0.1", "step_s = 0.0", Fault::Value, "plan.step_s"),
        ("many-steps", "steps = 8", "steps = 99", Fault::Value, "plan.steps"),
        ("beams", "lidar_beams = 64", "lidar_beams = 32", Fault::Value, "lidar_beams"),
        ("input-shape", "shape = [1, 69]", "shape = [1, 70]", Fault::Value, "input.shape"),
        ("output-shape", "shape = [1, 8, 2]", "shape = [8, 2]", Fault::Value, "output.shape"),
        ("reversed", "yaw_rate_max_rad_s = 1.0", "yaw_rate_max_rad_s = -2.0", Fault::Value, "yaw"),
        ("outside", "\"navigate.onnx\"", "\"../navigate.onnx\"", Fault::Value, "model.file"),
        ("absent-model", "\"navigate.onnx\"", "\"other.onnx\"", Fault::File, "file"),
        ("other-input", "name = \"obs\"", "name = \"observation\"", Fault::Shape, "input"),
    ] {
        let folder = copy(name);
        edit(&folder.join("policy.toml"), old, new);
        let error = refusal(&folder);
        assert_eq!(error.fault, fault, "{name}: {error}");
        assert!(error.key.contains(key), "{name}: {error}");
        assert!(!error.fix.is_empty() && error.to_string().contains("expected"), "{name}: {error}");
    }
}

#[test]
fn a_missing_folder_or_file_is_named() {
    let nowhere = refusal(Path::new("/nowhere"));
    assert_eq!(nowhere.fault, Fault::File);
    assert!(nowhere.to_string().contains("/nowhere/policy.toml"), "{nowhere}");
    let folder = copy("absent-golden");
    fs::remove_file(folder.join("golden.json")).unwrap();
    let error = refusal(&folder);
    assert_eq!(error.fault, Fault::File);
    assert!(error.to_string().contains("golden.json"), "{error}");
}

/// Clauses: A2, U1.
#[test]
fn a_changed_model_is_refused_by_its_hash() {
    let folder = copy("changed-model");
    let model = folder.join("navigate.onnx");
    let mut bytes = fs::read(&model).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&model, bytes).unwrap();
    let error = refusal(&folder);
    assert_eq!(error.fault, Fault::Hash);
    assert_eq!(error.found.len(), 64);
}

/// Clauses: C1.
#[test]
fn a_broken_model_is_refused_by_every_backend() {
    let folder = copy("broken-model");
    let whole = fs::read(folder.join("navigate.onnx")).unwrap();
    replace_model(&folder, &whole[..whole.len() / 2]);
    assert_eq!(refusal(&folder).fault, Fault::Model);
    let auto = Navigator::load(&folder, BackendChoice::Auto).err().unwrap();
    assert_eq!(auto.fault, Fault::Model);
}

#[test]
fn a_model_of_another_shape_is_refused_by_every_backend() {
    let folder = copy("other-shape");
    let card = folder.join("policy.toml");
    edit(&card, "shape = [1, 8, 2]", "shape = [1, 4, 2]");
    edit(&card, "steps = 8", "steps = 4");
    let golden = folder.join("golden.json");
    let mut vectors: serde_json::Value =
        serde_json::from_slice(&fs::read(&golden).unwrap()).unwrap();
    for vector in vectors.as_array_mut().unwrap() {
        vector["chunk"].as_array_mut().unwrap().truncate(8);
    }
    fs::write(&golden, vectors.to_string()).unwrap();
    for choice in [BackendChoice::Rten, BackendChoice::Auto] {
        let error = Navigator::load(&folder, choice).err().unwrap();
        assert_eq!(error.fault, Fault::Shape, "{error}");
        assert_eq!(&*error.found, "chunk float32 [1, 8, 2]");
    }
}

#[test]
fn golden_vectors_that_do_not_fit_are_refused() {
    let folder = copy("golden-mismatch");
    let golden = folder.join("golden.json");
    let mut vectors: serde_json::Value =
        serde_json::from_slice(&fs::read(&golden).unwrap()).unwrap();
    let right = vectors[3]["chunk"][5].as_f64().unwrap();
    vectors[3]["chunk"][5] = (right + 0.001).into();
    fs::write(&golden, vectors.to_string()).unwrap();
    let error = refusal(&folder);
    assert_eq!(error.fault, Fault::Golden);
    assert_eq!(&*error.key, "[3].chunk[5] on rten");

    for (name, text, fault) in [
        ("golden-empty", "[]", Fault::Value),
        ("golden-short", r#"[{"obs": [1.0], "chunk": [1.0]}]"#, Fault::Shape),
        ("golden-key", r#"[{"obs": [], "chunk": [], "more": 1}]"#, Fault::Syntax),
        ("golden-text", "nonsense", Fault::Syntax),
    ] {
        let folder = copy(name);
        fs::write(folder.join("golden.json"), text).unwrap();
        assert_eq!(refusal(&folder).fault, fault, "{name}");
    }
}
