//! Payloads of fixed size that any program can read in place, and the words that describe them.
//!
//! A layout is a struct of little-endian numbers without gaps. `layout!` writes it down once:
//! from that come the struct, its schema for programs in other languages, and its hash, by which
//! two programs notice that they do not mean the same.

use serde_json::{Value, json};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const _: () = assert!(
    cfg!(target_endian = "little"),
    "payloads are little-endian in memory: this machine would have to turn every number round"
);

/// A struct that is its own payload.
pub trait Layout:
    FromBytes + IntoBytes + KnownLayout + Immutable + Copy + Send + Sync + 'static
{
    /// Its name.
    const NAME: &'static str;
    /// What it holds, in one sentence.
    const ABOUT: &'static str;
    /// Its fields, in order and without gaps.
    const FIELDS: &'static [Field];
    /// Two programs whose layouts have the same hash read the same numbers.
    const HASH: u64 = hash(Self::FIELDS);
}

/// One field of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// What one number of it is.
    pub number: Number,
    /// How many numbers; 1 is a single one.
    pub count: usize,
    /// Name of the field that says how many of them are in use.
    pub used_by: Option<&'static str>,
    /// Unit of the numbers; empty for counts, flags and names.
    pub unit: &'static str,
    /// The frame they are given in; empty where that means nothing.
    pub frame: &'static str,
    /// What it means.
    pub about: &'static str,
}

/// What a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Number {
    /// Unsigned, 8 bit; also a byte of text.
    U8,
    /// Unsigned, 32 bit.
    U32,
    /// Unsigned, 64 bit.
    U64,
    /// Signed, 32 bit.
    I32,
    /// Floating, 32 bit.
    F32,
    /// Floating, 64 bit.
    F64,
}

impl Number {
    /// Its name as numpy writes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::U8 => "u1",
            Self::U32 => "u4",
            Self::U64 => "u8",
            Self::I32 => "i4",
            Self::F32 => "f4",
            Self::F64 => "f8",
        }
    }

    /// The number of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        let all = [Self::U8, Self::U32, Self::U64, Self::I32, Self::F32, Self::F64];
        all.into_iter().find(|number| number.name() == name)
    }

    /// Its bytes.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::F64 => 8,
        }
    }
}

/// What may stand in a layout.
pub trait Numbers {
    /// What one number is.
    const NUMBER: Number;
    /// How many there are.
    const COUNT: usize;
}

macro_rules! numbers {
    ($($type:ty = $number:ident),*) => {$(
        impl Numbers for $type {
            const NUMBER: Number = Number::$number;
            const COUNT: usize = 1;
        }
    )*};
}

numbers!(u8 = U8, u32 = U32, u64 = U64, i32 = I32, f32 = F32, f64 = F64);

impl<T: Numbers, const N: usize> Numbers for [T; N] {
    const NUMBER: Number = T::NUMBER;
    const COUNT: usize = N * T::COUNT;
}

/// Hash of a layout: FNV-1a, 64 bit, over `name:number:offset:count:unit:frame;` of each field.
#[must_use]
pub const fn hash(fields: &[Field]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325;
    let mut offset = 0;
    let mut rest = fields;
    while let [field, others @ ..] = rest {
        hash = text(hash, field.name);
        hash = text(byte(hash, b':'), field.number.name());
        hash = decimal(byte(hash, b':'), offset);
        hash = decimal(byte(hash, b':'), field.count);
        hash = text(byte(hash, b':'), field.unit);
        hash = text(byte(hash, b':'), field.frame);
        hash = byte(hash, b';');
        offset += field.number.size() * field.count;
        rest = others;
    }
    hash
}

const fn byte(hash: u64, byte: u8) -> u64 {
    (hash ^ byte as u64).wrapping_mul(0x0000_0100_0000_01b3)
}

const fn text(mut hash: u64, text: &str) -> u64 {
    let mut rest = text.as_bytes();
    while let [first, others @ ..] = rest {
        hash = byte(hash, *first);
        rest = others;
    }
    hash
}

const fn decimal(mut hash: u64, number: usize) -> u64 {
    let mut place = 1;
    while number / place >= 10 {
        place *= 10;
    }
    while place > 0 {
        hash = byte(hash, b'0' + (number / place % 10) as u8);
        place /= 10;
    }
    hash
}

/// The fields of `T` for programs.
#[must_use]
pub fn fields_json<T: Layout>() -> Value {
    let mut offset = 0;
    let field = |field: &Field| {
        let at = offset;
        offset += field.number.size() * field.count;
        json!({
            "name": field.name, "type": field.number.name(), "offset": at, "count": field.count,
            "used_by": field.used_by, "unit": field.unit, "frame": field.frame,
            "about": field.about,
        })
    };
    T::FIELDS.iter().map(field).collect()
}

