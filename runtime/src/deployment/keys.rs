//! Keys that sign files and ask for leases: who they belong to, and what follows from it.

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bus::network::settings::others_can_read;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use model::{LoadError, TomlSource};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{base64, unreadable};
use crate::report::hexadecimal;

/// Folder of the trusted keys in a robot's folder.
pub const FOLDER: &str = "keys";
/// Most keys a robot trusts.
const KEYS_MAX: usize = 32;

/// Whose key it is. What he may sign follows from it, and which leases he may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Made the robot, or answers for its software.
    Maker,
    /// Supervises its use.
    Authority,
    /// Runs it.
    Operator,
    /// A planner on another process or machine: a program, so it signs no files.
    Planner,
    /// Looks after it: unlocks it, and maintains it.
    Maintainer,
}

/// A kind of file that counts only when it is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The cell of the grid.
    Profile,
    /// A sandbox permit.
    Permit,
    /// A notice from outside.
    Notice,
}

impl Kind {
    /// Its name, as in its schema.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Profile => "profile",
            Self::Permit => "permit",
            Self::Notice => "notice",
        }
    }

    /// The schema of its files.
    #[must_use]
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Profile => "triune.profile/1",
            Self::Permit => "triune.permit/1",
            Self::Notice => "triune.notice/1",
        }
    }
}

impl Role {
    /// What only tightens any person may sign, what permits only who answers for it.
    #[must_use]
    pub const fn may_sign(self, kind: Kind) -> bool {
        match kind {
            Kind::Profile => matches!(self, Self::Maker | Self::Authority),
            Kind::Permit => matches!(self, Self::Authority),
            Kind::Notice => !matches!(self, Self::Planner),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Maker => "maker",
            Self::Authority => "authority",
            Self::Operator => "operator",
            Self::Planner => "planner",
            Self::Maintainer => "maintainer",
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicFile {
    schema: String,
    role: Role,
    algorithm: String,
    public: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrivateFile {
    schema: String,
    algorithm: String,
    private: String,
}

/// A trusted key.
#[derive(Clone, Debug)]
pub struct PublicKey {
    /// First 8 bytes of the SHA-256 of the key, as 16 hexadecimal digits.
    pub id: String,
    /// Whose it is.
    pub role: Role,
    pub(super) key: VerifyingKey,
}

impl PublicKey {
    fn parse(file: &str, text: &str) -> Result<Self, Box<LoadError>> {
        let source = TomlSource::new(file, text);
        let read: PublicFile = source.read()?;
        expect(&source, "schema", &read.schema, "triune.key/1")?;
        expect(&source, "algorithm", &read.algorithm, "ed25519")?;
        let bytes = base64::decode(&read.public).and_then(|bytes| bytes.try_into().ok());
        let key = bytes.and_then(|bytes: [u8; 32]| VerifyingKey::from_bytes(&bytes).ok());
        let key = key.filter(|key| !key.is_weak()).ok_or_else(|| {
            let rule = "32 bytes in base64 that are a point of the curve".to_owned();
            source.error("public", rule, "copy the file that `triune keys new` made")
        })?;
        Ok(Self { id: id_of(&key), role: read.role, key })
    }

    /// It made this signature of `text`.
    #[must_use]
    pub fn has_signed(&self, text: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(text, &Signature::from_bytes(signature)).is_ok()
    }

    /// The key as a number, for the governor.
    #[must_use]
    pub fn number(&self) -> u64 {
        u64::from_str_radix(&self.id, 16).unwrap_or_default()
    }
}

/// The key that made a signature.
pub struct PrivateKey {
    pub(super) key: SigningKey,
}

impl PrivateKey {
    /// Reads a private key, which nobody but its owner may be able to read.
    ///
    /// # Errors
    /// The file cannot be read, others can read it, or it holds no key.
    pub fn load(path: &Path) -> Result<Self, Box<LoadError>> {
        let file = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, &error))?;
        if others_can_read(path) {
            let fix = "chmod 600, and make a new key if somebody may have read this one";
            return Err(secret_error(file, "only its owner may read a private key", fix));
        }
        let source = TomlSource::new(&file, &text);
        // An error of a private key must not carry its text.
        let hidden = |error: Box<LoadError>| secret_error(file.clone(), &error.rule, &error.fix);
        let read: PrivateFile = source.read().map_err(hidden)?;
        expect(&source, "schema", &read.schema, "triune.private-key/1").map_err(hidden)?;
        expect(&source, "algorithm", &read.algorithm, "ed25519").map_err(hidden)?;
        let bytes = base64::decode(&read.private).and_then(|bytes| bytes.try_into().ok());
        let bytes: [u8; 32] = bytes.ok_or_else(|| {
            secret_error(file.clone(), "`private` must be 32 bytes in base64", "make a new key")
        })?;
        Ok(Self { key: SigningKey::from_bytes(&bytes) })
    }

    /// Its signature of `text`. What it is for must stand in the text, lest it be used for
    /// something else.
    #[must_use]
    pub fn sign(&self, text: &[u8]) -> [u8; 64] {
        self.key.sign(text).to_bytes()
    }

    /// Id of the public key that belongs to it.
    #[must_use]
    pub fn id(&self) -> String {
        id_of(&self.key.verifying_key())
    }
}

/// An error about a file whose text must not be shown.
fn secret_error(file: String, rule: &str, fix: &str) -> Box<LoadError> {
    let (key, text) = (String::new(), String::new());
    Box::new(LoadError { file, text, span: None, key, rule: rule.into(), fix: fix.into() })
}

fn expect(
    source: &TomlSource<'_>,
    key: &str,
    found: &str,
    wanted: &str,
) -> Result<(), Box<LoadError>> {
    if found == wanted {
        return Ok(());
    }
    let rule = format!("{key} must be {wanted:?}, found {found:?}");
    Err(source.error(key, rule, "use a file that `triune keys new` made"))
}

fn id_of(key: &VerifyingKey) -> String {
    hexadecimal(&Sha256::digest(key.as_bytes())[..8])
}

/// Makes a pair of keys in `folder`: `<id>.pub` for everybody, `<id>.key` for its owner alone.
/// Returns the two paths.
///
/// # Errors
/// The machine gives no random bytes, or a file cannot be written.
pub fn new_pair(folder: &Path, role: Role) -> io::Result<[PathBuf; 2]> {
    let mut seed = [0; 32];
    fs::File::open("/dev/urandom")?.read_exact(&mut seed)?;
    let private = SigningKey::from_bytes(&seed);
    let public = private.verifying_key();
    fs::create_dir_all(folder)?;
    let [public_path, private_path] =
        ["pub", "key"].map(|ending| folder.join(format!("{}.{ending}", id_of(&public))));
    let text = format!(
        "schema = \"triune.private-key/1\"\nalgorithm = \"ed25519\"\nprivate = \"{}\"\n",
        base64::encode(&seed)
    );
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&private_path)?.write_all(text.as_bytes())?;
    let text = format!(
        "schema = \"triune.key/1\"\nrole = \"{role}\"\nalgorithm = \"ed25519\"\npublic = \"{}\"\n",
        base64::encode(public.as_bytes())
    );
    fs::write(&public_path, text)?;
    Ok([public_path, private_path])
}

/// The keys a robot trusts.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    keys: Vec<PublicKey>,
}

