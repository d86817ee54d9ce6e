//! What makes a message count: a key that two ends agree on, and a code over each message made with
//! it.
//!
//! The robot and the holder of a lease each make a secret for this one lease, exchange the public
//! parts (X25519, RFC 7748), and derive the same session key (HKDF-SHA256, RFC 5869). Whoever has
//! seen every byte in between still does not know it. The code is HMAC-SHA256 (RFC 2104), cut to 16
//! bytes. Nothing here is secret in itself: what is not in [`Agreement`] is not needed to check it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};

use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use x25519_dalek::{X25519_BASEPOINT_BYTES, x25519};

use crate::report::hexadecimal;

/// Bytes of a code.
pub const CODE: usize = 16;

/// Version of what is agreed on and signed; in the texts below.
pub const PROTOCOL: u32 = 1;

/// Fills the bytes it is given with random ones, or says why the machine has none.
pub type Random = Box<dyn FnMut(&mut [u8]) -> io::Result<()> + Send>;

/// Random bytes of the machine.
///
/// # Errors
/// The machine has no source of random bytes.
pub fn machine_random() -> io::Result<Random> {
    let mut source = File::open("/dev/urandom")?;
    Ok(Box::new(move |bytes| source.read_exact(bytes)))
}

/// One end's half of the agreement. Used once, for one lease.
pub struct Secret([u8; 32]);

impl Secret {
    /// The secret of 32 random bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A new secret.
    ///
    /// # Errors
    /// No random bytes.
    pub fn random(random: &mut Random) -> io::Result<Self> {
        let mut bytes = [0; 32];
        random(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// What the other end is told.
    #[must_use]
    pub fn public(&self) -> [u8; 32] {
        x25519(self.0, X25519_BASEPOINT_BYTES)
    }

    /// The key both ends have after telling each other what is public; `None` for a public part
    /// that leads to the same key whatever the secret is (RFC 7748, section 6.1).
    #[must_use]
    pub fn agree(self, other: &[u8; 32], about: &Agreement<'_>) -> Option<SessionKey> {
        let shared = x25519(self.0, *other);
        // Its value is known to everybody, so when it is found out says nothing.
        if shared == [0; 32] {
            return None;
        }
        let mut key = [0; 32];
        let info = about.text();
        Hkdf::<Sha256>::new(None, &shared).expand(info.as_bytes(), &mut key).ok()?;
        SessionKey::new(&key)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// What a session key is for. Both ends must mean the same, else their keys differ.
#[derive(Clone, Copy, Debug)]
pub struct Agreement<'a> {
    /// Name of the robot.
    pub robot: &'a str,
    /// Name of the role: `planner`, `operator` or `maintainer`.
    pub role: &'a str,
    /// Number of the grant.
    pub epoch: u32,
    /// Public part of the holder.
    pub holder: &'a [u8; 32],
    /// Public part of the robot.
    pub own: &'a [u8; 32],
}

impl Agreement<'_> {
    fn text(&self) -> String {
        let Self { robot, role, epoch, holder, own } = self;
        let (holder, own) = (hexadecimal(*holder), hexadecimal(*own));
        format!("triune lease {PROTOCOL}\n{robot}\n{role}\n{epoch}\n{holder}\n{own}")
    }
}

/// The text that a person's or a planner's key signs to get a lease.
#[derive(Clone, Copy, Debug)]
pub struct Claim<'a> {
    /// Name of the robot.
    pub robot: &'a str,
    /// Name of the role.
    pub role: &'a str,
    /// Free text: who asks.
    pub name: &'a str,
    /// Public part of the holder, 64 hexadecimal digits.
    pub public: &'a str,
    /// 32 hexadecimal digits of the holder.
    pub nonce: &'a str,
    /// What the robot gave out to be signed.
    pub challenge: &'a str,
}

impl Claim<'_> {
    /// The text, line by line.
    #[must_use]
    pub fn text(&self) -> String {
        let Self { robot, role, name, public, nonce, challenge } = self;
        format!("triune lease {PROTOCOL}\n{robot}\n{role}\n{name}\n{public}\n{nonce}\n{challenge}")
    }
}

/// The key of one lease: makes codes and checks them.
#[derive(Clone)]
pub struct SessionKey(Hmac<Sha256>);

impl SessionKey {
    /// The key of these bytes. HMAC takes any; `None` cannot happen with 32.
    #[must_use]
    pub fn new(bytes: &[u8; 32]) -> Option<Self> {
        Hmac::new_from_slice(bytes).ok().map(Self)
    }

    /// Code of a message: of its key expression, a zero byte, header and body.
    #[must_use]
    pub fn seal(&self, key_expression: &str, header_and_body: &[u8]) -> [u8; CODE] {
        cut(self.message(key_expression, header_and_body))
    }

    /// `code` is the code of this message. Takes as long whether it is or not.
    #[must_use]
    pub fn fits(&self, key_expression: &str, header_and_body: &[u8], code: &[u8]) -> bool {
        code.len() == CODE
            && self.message(key_expression, header_and_body).verify_truncated_left(code).is_ok()
    }

    /// Code of an ask that concerns the lease itself, such as `keep`. Its text has no zero byte,
    /// and each message has one behind its key expression, so neither can stand for the other.
    #[must_use]
    pub fn seal_ask(&self, ask: &str, epoch: u32, count: u64) -> [u8; CODE] {
        cut(self.ask(ask, epoch, count))
    }

    /// `code` is the code of this ask. Takes as long whether it is or not.
    #[must_use]
    pub fn fits_ask(&self, ask: &str, epoch: u32, count: u64, code: &[u8]) -> bool {
        code.len() == CODE && self.ask(ask, epoch, count).verify_truncated_left(code).is_ok()
    }

    fn message(&self, key_expression: &str, header_and_body: &[u8]) -> Hmac<Sha256> {
        let parts = [key_expression.as_bytes(), &[0], header_and_body];
        parts.iter().fold(self.0.clone(), |code, part| code.chain_update(part))
    }

    fn ask(&self, ask: &str, epoch: u32, count: u64) -> Hmac<Sha256> {
        self.0.clone().chain_update(format!("{ask}\n{epoch}\n{count}"))
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

fn cut(code: Hmac<Sha256>) -> [u8; CODE] {
    let whole: [u8; 32] = code.finalize().into_bytes().into();
    let mut first = [0; CODE];
    first.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
    first
}

/// The bytes that `N * 2` hexadecimal digits stand for; `None` for anything but lower-case digits,
/// so that each value has one text.
#[must_use]
pub fn from_hexadecimal<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = pair else { return None };
        *byte = value(*high)? << 4 | value(*low)?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests;