/// The hash of a layout as people and programs write it.
#[must_use]
pub fn hash_text(hash: u64) -> String {
    format!("{hash:016x}")
}

/// Writes a layout down: per field its name, type, what it means, and where it applies its unit,
/// its frame, and the field that counts its numbers in use.
macro_rules! layout {
    (
        $(#[doc = $about:literal])+
        pub struct $name:ident {
            $(
                $(#[doc = $says:literal])+
                $field:ident: $type:ty
                    $(, unit $unit:literal)? $(, frame $frame:literal)? $(, used $used:literal)?;
            )+
        }
    ) => {
        $(#[doc = $about])+
        #[derive(
            Clone, Copy, Debug, PartialEq, zerocopy::FromBytes, zerocopy::IntoBytes,
            zerocopy::KnownLayout, zerocopy::Immutable,
        )]
        #[repr(C)]
        pub struct $name {
            $($(#[doc = $says])+ pub $field: $type,)+
        }

        impl $crate::network::layout::Layout for $name {
            const NAME: &'static str = stringify!($name);
            const ABOUT: &'static str = concat!($($about),+).trim_ascii();
            const FIELDS: &'static [$crate::network::layout::Field] = &[
                $($crate::network::layout::Field {
                    name: stringify!($field),
                    number: <$type as $crate::network::layout::Numbers>::NUMBER,
                    count: <$type as $crate::network::layout::Numbers>::COUNT,
                    used_by: $crate::network::layout::optional(&[$($used)?]),
                    unit: concat!("" $(, $unit)?),
                    frame: concat!("" $(, $frame)?),
                    about: concat!($($says),+).trim_ascii(),
                },)+
            ];
        }

        impl Default for $name {
            fn default() -> Self {
                <Self as zerocopy::FromZeros>::new_zeroed()
            }
        }
    };
}

pub(crate) use layout;

/// The one there is.
#[must_use]
pub const fn optional(names: &[&'static str]) -> Option<&'static str> {
    match names {
        [name, ..] => Some(name),
        [] => None,
    }
}

layout! {
    /// What stands before the body of every sample.
    pub struct Header {
        /// Hash of the layout of the body.
        layout: u64;
        /// Random number of the sender's run; where a lease is needed, its epoch.
        session: u64;
        /// Counts up from 1 for each topic of one session: a gap is a loss.
        sequence: u64;
        /// Robot's clock when it was measured or decided.
        at: u64, unit "ns";
    }
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "a layout is public, in a test as elsewhere")]
mod tests {
    use super::*;

    layout! {
        /// Two things.
        pub struct Two {
            /// How many are in use.
            count: u32;
            /// A flag.
            flag: u32;
            /// Angles.
            angles: [f32; 4], unit "rad", frame "joint", used "count";
            /// When.
            at: u64, unit "ns";
        }
    }

    #[test]
    fn the_hash_is_fnv_over_the_written_form() {
        let written = "count:u4:0:1::;flag:u4:4:1::;angles:f4:8:4:rad:joint;at:u8:24:1:ns:;";
        assert_eq!(text(0xcbf2_9ce4_8422_2325, written), Two::HASH);
        // Published test vectors of FNV-1a (draft-eastlake-fnv).
        assert_eq!(text(0xcbf2_9ce4_8422_2325, "a"), 0xaf63_dc4c_8601_ec8c);
        assert_eq!(text(0xcbf2_9ce4_8422_2325, "foobar"), 0x8594_4171_f739_67e8);
        assert_ne!(Two::HASH, Header::HASH);
    }

    #[test]
    fn fields_lie_where_the_schema_says() {
        let two = Two { count: 2, flag: 1, angles: [1.0, 2.0, 0.0, 0.0], at: 9 };
        let bytes = two.as_bytes();
        assert_eq!(bytes.len(), 32);
        let fields = fields_json::<Two>();
        let offset = |n: usize| fields[n]["offset"].as_u64().unwrap() as usize;
        assert_eq!(bytes[offset(2)..][..4], 1.0_f32.to_le_bytes());
        assert_eq!(bytes[offset(3)..], 9_u64.to_le_bytes());
        assert_eq!(fields[2]["used_by"], "count");
        assert_eq!(
            (Two::ABOUT, &fields[0]["about"]),
            ("Two things.", &"How many are in use.".into())
        );
        assert_eq!(size_of::<Header>(), 32);
    }
}
