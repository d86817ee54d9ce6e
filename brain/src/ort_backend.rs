//! ONNX Runtime: its shared library is looked for at run time and used when it is there.
//!
//! Searched in this order: the file in `ORT_DYLIB_PATH`; beside the executable; the system's
//! library folders; the Python packages of the active environment, the user and the system. Nothing
//! is executed to find it. A library that cannot be loaded or is too old is passed over, and said
//! so. Denormals are left alone: flushing them would change the arithmetic of the calling thread.

use std::ffi::OsStr;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::{env, fs};

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;
use ort::value::{Outlet, TensorElementType, TensorRef};

use crate::backend::{OpenError, check_length, check_tensor};
use crate::{Backend, InferenceError, TensorCard};

const NAME: &str = "onnxruntime";

/// Most files tried as the library: a bound for machines with many Python installations.
const CANDIDATES_MAX: usize = 16;

/// Most entries read of one folder that is searched.
const ENTRIES_MAX: usize = 20_000;

/// The library, once per process: ONNX Runtime allows no second one.
static RUNTIME: OnceLock<Result<Runtime, String>> = OnceLock::new();

struct Runtime {
    environment: Environment,
    library: PathBuf,
}

/// A model on ONNX Runtime.
pub(crate) struct OrtBackend {
    session: Session,
    input_shape: Vec<usize>,
    output_len: usize,
    library: &'static Path,
}

impl OrtBackend {
    /// Finds the library, reads the model and compares its tensors with the card.
    pub(crate) fn open(
        bytes: &[u8],
        input: &TensorCard,
        output: &TensorCard,
    ) -> Result<Self, OpenError> {
        let runtime = match RUNTIME.get_or_init(|| load_first(&candidates())) {
            Ok(runtime) => runtime,
            Err(reason) => return Err(OpenError::Unavailable(reason.clone())),
        };
        let session = session(&runtime.environment, bytes)
            .map_err(|error| OpenError::Model(error.to_string()))?;
        check_tensor("input", describe(session.inputs()), input)?;
        check_tensor("output", describe(session.outputs()), output)?;
        Ok(Self {
            session,
            input_shape: input.shape.clone(),
            output_len: output.len(),
            library: &runtime.library,
        })
    }
}

impl Backend for OrtBackend {
    fn name(&self) -> &str {
        NAME
    }

    fn origin(&self) -> String {
        self.library.display().to_string()
    }

    fn run(&mut self, input: &[f32], output: &mut [f32]) -> Result<(), InferenceError> {
        check_length("input", input.len(), self.input_shape.iter().product())?;
        check_length("output", output.len(), self.output_len)?;
        let given =
            TensorRef::from_array_view((self.input_shape.clone(), input)).map_err(failed)?;
        let made = self.session.run(ort::inputs![given]).map_err(failed)?;
        let first = made.values().next().ok_or_else(|| failed("the model has no output"))?;
        let (_, values) = first.try_extract_tensor::<f32>().map_err(failed)?;
        check_length("output", values.len(), output.len())?;
        output.copy_from_slice(values);
        Ok(())
    }
}

/// A session on one thread that does not spin while it waits.
fn session(environment: &Environment, bytes: &[u8]) -> ort::Result<Session> {
    Session::builder(environment)?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(1)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?
        .commit_from_memory(bytes)
}

/// Writes the model's one input or output the way the card writes itself.
fn describe(outlets: &[Outlet]) -> String {
    let [outlet] = outlets else { return format!("{} tensors", outlets.len()) };
    let dtype = match outlet.dtype().tensor_type() {
        Some(TensorElementType::Float32) => "float32".to_owned(),
        other => format!("{other:?}"),
    };
    let shape = outlet.dtype().tensor_shape();
    let sizes: Vec<String> = shape.into_iter().flat_map(|s| s.iter()).map(i64::to_string).collect();
    format!("{} {dtype} [{}]", outlet.name(), sizes.join(", "))
}

/// Loads the first library that works; otherwise says what was tried.
fn load_first(candidates: &[PathBuf]) -> Result<Runtime, String> {
    let mut refused = Vec::new();
    for library in candidates {
        match load(library) {
            Ok(environment) => return Ok(Runtime { environment, library: library.clone() }),
            Err(reason) => refused.push(format!("{}: {reason}", library.display())),
        }
    }
    if refused.is_empty() {
        Err("no ONNX Runtime library found".to_owned())
    } else {
        Err(format!("no usable ONNX Runtime library: {}", refused.join("; ")))
    }
}

