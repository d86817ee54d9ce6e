//! Published test vectors, and one whole example that another implementation made
//! (`python/tests/lease_vector.json`).

use super::*;
use serde_json::Value;

fn bytes(text: &str) -> Vec<u8> {
    let pairs: Vec<char> = text.chars().collect();
    let byte = |pair: &[char]| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap();
    pairs.chunks(2).map(byte).collect()
}

fn of_32(text: &str) -> [u8; 32] {
    from_hexadecimal(text).unwrap()
}

#[test]
fn keys_agree_as_in_rfc_7748() {
    for (scalar, point, result) in [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ] {
        assert_eq!(x25519(of_32(scalar), of_32(point)), of_32(result), "section 5.2");
    }
    let alice =
        Secret::new(of_32("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"));
    let bob =
        Secret::new(of_32("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"));
    let public = [
        of_32("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"),
        of_32("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"),
    ];
    assert_eq!([alice.public(), bob.public()], public, "section 6.1");
    let shared = of_32("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742");
    assert_eq!(x25519(alice.0, public[1]), shared);
    assert_eq!(x25519(bob.0, public[0]), shared);
}

#[test]
fn keys_are_derived_as_in_rfc_5869() {
    let secret = [0x0b; 22];
    let mut key = [0; 42];
    let salt: Vec<u8> = (0..=0x0c).collect();
    let info: Vec<u8> = (0xf0..=0xf9).collect();
    Hkdf::<Sha256>::new(Some(&salt), &secret).expand(&info, &mut key).unwrap();
    let wanted = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf\
                  34007208d5b887185865";
    assert_eq!(hexadecimal(&key), wanted, "test case 1");
    Hkdf::<Sha256>::new(None, &secret).expand(&[], &mut key).unwrap();
    let wanted = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d\
                  9d201395faa4b61a96c8";
    assert_eq!(hexadecimal(&key), wanted, "test case 3");
}

#[test]
fn codes_are_made_as_in_rfc_4231() {
    // A key that is shorter than a block is filled up with zeros, so any fits into 32 bytes.
    let key = |part: &[u8]| {
        let mut bytes = [0; 32];
        bytes[..part.len()].copy_from_slice(part);
        SessionKey::new(&bytes).unwrap().0
    };
    let cases: [(&[u8], &[u8], &str); 3] = [
        (&[0x0b; 20], b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c7"),
        (&[0x0c; 20], b"Test With Truncation", "a3b6167473100ee06e0c796c2955552b"),
    ];
    for (secret, text, code) in cases {
        assert_eq!(hexadecimal(&cut(key(secret).chain_update(text))), code);
    }
}

/// The file was written by a program in another language, from the texts of the contract alone.
#[test]
fn another_implementation_agrees() {
    let file = include_str!("../../../../python/tests/lease_vector.json");
    let vector: Value = serde_json::from_str(file).unwrap();
    let text = |name: &str| vector[name].as_str().unwrap();
    let [holder, robot] =
        ["holder_secret", "robot_secret"].map(|name| Secret::new(of_32(text(name))));
    let [holder_public, robot_public] = [holder.public(), robot.public()];
    assert_eq!(hexadecimal(&holder_public), text("holder_public"));
    assert_eq!(hexadecimal(&robot_public), text("robot_public"));
    let about = Agreement {
        robot: text("robot"),
        role: text("role"),
        epoch: 7,
        holder: &holder_public,
        own: &robot_public,
    };
    assert_eq!(about.text(), text("info"));
    let keys = [
        holder.agree(&robot_public, &about).unwrap(),
        robot.agree(&holder_public, &about).unwrap(),
        SessionKey::new(&of_32(text("session_key"))).unwrap(),
    ];
    let message = [bytes(text("header")), bytes(text("body"))].concat();
    let code = bytes(text("code"));
    for key in keys {
        assert_eq!(key.seal(text("key_expression"), &message).as_slice(), code);
        assert!(key.fits(text("key_expression"), &message, &code));
        for ask in ["keep", "return"] {
            let count = vector[ask]["count"].as_u64().unwrap();
            let code = bytes(vector[ask]["code"].as_str().unwrap());
            assert_eq!(key.seal_ask(ask, 7, count).as_slice(), code, "{ask}");
            assert!(key.fits_ask(ask, 7, count, &code));
        }
    }
    let part = |name: &str| vector["claim"][name].as_str().unwrap();
    let claim = Claim {
        robot: text("robot"),
        role: text("role"),
        name: part("name"),
        public: text("holder_public"),
        nonce: part("nonce"),
        challenge: part("challenge"),
    };
    assert_eq!(claim.text(), part("text"));
    let signer = ed25519_dalek::SigningKey::from_bytes(&of_32(part("key_seed")));
    let signature = ed25519_dalek::Signer::sign(&signer, claim.text().as_bytes());
    assert_eq!(hexadecimal(&signature.to_bytes()), part("signature"));
}

#[test]
fn a_code_fits_one_message_under_one_key() {
    let key = SessionKey::new(&[7; 32]).unwrap();
    let code = key.seal("triune/quad12/brain/plan", b"header and body");
    assert!(key.fits("triune/quad12/brain/plan", b"header and body", &code));
    assert!(!key.fits("triune/quad12/brain/plan", b"header and bodi", &code));
    assert!(!key.fits("triune/quad12/operator/act", b"header and body", &code));
    assert!(!key.fits("triune/quad12/brain/plan", b"header and body", &code[..15]));
    assert!(!key.fits("triune/quad12/brain/plan", b"header and body", &[]));
    let other = SessionKey::new(&[8; 32]).unwrap();
    assert!(!other.fits("triune/quad12/brain/plan", b"header and body", &code));
    // An ask is no message: there is no zero byte in it.
    assert!(!key.fits("keep", b"7\n3", &key.seal_ask("keep", 7, 3)));
}

#[test]
fn a_public_part_that_fixes_the_key_is_refused() {
    let mut zero_order = [[0; 32], [0; 32], [0xff; 32]];
    zero_order[1][0] = 1;
    zero_order[2][0] = 0xec;
    zero_order[2][31] = 0x7f;
    for public in zero_order {
        let about =
            Agreement { robot: "r", role: "planner", epoch: 1, holder: &public, own: &[9; 32] };
        assert!(Secret::new([3; 32]).agree(&public, &about).is_none());
    }
}

#[test]
fn digits_have_one_form() {
    assert_eq!(from_hexadecimal("00ff"), Some([0, 255]));
    for text in ["00f", "00fff", "00FF", "0 ff", "0xff", ""] {
        assert_eq!(from_hexadecimal::<2>(text), None, "{text:?}");
    }
    let said = format!("{:?} {:?}", Secret::new([1; 32]), SessionKey::new(&[1; 32]));
    assert!(!said.contains('1'), "secrets are not printed: {said}");
}
