//! A policy folder: the card, the model, the golden vectors. Read strictly, refused with reasons.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use signals::{LIDAR_BEAMS, ModelHash, VELOCITY_STEPS_MAX};

use crate::backend::{OpenError, open_onnxruntime, open_rten};
use crate::{Backend, BackendChoice, Fault, GoldenVector, PolicyError, golden};

/// Name of the card in a policy folder.
const CARD_FILE: &str = "policy.toml";

/// Numbers of an observation beside the beams: goal (3) and measured speeds (2).
pub(crate) const SCALARS: usize = 5;

/// Numbers of one step of a chunk: forward speed and yaw rate.
pub(crate) const STEP_LEN: usize = 2;

const REWRITE: &str = "Write the folder again with the training script.";

/// What `policy.toml` says. An unknown key is an error.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyCard {
    /// Name of the policy.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Licence of the model, SPDX.
    pub licence: String,
    /// The model file.
    pub model: ModelCard,
    /// The model's input.
    pub input: TensorCard,
    /// The model's output.
    pub output: TensorCard,
    /// How an observation becomes the input.
    pub observation: ObservationCard,
    /// How the output becomes a plan.
    pub plan: PlanCard,
    /// What the output may ask for.
    pub command: CommandCard,
    /// The golden vectors.
    pub golden: GoldenCard,
    /// Where the model came from.
    pub training: TrainingCard,
}

/// The model file.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelCard {
    /// ONNX file in the policy's folder.
    pub file: String,
    /// SHA-256 of the file, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// A float32 tensor of the model.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TensorCard {
    /// Its name in the model.
    pub name: String,
    /// Its shape, all sizes fixed.
    pub shape: Vec<usize>,
}

impl TensorCard {
    /// Numbers in the tensor; 0 for a shape no machine could hold.
    pub(crate) fn len(&self) -> usize {
        self.shape.iter().try_fold(1_usize, |product, size| product.checked_mul(*size)).unwrap_or(0)
    }
}

impl fmt::Display for TensorCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} float32 {:?}", self.name, self.shape)
    }
}

/// How an observation becomes the input.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObservationCard {
    /// Lidar beams, evenly spaced counter-clockwise from straight behind.
    pub lidar_beams: usize,
    /// Range at which a beam reads 1, m.
    pub lidar_range_m: f32,
    /// Goal distance that reads 1, m; a farther goal reads the same.
    pub goal_range_m: f32,
    /// Forward speed that reads 1, m/s.
    pub speed_scale_m_s: f32,
    /// Yaw rate that reads 1, rad/s.
    pub yaw_rate_scale_rad_s: f32,
}

/// How the output becomes a plan.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanCard {
    /// Time from one step of the chunk to the next, s.
    pub step_s: f32,
    /// Steps of the chunk.
    pub steps: usize,
    /// How often the policy was trained to plan, 1/s.
    pub replan_hz: f32,
}

/// What the output may ask for; the governor has its own, tighter opinion.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandCard {
    /// Least forward speed, m/s.
    pub forward_speed_min_m_s: f32,
    /// Most forward speed, m/s.
    pub forward_speed_max_m_s: f32,
    /// Least yaw rate, rad/s.
    pub yaw_rate_min_rad_s: f32,
    /// Most yaw rate, rad/s.
    pub yaw_rate_max_rad_s: f32,
}

/// The golden vectors.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GoldenCard {
    /// JSON file in the policy's folder.
    pub file: String,
    /// By how much of its size an output may differ.
    pub tolerance_relative: f32,
}

/// Where the model came from; for people and for records.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingCard {
    /// The script that made it.
    pub script: String,
    /// The seed it was given.
    pub seed: u64,
}

/// A policy that was read and checked, all but its run on a backend.
#[derive(Clone, Debug)]
pub struct Policy {
    folder: PathBuf,
    card: PolicyCard,
    model: Vec<u8>,
    hash: ModelHash,
    golden: Vec<GoldenVector>,
}

impl Policy {
    /// Reads the folder: card, model (its SHA-256 must be the card's), golden vectors.
    ///
    /// # Errors
    /// The first thing that is not as it should be, with file, key and the way out.
    pub fn load(folder: &Path) -> Result<Self, PolicyError> {
        Self::load_with(folder, &|file| fs::read(file))
    }

