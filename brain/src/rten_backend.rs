//! rten: inference in Rust, built in. One thread of its own, so results repeat bit for bit.

use std::sync::Arc;

use rten::{DataType, Dimension, Model, NodeId, RunOptions, ThreadPool, ValueType, ValueView};

use crate::backend::{OpenError, check_length, check_tensor};
use crate::{Backend, InferenceError, TensorCard};

const NAME: &str = "rten";

/// A model on rten.
pub(crate) struct RtenBackend {
    model: Model,
    input: NodeId,
    output: NodeId,
    input_shape: Vec<usize>,
    output_len: usize,
    options: RunOptions,
}

impl RtenBackend {
    /// Reads the model and compares its tensors with the card.
    pub(crate) fn open(
        bytes: &[u8],
        input: &TensorCard,
        output: &TensorCard,
    ) -> Result<Self, OpenError> {
        let model = Model::load(bytes.to_vec()).map_err(|e| OpenError::Model(e.to_string()))?;
        let input_node = only_tensor("input", model.input_ids())?;
        let output_node = only_tensor("output", model.output_ids())?;
        check_tensor("input", describe(&model, input_node), input)?;
        check_tensor("output", describe(&model, output_node), output)?;
        let pool = Arc::new(ThreadPool::with_num_threads(1));
        Ok(Self {
            model,
            input: input_node,
            output: output_node,
            input_shape: input.shape.clone(),
            output_len: output.len(),
            options: RunOptions::default().with_thread_pool(Some(pool)),
        })
    }
}

impl Backend for RtenBackend {
    fn name(&self) -> &str {
        NAME
    }

    fn run(&mut self, input: &[f32], output: &mut [f32]) -> Result<(), InferenceError> {
        check_length("input", input.len(), self.input_shape.iter().product())?;
        check_length("output", output.len(), self.output_len)?;
        let view = ValueView::from_shape(&self.input_shape, input).map_err(failed)?;
        let [made] = self
            .model
            .run_n(vec![(self.input, view.into())], [self.output], Some(self.options.clone()))
            .map_err(failed)?;
        let tensor =
            made.into_tensor::<f32>().ok_or_else(|| failed("the output is not float32"))?;
        let values = tensor.into_data();
        check_length("output", values.len(), output.len())?;
        output.copy_from_slice(&values);
        Ok(())
    }
}

/// The one input or output of the model.
fn only_tensor(tensor: &'static str, nodes: &[NodeId]) -> Result<NodeId, OpenError> {
    match nodes {
        [node] => Ok(*node),
        _ => Err(OpenError::Shape {
            tensor,
            found: format!("{} tensors", nodes.len()),
            expected: "one tensor".to_owned(),
        }),
    }
}

/// Writes a tensor of the model the way the card writes itself.
fn describe(model: &Model, node: NodeId) -> String {
    let Some(info) = model.node_info(node) else { return "nothing".to_owned() };
    let dtype = match info.dtype() {
        Some(ValueType::Tensor(DataType::Float)) => "float32".to_owned(),
        other => format!("{other:?}"),
    };
    let sizes: Vec<String> = info.shape().unwrap_or_default().iter().map(size).collect();
    format!("{} {dtype} [{}]", info.name().unwrap_or("without name"), sizes.join(", "))
}

/// Writes one dimension.
fn size(dimension: &Dimension) -> String {
    match dimension {
        Dimension::Fixed(size) => size.to_string(),
        Dimension::Symbolic(name) => name.clone(),
    }
}

/// Wraps what rten says.
fn failed(reason: impl ToString) -> InferenceError {
    InferenceError::Backend { backend: NAME, reason: reason.to_string() }
}
