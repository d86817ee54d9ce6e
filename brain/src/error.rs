//! What can go wrong: while a policy is loaded (read by a person), and while it runs (by a
//! program).

use std::path::Path;

/// Why a policy was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A file is missing or cannot be read.
    File,
    /// A file is not what its format demands: syntax, an unknown, missing or mistyped key.
    Syntax,
    /// A value is outside what the runtime can use.
    Value,
    /// The model file is not the one the card describes.
    Hash,
    /// A tensor has another name, type or shape than the card says.
    Shape,
    /// The backend cannot read the model.
    Model,
    /// The backend that was asked for is not there.
    Backend,
    /// The backend does not reproduce the golden vectors.
    Golden,
}

/// A policy was refused. Says which file and key, what was found and expected, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {key}: found {found}, expected {expected}. {fix}", file.display())]
pub struct PolicyError {
    /// What kind of refusal.
    pub fault: Fault,
    /// The file at fault.
    pub file: Box<Path>,
    /// The key or place in it.
    pub key: Box<str>,
    /// What was found there.
    pub found: Box<str>,
    /// What was expected.
    pub expected: Box<str>,
    /// How to put it right, a sentence.
    pub fix: Box<str>,
}

impl PolicyError {
    /// A refusal of `key` in `file`; `found` against `expected`, and the way out.
    pub(crate) fn new(
        fault: Fault,
        (file, key): (&Path, &str),
        found: impl Into<Box<str>>,
        expected: impl Into<Box<str>>,
        fix: impl Into<Box<str>>,
    ) -> Self {
        Self {
            fault,
            file: file.into(),
            key: key.into(),
            found: found.into(),
            expected: expected.into(),
            fix: fix.into(),
        }
    }
}

/// No plan could be made from this observation; the next one may be better.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum InferenceError {
    /// The observation holds a number that is none.
    #[error("the observation's {part} is not finite; check the sensor or the estimator")]
    ObservationNotFinite {
        /// Which part.
        part: &'static str,
    },
    /// A policy that looks at a scan was shown none.
    #[error("the observation has no lidar scan, and this policy looks at one")]
    NoScan,
    /// The observation is of another body than the planner was made for.
    #[error("the observation is of {found} joints, the script of {expected}")]
    WrongJoints {
        /// Joints of the observation.
        found: usize,
        /// Joints of each posture.
        expected: usize,
    },
    /// A plan from this observation would be over before it began.
    #[error("the observation is {age_ms} ms old, a plan from it lasts {lasts_ms} ms")]
    ObservationTooOld {
        /// Its age, ms.
        age_ms: u128,
        /// How long a plan from it is valid, ms.
        lasts_ms: u128,
    },
    /// A buffer does not fit the model's tensor.
    #[error("the model's {tensor} holds {expected} numbers, not {found}")]
    WrongLength {
        /// Input or output.
        tensor: &'static str,
        /// Numbers in the buffer.
        found: usize,
        /// Numbers in the tensor.
        expected: usize,
    },
    /// The model returned NaN or infinity.
    #[error("the model's output {index} is not finite; this plan is discarded")]
    OutputNotFinite {
        /// Place in the output.
        index: usize,
    },
    /// The model returned a velocity outside the range on its card.
    #[error("the model's output {index} is {value}, outside {low} to {high}; discarded")]
    OutputOutOfRange {
        /// Place in the output.
        index: usize,
        /// What the model returned.
        value: f32,
        /// Least allowed.
        low: f32,
        /// Most allowed.
        high: f32,
    },
    /// The backend failed.
    #[error("{backend} could not run the model: {reason}")]
    Backend {
        /// Which backend.
        backend: &'static str,
        /// What it said.
        reason: String,
    },
}