    /// As [`Self::load`], with the files of the folder from `files`: a program may carry them
    /// inside.
    ///
    /// # Errors
    /// As [`Self::load`].
    ///
    /// Clauses: C1, U1.
    pub fn load_with(folder: &Path, files: Files<'_>) -> Result<Self, PolicyError> {
        let card_file = folder.join(CARD_FILE);
        let card = read_card(files, &card_file)?;
        let (model, hash) = read_model(files, folder, &card_file, &card.model)?;
        check_file_name(&card_file, "golden.file", &card.golden.file)?;
        let golden_file = folder.join(&card.golden.file);
        let text = String::from_utf8_lossy(&read(files, &golden_file)?).into_owned();
        let golden = golden::parse(&golden_file, &text, &card)?;
        Ok(Self { folder: folder.to_path_buf(), card, model, hash, golden })
    }

    /// The card.
    #[must_use]
    pub fn card(&self) -> &PolicyCard {
        &self.card
    }

    /// Stamped on every plan of this policy.
    #[must_use]
    pub fn hash(&self) -> ModelHash {
        self.hash
    }

    /// The golden vectors, for tests and benches.
    #[must_use]
    pub fn golden(&self) -> &[GoldenVector] {
        &self.golden
    }

    /// Opens the model on the chosen backend, proves it with the golden vectors, and says in a
    /// sentence what was chosen and why.
    ///
    /// # Errors
    /// When no backend of the choice is there, reads the model and passes.
    pub fn open(&self, choice: BackendChoice) -> Result<(Box<dyn Backend>, String), PolicyError> {
        match choice {
            BackendChoice::Rten => {
                self.open_on(open_rten).map(|b| (b, "rten, as asked".to_owned()))
            }
            BackendChoice::OnnxRuntime => self.open_on(open_onnxruntime).map(with_origin),
            BackendChoice::Auto => match self.open_on(open_onnxruntime) {
                Ok(backend) => Ok(with_origin(backend)),
                Err(why) => {
                    let said = format!("rten, because ONNX Runtime is not used: {}", why.found);
                    self.open_on(open_rten).map(|backend| (backend, said))
                }
            },
        }
    }

    /// Opens the model with `open` and runs the golden vectors, which also warms it up.
    fn open_on(&self, open: Open) -> Result<Box<dyn Backend>, PolicyError> {
        let mut backend = open(&self.model, &self.card.input, &self.card.output)
            .map_err(|error| self.not_opened(error))?;
        let file = self.folder.join(&self.card.golden.file);
        let tolerance = self.card.golden.tolerance_relative;
        golden::check(&file, &self.golden, tolerance, backend.as_mut())?;
        Ok(backend)
    }

    /// Says why a backend did not take the model.
    fn not_opened(&self, error: OpenError) -> PolicyError {
        let file = self.folder.join(&self.card.model.file);
        match error {
            OpenError::Unavailable(found) => PolicyError::new(
                Fault::Backend,
                (&file, "backend"),
                found,
                "a usable backend",
                "Choose `auto` or `rten`; or install ONNX Runtime 1.20 or later and point \
                 ORT_DYLIB_PATH to its shared library.",
            ),
            OpenError::Model(found) => {
                let expected = "an ONNX model the backend can read";
                PolicyError::new(Fault::Model, (&file, "graph"), found, expected, REWRITE)
            }
            OpenError::Shape { tensor, found, expected } => {
                PolicyError::new(Fault::Shape, (&file, tensor), found, expected, REWRITE)
            }
        }
    }
}

/// Gives the bytes of a file.
pub type Files<'a> = &'a dyn Fn(&Path) -> std::io::Result<Vec<u8>>;

/// How a backend is opened.
type Open = fn(&[u8], &TensorCard, &TensorCard) -> Result<Box<dyn Backend>, OpenError>;

/// A backend with a sentence on where it came from.
fn with_origin(backend: Box<dyn Backend>) -> (Box<dyn Backend>, String) {
    let said = format!("{} from {}", backend.name(), backend.origin());
    (backend, said)
}

/// Reads a file, or says which is missing.
fn read(files: Files<'_>, file: &Path) -> Result<Vec<u8>, PolicyError> {
    files(file).map_err(|error| {
        let fix = "Put the file there, or name another policy folder.";
        PolicyError::new(Fault::File, (file, "file"), error.to_string(), "a readable file", fix)
    })
}

/// Reads and checks the card.
fn read_card(files: Files<'_>, file: &Path) -> Result<PolicyCard, PolicyError> {
    let text = String::from_utf8_lossy(&read(files, file)?).into_owned();
    let card: PolicyCard = toml::from_str(&text).map_err(|error| {
        let key = place(&text, error.span().map_or(0, |span| span.start));
        let fix = "Correct or remove the key; CARD.md beside the card lists what belongs there.";
        PolicyError::new(Fault::Syntax, (file, &key), error.message(), "a key of the card", fix)
    })?;
    check_values(file, &card)?;
    Ok(card)
}

