//! What every board does the same way, without touching a register: the joint loop around
//! [`firmware::Device`], and what is kept through a reset. Each board adds its clock, its links,
//! its motors and its memory, in a few lines that can be read beside its manual.
//!
//! It must never reach hardware itself, allocate, wait or panic.
//!
//! Terms: a *life* of the firmware lasts from one reset to the next; a *peer* is the link on which
//! the host is.
#![no_std]
#![forbid(unsafe_code)]

pub mod bench;
pub mod kept;
pub mod node;
pub mod rotors;
pub mod store;

/// Version of the firmware: major, minor, patch.
pub const VERSION: [u8; 3] = version(env!("CARGO_PKG_VERSION"));

/// First eight hexadecimal digits of the commit it was built from; zero when not known.
pub const COMMIT: u32 = commit(env!("BOARD_COMMIT"));

const fn version(text: &str) -> [u8; 3] {
    let (bytes, mut numbers) = (text.as_bytes(), [0_u8; 3]);
    let (mut at, mut part) = (0, 0);
    while at < bytes.len() && part < numbers.len() {
        match bytes[at] {
            digit @ b'0'..=b'9' => numbers[part] = numbers[part] * 10 + (digit - b'0'),
            _ => part += 1,
        }
        at += 1;
    }
    numbers
}

const fn commit(text: &str) -> u32 {
    match u32::from_str_radix(text, 16) {
        Ok(commit) => commit,
        Err(_) => 0,
    }
}

/// Memory in words of 32 bits that a board has beside its variables.
pub trait Memory {
    /// The word at an index.
    fn load(&self, word: usize) -> u32;
    /// Changes the word at an index.
    fn store(&self, word: usize, value: u32);
}

#[cfg(test)]
mod tests {
    extern crate std;

    use core::cell::RefCell;
    use std::vec::Vec;

    /// Memory of a test; stores beyond `left` are lost, as in a reset that comes between two words.
    pub(crate) struct Words {
        pub(crate) words: RefCell<Vec<u32>>,
        pub(crate) left: RefCell<usize>,
    }

    impl Words {
        pub(crate) fn filled(length: usize, word: u32) -> Self {
            Self { words: RefCell::new([word].repeat(length)), left: RefCell::new(usize::MAX) }
        }
    }

    impl super::Memory for Words {
        fn load(&self, word: usize) -> u32 {
            self.words.borrow()[word]
        }
        fn store(&self, word: usize, value: u32) {
            if *self.left.borrow() > 0 {
                *self.left.borrow_mut() -= 1;
                self.words.borrow_mut()[word] = value;
            }
        }
    }
}