/// Loads one library. A panic in the loader counts as a refusal.
fn load(library: &Path) -> Result<Environment, String> {
    let attempt = catch_unwind(|| {
        let builder = ort::init_from(library).map_err(|error| error.to_string())?;
        let named = builder.with_name("triune").with_telemetry(false);
        named.build().map_err(|error| error.to_string())
    });
    attempt.unwrap_or_else(|_| Err("the library could not be set up".to_owned()))
}

/// All files that may be the library, best first.
fn candidates() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = env::var_os("ORT_DYLIB_PATH")
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .into_iter()
        .collect();
    for folder in library_folders() {
        found.extend(libraries_in(&folder));
    }
    found.truncate(CANDIDATES_MAX);
    found
}

/// Folders in which the library may lie.
fn library_folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Some(beside) = env::current_exe().ok().as_deref().and_then(Path::parent) {
        folders.extend([beside.to_path_buf(), beside.join("lib")]);
    }
    let system = [
        "/usr/local/lib",
        "/usr/lib",
        "/usr/lib64",
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/opt/onnxruntime/lib",
        "/opt/homebrew/lib",
    ];
    folders.extend(system.map(PathBuf::from));
    let homes =
        ["VIRTUAL_ENV", "CONDA_PREFIX"].into_iter().filter_map(env::var_os).map(PathBuf::from);
    let user = env::var_os("HOME").map(|home| Path::new(&home).join(".local"));
    let shared = ["/usr/local", "/usr"].map(PathBuf::from);
    for root in homes.chain(user).chain(shared) {
        folders.extend(python_folders(&root));
    }
    folders
}

/// The folders of the Python package `onnxruntime` under one installation root.
fn python_folders(root: &Path) -> Vec<PathBuf> {
    let versions = entries(&root.join("lib"), |name| name.starts_with("python3"));
    let packages = |version: PathBuf| {
        ["site-packages", "dist-packages"].map(|kind| version.join(kind).join("onnxruntime/capi"))
    };
    versions.into_iter().flat_map(packages).collect()
}

/// The files in `folder` that bear the library's name, with or without a version.
fn libraries_in(folder: &Path) -> Vec<PathBuf> {
    entries(folder, |name| {
        name.starts_with("libonnxruntime.so")
            || (name.starts_with("libonnxruntime.") && name.ends_with(".dylib"))
            || name == "onnxruntime.dll"
    })
}

/// The entries of `folder` whose names fit, in order of name; none when it cannot be read.
fn entries(folder: &Path, fits: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let Ok(listing) = fs::read_dir(folder) else { return Vec::new() };
    let paths = listing.take(ENTRIES_MAX).filter_map(|entry| Some(entry.ok()?.path()));
    let mut fitting: Vec<PathBuf> =
        paths.filter(|path| path.file_name().and_then(OsStr::to_str).is_some_and(&fits)).collect();
    fitting.sort();
    fitting
}

/// Wraps what ONNX Runtime says.
fn failed(reason: impl ToString) -> InferenceError {
    InferenceError::Backend { backend: NAME, reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_library_is_refused_with_its_name() {
        let file = env::temp_dir().join(format!("triune-no-library-{}.so", std::process::id()));
        fs::write(&file, b"not a library").unwrap();
        let refused = load_first(&[file.clone(), PathBuf::from("/nowhere/libonnxruntime.so")]);
        fs::remove_file(&file).unwrap();
        let reason = refused.err().unwrap();
        assert!(reason.contains("triune-no-library") && reason.contains("/nowhere"), "{reason}");
    }

    #[test]
    fn only_the_library_itself_bears_its_name() {
        let folder = env::temp_dir().join(format!("triune-libraries-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for name in ["libonnxruntime.so.1.31.1", "libonnxruntime_providers_shared.so", "else.txt"] {
            fs::write(folder.join(name), b"").unwrap();
        }
        let found = libraries_in(&folder);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, [folder.join("libonnxruntime.so.1.31.1")]);
    }
}
