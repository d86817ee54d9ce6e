//! What is asked about a lease and what is answered: JSON, small, and of one form only.

use serde::{Deserialize, Serialize};

use super::Refusal;
use crate::network::code::from_hexadecimal;

/// Most bytes of an ask. More are refused before anything looks at them.
pub const ASK_MAX: usize = 4096;
/// Most letters of a name.
pub const NAME_MAX: usize = 64;

/// An ask. Unknown fields are refused: a field that one end means and the other does not see is how
/// protocols are got round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case", deny_unknown_fields)]
pub enum Ask {
    /// Something to sign.
    Challenge {},
    /// The lease.
    Acquire(Box<Acquire>),
    /// To go on holding it.
    Keep(Hold),
    /// To give it back.
    Return(Hold),
}

/// An ask for the lease.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acquire {
    /// Version of the protocol.
    pub protocol: u32,
    /// Free text: who asks.
    pub name: String,
    /// Public part of the holder's secret, 64 hexadecimal digits.
    pub public: String,
    /// 32 hexadecimal digits that differ from ask to ask.
    pub nonce: String,
    /// Take it from another holder.
    #[serde(default)]
    pub take: bool,
    /// Id of the key that signs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Signature, 128 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
    /// The challenge that is signed; without it the newest that the robot gave out for this role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
}

/// An ask of the holder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// Number of the grant.
    pub epoch: u32,
    /// Rises from ask to ask.
    pub count: u64,
    /// Code of the ask, 32 hexadecimal digits.
    pub code: String,
}

impl Ask {
    /// Reads an ask.
    ///
    /// # Errors
    /// [`Refusal::Size`], [`Refusal::Form`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > ASK_MAX {
            return Err(Refusal::Size);
        }
        serde_json::from_slice(bytes).map_err(|_| Refusal::Form)
    }
}

impl Acquire {
    /// The public part, when the ask has the form it must have.
    ///
    /// # Errors
    /// [`Refusal::Protocol`], [`Refusal::Form`].
    pub fn checked(&self) -> Result<[u8; 32], Refusal> {
        if self.protocol != crate::network::code::PROTOCOL {
            return Err(Refusal::Protocol);
        }
        // A line feed in the name would let it stand for the lines after it in what is signed.
        let named = self.name.chars().count() <= NAME_MAX && !self.name.contains(char::is_control);
        let nonce = from_hexadecimal::<16>(&self.nonce).is_some();
        match from_hexadecimal::<32>(&self.public) {
            Some(public) if named && nonce => Ok(public),
            _ => Err(Refusal::Form),
        }
    }
}

/// An answer, as written and as read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// It was done.
    pub ok: bool,
    /// Something to sign.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub challenge: Option<String>,
    /// Number of the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u32>,
    /// Public part of the robot's secret, 64 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public: Option<String>,
    /// What was given lasts so long without use, ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts_ms: Option<u64>,
    /// The robot's clock, ns.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub now_ns: Option<u64>,
    /// The robot's run, 16 hexadecimal digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Why it was not done, one word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The same in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub said: Option<String>,
}

impl Answer {
    /// A refusal.
    #[must_use]
    pub fn refused(refusal: Refusal, said: String) -> Self {
        Self { why: Some(refusal.name().into()), said: Some(said), ..Self::default() }
    }

    /// As JSON.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_an_ask_is_read() {
        let good = [
            r#"{"ask":"challenge"}"#,
            r#"{"ask":"keep","epoch":7,"count":1,"code":"00"}"#,
            r#"{"ask":"return","epoch":4294967295,"count":18446744073709551615,"code":""}"#,
            r#"{"ask":"acquire","protocol":1,"name":"a","public":"","nonce":"","take":true}"#,
        ];
        for text in good {
            assert!(Ask::parse(text.as_bytes()).is_ok(), "{text}");
        }
        let bad = [
            "",
            "null",
            "[]",
            "{}",
            "{\"ask\":\"challenge\"",
            r#"{"ask":"challenge","more":1}"#,
            r#"{"ask":"challenge","ask":"keep"}"#,
            r#"{"ask":"steal"}"#,
            r#"{"ask":"keep","epoch":-1,"count":1,"code":""}"#,
            r#"{"ask":"keep","epoch":4294967296,"count":1,"code":""}"#,
            r#"{"ask":"keep","epoch":7.5,"count":1,"code":""}"#,
            r#"{"ask":"keep","epoch":7,"count":1,"count":2,"code":""}"#,
            r#"{"ask":"keep","epoch":7,"count":1,"code":"","take":true}"#,
            r#"{"ask":"keep","epoch":1e999,"count":1,"code":""}"#,
            r#"{"ask":"acquire","protocol":1,"name":"a","public":"","nonce":"","lasts":9}"#,
        ];
        for text in bad {
            assert_eq!(Ask::parse(text.as_bytes()), Err(Refusal::Form), "{text}");
        }
        assert_eq!(Ask::parse("[".repeat(4096).as_bytes()), Err(Refusal::Form), "deep");
        assert_eq!(Ask::parse(&[0xff; 64]), Err(Refusal::Form), "no text");
        assert_eq!(Ask::parse(&[b' '; 4097]), Err(Refusal::Size));
    }

    #[test]
    fn an_ask_for_a_lease_is_checked_before_keys_are_made() {
        let good = Acquire {
            protocol: 1,
            name: "ann on the laptop".into(),
            public: "0f".repeat(32),
            nonce: "aa".repeat(16),
            ..Acquire::default()
        };
        assert_eq!(good.checked(), Ok([0x0f; 32]));
        let wrong = |change: fn(&mut Acquire)| {
            let mut ask = good.clone();
            change(&mut ask);
            ask.checked().unwrap_err()
        };
        assert_eq!(wrong(|ask| ask.protocol = 2), Refusal::Protocol);
        assert_eq!(wrong(|ask| ask.name = "a\nb".into()), Refusal::Form);
        assert_eq!(wrong(|ask| ask.name = "a".repeat(65)), Refusal::Form);
        assert_eq!(wrong(|ask| ask.public = "0F".repeat(32)), Refusal::Form);
        assert_eq!(wrong(|ask| ask.nonce = "aa".repeat(15)), Refusal::Form);
    }
}
