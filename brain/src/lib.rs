//! Turns observations into plans, off the real-time path: with a learnt model, or by a script.
//!
//! What: [`Navigator`] reads a policy folder (a card, a model, golden vectors), runs the model on
//! an [`Observation`] and returns a [`signals::Plan`]; [`Script`] asks for taught postures. Why
//! apart: inference allocates, may be slow and may be wrong, so it lives in its own thread, and
//! nothing in the control loop waits for it.
//!
//! It must never: name the governor or a body, so that a plan stays a request; make a plan from
//! numbers that are not finite; run a model that is not byte for byte the one its card describes,
//! or on a backend that does not reproduce the golden vectors; load code or weights from a network.
//!
//! Terms: a *policy* is a folder with a learnt model and its card; the *card* is `policy.toml`; a
//! *backend* is what runs the model; *golden vectors* are inputs with the outputs that belong to
//! them, checked at every load on the very backend that will run; a *chunk* is the next few
//! velocities on a time grid.
#![forbid(unsafe_code)]

mod backend;
mod error;
mod golden;
mod navigate;
mod observation;
#[cfg(feature = "onnxruntime")]
mod ort_backend;
mod policy;
#[cfg(feature = "rten")]
mod rten_backend;
mod script;

pub use backend::{Backend, BackendChoice};
pub use error::{Fault, InferenceError, PolicyError};
pub use golden::GoldenVector;
pub use navigate::{Navigator, Planner};
pub use observation::Observation;
pub use policy::{
    CommandCard, Files, GoldenCard, ModelCard, ObservationCard, PlanCard, Policy, PolicyCard,
    TensorCard, TrainingCard,
};
pub use script::{Script, ScriptTimes};
