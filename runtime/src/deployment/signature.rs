//! Detached signatures: `FILE.sig` beside a file, over its exact bytes.

use std::fs;
use std::path::{Path, PathBuf};

use ed25519_dalek::{Signature, Signer};
use model::{LoadError, TomlSource};
use serde::Deserialize;

use super::keys::{Kind, PrivateKey, PublicKey, Trust};
use super::{base64, unreadable};

/// Stands before the signed bytes, so that a signature made for something else says nothing here.
const DOMAIN: &[u8] = b"triune signed file 1\n";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignatureFile {
    schema: String,
    key: String,
    algorithm: String,
    signature: String,
}

/// Where the signature of `file` lies.
#[must_use]
pub fn path_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".sig");
    name.into()
}

fn signed(bytes: &[u8]) -> Vec<u8> {
    [DOMAIN, bytes].concat()
}

/// The text of a signature of `bytes`.
#[must_use]
pub fn sign(bytes: &[u8], key: &PrivateKey) -> String {
    let signature = key.key.sign(&signed(bytes)).to_bytes();
    format!(
        "schema = \"triune.signature/1\"\nkey = \"{}\"\nalgorithm = \"ed25519\"\n\
         signature = \"{}\"\n",
        key.id(),
        base64::encode(&signature)
    )
}

/// The trusted key that signed `bytes`, the content of `file`, with the signature beside it.
///
/// # Errors
/// Unsigned, signed by a key that is not trusted or may not sign such a file, or altered.
///
/// Clauses: C1.
pub fn verify<'trust>(
    file: &Path,
    bytes: &[u8],
    kind: Kind,
    trust: &'trust Trust,
) -> Result<&'trust PublicKey, Box<LoadError>> {
    let path = path_of(file);
    if !path.exists() {
        return Err(Box::new(LoadError {
            file: file.display().to_string(),
            text: String::new(),
            span: None,
            key: String::new(),
            rule: format!("a {} must be signed, and {} is missing", kind.name(), path.display()),
            fix: "sign it with `triune sign FILE --key KEY`".into(),
        }));
    }
    let text = fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
    check(&path.display().to_string(), &text, bytes, kind, trust)
}

fn check<'trust>(
    file: &str,
    text: &str,
    bytes: &[u8],
    kind: Kind,
    trust: &'trust Trust,
) -> Result<&'trust PublicKey, Box<LoadError>> {
    let source = TomlSource::new(file, text);
    let read: SignatureFile = source.read()?;
    for (key, found, wanted) in
        [("schema", &read.schema, "triune.signature/1"), ("algorithm", &read.algorithm, "ed25519")]
    {
        if found != wanted {
            let rule = format!("{key} must be {wanted:?}, found {found:?}");
            return Err(source.error(key, rule, "sign the file again with `triune sign`"));
        }
    }
    let Some(key) = trust.key(&read.key) else {
        let rule = format!("the robot does not trust the key {}", read.key);
        let fix = "sign with a trusted key, or put its .pub file into the robot's folder keys";
        return Err(source.error("key", rule, fix));
    };
    if !key.role.may_sign(kind) {
        let rule = format!("the key of role {} may not sign a {}", key.role, kind.name());
        return Err(source.error("key", rule, "let somebody sign it whose role permits it"));
    }
    let signature = base64::decode(&read.signature).and_then(|bytes| bytes.try_into().ok());
    let Some(signature) = signature.map(|bytes: [u8; 64]| Signature::from_bytes(&bytes)) else {
        let rule = "64 bytes in base64".to_owned();
        return Err(source.error("signature", rule, "sign the file again with `triune sign`"));
    };
    if key.key.verify_strict(&signed(bytes), &signature).is_err() {
        let rule =
            "the signature does not fit: the file was altered after it was signed".to_owned();
        let fix = "get the file again from whom it came; sign it anew only after reading it";
        return Err(source.error("signature", rule, fix));
    }
    Ok(key)
}
