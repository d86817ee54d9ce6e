//! Golden vectors: the proof that the backend in use computes what the model's author computed.

use std::path::Path;

use serde::Deserialize;

use crate::{Backend, Fault, PolicyCard, PolicyError};

/// An input with the output that belongs to it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenVector {
    /// What the model is given.
    pub obs: Vec<f32>,
    /// What it must return.
    pub chunk: Vec<f32>,
}

/// Reads the vectors and refuses any that does not fit the model's tensors.
pub(crate) fn parse(
    file: &Path,
    text: &str,
    card: &PolicyCard,
) -> Result<Vec<GoldenVector>, PolicyError> {
    let vectors: Vec<GoldenVector> = serde_json::from_str(text).map_err(|error| {
        let place = format!("line {}", error.line());
        let expected = "a list of {\"obs\": [...], \"chunk\": [...]}";
        let fix = "Write the file again with the training script.";
        PolicyError::new(Fault::Syntax, (file, &place), error.to_string(), expected, fix)
    })?;
    if vectors.is_empty() {
        let fix = "Write the file again with the training script.";
        return Err(PolicyError::new(Fault::Value, (file, "list"), "none", "8 vectors", fix));
    }
    for (index, vector) in vectors.iter().enumerate() {
        check_part(file, index, ("obs", &vector.obs), card.input.len())?;
        check_part(file, index, ("chunk", &vector.chunk), card.output.len())?;
    }
    Ok(vectors)
}

/// Refuses a vector of the wrong length or with a number that is none.
fn check_part(
    file: &Path,
    index: usize,
    (part, values): (&str, &[f32]),
    length: usize,
) -> Result<(), PolicyError> {
    if values.len() == length && values.iter().all(|value| value.is_finite()) {
        return Ok(());
    }
    let key = format!("[{index}].{part}");
    let found = format!("{} numbers, {} of them finite", values.len(), finite(values));
    let fix = "The vectors belong to another model: write them again with the training script.";
    Err(PolicyError::new(
        Fault::Shape,
        (file, &key),
        found,
        format!("{length} finite numbers"),
        fix,
    ))
}

/// How many of the values are finite.
fn finite(values: &[f32]) -> usize {
    values.iter().filter(|value| value.is_finite()).count()
}

/// Runs every vector on `backend`.
pub(crate) fn check(
    file: &Path,
    vectors: &[GoldenVector],
    tolerance_relative: f32,
    backend: &mut dyn Backend,
) -> Result<(), PolicyError> {
    for (index, vector) in vectors.iter().enumerate() {
        let mut made = vec![f32::NAN; vector.chunk.len()];
        let outcome = match backend.run(&vector.obs, &mut made) {
            Err(error) => Err((0, error.to_string(), "an output".to_owned())),
            Ok(()) => compare(&made, &vector.chunk, tolerance_relative),
        };
        if let Err((step, found, expected)) = outcome {
            let key = format!("[{index}].chunk[{step}] on {}", backend.name());
            let fix = "This backend does not compute this model right: choose another, or write \
                       the vectors again with the training script if the model has changed.";
            return Err(PolicyError::new(Fault::Golden, (file, &key), found, expected, fix));
        }
    }
    Ok(())
}

/// An output may differ by the tolerance times its size, and near zero by the tolerance itself (in
/// the output's unit). Otherwise: where, what was found, what was expected.
fn compare(
    made: &[f32],
    golden: &[f32],
    tolerance_relative: f32,
) -> Result<(), (usize, String, String)> {
    for (step, (found, expected)) in made.iter().zip(golden).enumerate() {
        let allowed = tolerance_relative * expected.abs().max(1.0);
        // Asked this way round, so that a NaN fails.
        let close = (found - expected).abs() <= allowed;
        if !close {
            return Err((step, found.to_string(), format!("{expected} within {allowed:e}")));
        }
    }
    Ok(())
}
