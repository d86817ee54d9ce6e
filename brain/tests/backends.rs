//! Every backend computes the shipped model: the same suite on each.
#![allow(clippy::unwrap_used, reason = "a test may stop where it stands")]

use std::path::Path;

use brain::{Backend, BackendChoice, Fault, InferenceError, Policy};

fn shipped() -> Policy {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../robots/quadruped/policies/navigate");
    Policy::load(&folder).unwrap()
}

/// What every backend must do.
fn check(policy: &Policy, backend: &mut dyn Backend) {
    let mut first = [0.0; 16];
    let mut again = [0.0; 16];
    for vector in policy.golden() {
        backend.run(&vector.obs, &mut first).unwrap();
        for (found, expected) in first.iter().zip(&vector.chunk) {
            assert!((found - expected).abs() <= 1e-4, "{found} {expected}");
        }
        for _ in 0..100 {
            backend.run(&vector.obs, &mut again).unwrap();
            assert_eq!(first.map(f32::to_bits), again.map(f32::to_bits));
        }
    }
    let (short, mut small) = ([0.0; 3], [0.0; 2]);
    let input = &policy.golden()[0].obs;
    for refused in [backend.run(&short, &mut first), backend.run(input, &mut small)] {
        assert!(matches!(refused, Err(InferenceError::WrongLength { .. })), "{refused:?}");
    }
    backend.run(input, &mut first).unwrap();
}

#[test]
fn rten_computes_the_model_the_same_every_time() {
    let policy = shipped();
    let (mut backend, origin) = policy.open(BackendChoice::Rten).unwrap();
    assert_eq!((backend.name(), origin.as_str()), ("rten", "rten, as asked"));
    check(&policy, backend.as_mut());
    let mut other = policy.open(BackendChoice::Rten).unwrap().0;
    let (mut one, mut two) = ([0.0; 16], [0.0; 16]);
    for vector in policy.golden() {
        backend.run(&vector.obs, &mut one).unwrap();
        other.run(&vector.obs, &mut two).unwrap();
        assert_eq!(one.map(f32::to_bits), two.map(f32::to_bits), "another instance differs");
    }
}

#[test]
fn onnx_runtime_computes_the_model_where_its_library_is() {
    let policy = shipped();
    match policy.open(BackendChoice::OnnxRuntime) {
        Ok((mut backend, origin)) => {
            assert!(origin.starts_with("onnxruntime from "), "{origin}");
            check(&policy, backend.as_mut());
        }
        Err(error) => {
            assert_eq!(error.fault, Fault::Backend, "{error}");
            println!("skipped: {}", error.found);
        }
    }
}

#[test]
fn auto_always_finds_a_backend_and_says_which() {
    let policy = shipped();
    let (mut backend, origin) = policy.open(BackendChoice::Auto).unwrap();
    assert!(origin.starts_with(backend.name()), "{origin}");
    check(&policy, backend.as_mut());
}
