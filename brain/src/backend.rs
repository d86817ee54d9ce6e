//! What runs a model: one trait, two implementations, and the choice between them.
#![cfg_attr(
    not(any(feature = "rten", feature = "onnxruntime")),
    allow(dead_code, reason = "without a backend of its own, this crate runs those it is given")
)]

use serde::Deserialize;

use crate::{InferenceError, TensorCard};

/// Runs one model with one input and one output of fixed shapes, known since it was loaded.
pub trait Backend: Send {
    /// Which backend this is, for reports.
    fn name(&self) -> &str;

    /// Where it came from, for reports; empty when there is nothing to say.
    fn origin(&self) -> String {
        String::new()
    }

    /// Runs the model on `input` (row-major) and fills `output`. May allocate and take long: never
    /// call it from the control loop. On an error, `output` means nothing.
    ///
    /// # Errors
    /// When a buffer does not fit its tensor or the backend fails; the model stays usable.
    fn run(&mut self, input: &[f32], output: &mut [f32]) -> Result<(), InferenceError>;
}

/// Which backend to run a model on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackendChoice {
    /// ONNX Runtime when its library is found and passes the checks, else rten.
    #[default]
    Auto,
    /// rten: built in, needs nothing, the same bits on every run.
    Rten,
    /// ONNX Runtime: faster, needs its shared library on the machine.
    OnnxRuntime,
}

/// Why a backend did not take a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// The backend itself is not there.
    Unavailable(String),
    /// It cannot read the model.
    Model(String),
    /// A tensor of the model is not as the card says.
    Shape { tensor: &'static str, found: String, expected: String },
}

/// Opens `model` on rten.
#[cfg(feature = "rten")]
pub(crate) fn open_rten(
    model: &[u8],
    input: &TensorCard,
    output: &TensorCard,
) -> Result<Box<dyn Backend>, OpenError> {
    Ok(Box::new(crate::rten_backend::RtenBackend::open(model, input, output)?))
}

/// Built without rten.
#[cfg(not(feature = "rten"))]
pub(crate) fn open_rten(
    _: &[u8],
    _: &TensorCard,
    _: &TensorCard,
) -> Result<Box<dyn Backend>, OpenError> {
    Err(OpenError::Unavailable("this binary was built without the feature `rten`".to_owned()))
}

/// Opens `model` on ONNX Runtime.
#[cfg(feature = "onnxruntime")]
pub(crate) fn open_onnxruntime(
    model: &[u8],
    input: &TensorCard,
    output: &TensorCard,
) -> Result<Box<dyn Backend>, OpenError> {
    Ok(Box::new(crate::ort_backend::OrtBackend::open(model, input, output)?))
}

/// Built without ONNX Runtime.
#[cfg(not(feature = "onnxruntime"))]
pub(crate) fn open_onnxruntime(
    _: &[u8],
    _: &TensorCard,
    _: &TensorCard,
) -> Result<Box<dyn Backend>, OpenError> {
    let reason = "this binary was built without the feature `onnxruntime`";
    Err(OpenError::Unavailable(reason.to_owned()))
}

/// Compares a tensor of the model, written as `name float32 [1, 69]`, with what the card says.
pub(crate) fn check_tensor(
    tensor: &'static str,
    found: String,
    card: &TensorCard,
) -> Result<(), OpenError> {
    let expected = card.to_string();
    if found == expected { Ok(()) } else { Err(OpenError::Shape { tensor, found, expected }) }
}

/// Refuses a buffer that does not fit its tensor.
pub(crate) fn check_length(
    tensor: &'static str,
    found: usize,
    expected: usize,
) -> Result<(), InferenceError> {
    if found == expected {
        Ok(())
    } else {
        Err(InferenceError::WrongLength { tensor, found, expected })
    }
}