/// The line of `text` that holds byte `offset`, with its number.
fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let number = before.matches('\n').count();
    format!("line {} `{}`", number + 1, text.lines().nth(number).unwrap_or_default().trim())
}

/// Reads the model and compares its hash with the card's.
fn read_model(
    files: Files<'_>,
    folder: &Path,
    card_file: &Path,
    card: &ModelCard,
) -> Result<(Vec<u8>, ModelHash), PolicyError> {
    check_file_name(card_file, "model.file", &card.file)?;
    let file = folder.join(&card.file);
    let bytes = read(files, &file)?;
    let digest = Sha256::digest(&bytes);
    let found: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if found != card.sha256 {
        let fix = "The model is not the one its card describes: restore it, or write both again \
                   with the training script.";
        return Err(PolicyError::new(
            Fault::Hash,
            (&file, "sha256"),
            found,
            card.sha256.as_str(),
            fix,
        ));
    }
    let mut hash = ModelHash::default();
    for (into, byte) in hash.0.iter_mut().zip(digest) {
        *into = byte;
    }
    Ok((bytes, hash))
}

/// Refuses a name that leads out of the folder.
fn check_file_name(card_file: &Path, key: &str, name: &str) -> Result<(), PolicyError> {
    if Path::new(name).file_name().is_some_and(|last| last == name) {
        return Ok(());
    }
    let fix = "Put the file into the policy's folder and give its name only.";
    Err(PolicyError::new(Fault::Value, (card_file, key), name, "the name of a file", fix))
}

/// Refuses values the runtime cannot use: the first that does not hold is named.
fn check_values(file: &Path, card: &PolicyCard) -> Result<(), PolicyError> {
    let (observation, plan, command) = (&card.observation, &card.plan, &card.command);
    for (key, value) in [
        ("observation.lidar_range_m", observation.lidar_range_m),
        ("observation.goal_range_m", observation.goal_range_m),
        ("observation.speed_scale_m_s", observation.speed_scale_m_s),
        ("observation.yaw_rate_scale_rad_s", observation.yaw_rate_scale_rad_s),
        ("plan.step_s", plan.step_s),
        ("plan.replan_hz", plan.replan_hz),
        ("golden.tolerance_relative", card.golden.tolerance_relative),
    ] {
        let sound = value.is_finite() && value > 0.0;
        require(file, sound, key, &value, "a finite number above 0")?;
    }
    for (key, low, high) in [
        ("command.forward_speed", command.forward_speed_min_m_s, command.forward_speed_max_m_s),
        ("command.yaw_rate", command.yaw_rate_min_rad_s, command.yaw_rate_max_rad_s),
    ] {
        let sound = low.is_finite() && high.is_finite() && low < high;
        let found = format!("{low} to {high}");
        require(file, sound, key, &found, "finite numbers, the minimum below the maximum")?;
    }
    let beams = observation.lidar_beams;
    let expected = format!("{LIDAR_BEAMS}, as the scans of this runtime");
    require(file, beams == LIDAR_BEAMS, "observation.lidar_beams", &beams, &expected)?;
    let steps = plan.steps;
    let expected = format!("1 to {VELOCITY_STEPS_MAX}");
    require(file, (1..=VELOCITY_STEPS_MAX).contains(&steps), "plan.steps", &steps, &expected)?;
    let step = Duration::try_from_secs_f32(plan.step_s).unwrap_or_default();
    let sound = step >= Duration::from_millis(1) && step <= Duration::from_secs(1);
    require(file, sound, "plan.step_s", &plan.step_s, "0.001 to 1")?;
    let expected = [1, LIDAR_BEAMS + SCALARS];
    let sound = card.input.shape == expected;
    require(file, sound, "input.shape", &card.input, &format!("{expected:?}"))?;
    let expected = [1, steps, STEP_LEN];
    let sound = card.output.shape == expected;
    require(file, sound, "output.shape", &card.output, &format!("{expected:?}"))
}

/// Refuses `key` unless it is `sound`.
fn require(
    file: &Path,
    sound: bool,
    key: &str,
    found: &dyn fmt::Display,
    expected: &str,
) -> Result<(), PolicyError> {
    if sound {
        return Ok(());
    }
    let fix = "Correct the card; it must say what the model was trained with.";
    Err(PolicyError::new(Fault::Value, (file, key), found.to_string(), expected, fix))
}