impl Trust {
    /// The keys in the folder `keys` of the robot's folder; none when there is no such folder.
    ///
    /// # Errors
    /// A file ending in `.pub` is no key, or there are too many.
    pub fn load(robot: &Path) -> Result<Self, Box<LoadError>> {
        let folder = robot.join(FOLDER);
        let Ok(entries) = fs::read_dir(&folder) else { return Ok(Self::default()) };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|ending| ending == "pub"));
        files.sort();
        if files.len() > KEYS_MAX {
            let rule = format!("at most {KEYS_MAX} keys, found {}", files.len());
            let file = folder.display().to_string();
            return Err(secret_error(file, &rule, "remove the keys that are not needed"));
        }
        let read = |file: &PathBuf| {
            let text = fs::read_to_string(file).map_err(|error| unreadable(file, &error))?;
            PublicKey::parse(&file.display().to_string(), &text)
        };
        Ok(Self { keys: files.iter().map(read).collect::<Result<_, _>>()? })
    }

    /// The keys whose texts are given with their names.
    ///
    /// # Errors
    /// A text is no key.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, Box<LoadError>> {
        let keys = files.iter().map(|(file, text)| PublicKey::parse(file, text));
        Ok(Self { keys: keys.collect::<Result<_, _>>()? })
    }

    /// The keys in words.
    #[must_use]
    pub fn words(&self) -> String {
        let words = self.keys.iter().map(|key| format!("key {} of the {}", key.id, key.role));
        words.collect::<Vec<_>>().join(", ")
    }

    /// The key with this id.
    #[must_use]
    pub fn key(&self, id: &str) -> Option<&PublicKey> {
        self.keys.iter().find(|key| key.id == id)
    }
}
