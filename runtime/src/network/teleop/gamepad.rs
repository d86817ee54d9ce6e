//! A gamepad through the joystick device of Linux: 8 bytes an event.
//!
//! The device says only what changes. That the pad is gone it says by an error; a radio pad that
//! loses its power is noticed when the kernel gives it up, which may take seconds.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Below this part of full deflection an axis rests.
const DEAD: f32 = 0.12;
/// Bytes of an event.
pub const EVENT: usize = 8;

/// What is held and how far.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pad {
    forward: f32,
    left: f32,
    yaw: f32,
    shoulders: [bool; 2],
    stop: bool,
    /// It was unplugged, or never said anything that can be read.
    pub gone: bool,
}

impl Pad {
    /// Takes an event in: `u32` time, `i16` value, `u8` kind, `u8` number, little-endian. What the
    /// device says at the beginning counts for axes; a button must be pressed anew.
    pub fn take(&mut self, event: [u8; EVENT]) {
        const BUTTON: u8 = 1;
        const AXIS: u8 = 2;
        const BEGINNING: u8 = 0x80;
        let [_, _, _, _, low, high, kind, number] = event;
        let value = i16::from_le_bytes([low, high]);
        match (kind & !BEGINNING, number) {
            // Sticks give less upward and to the left.
            (AXIS, 0) => self.left = -deflection(value),
            (AXIS, 1) => self.forward = -deflection(value),
            (AXIS, 3) => self.yaw = -deflection(value),
            (BUTTON, 4 | 5) => {
                let pressed = value == 1 && kind & BEGINNING == 0;
                if let Some(shoulder) = self.shoulders.get_mut(usize::from(number) - 4) {
                    *shoulder = pressed;
                }
            }
            (BUTTON, 1) if value == 1 && kind & BEGINNING == 0 => self.stop = true,
            _ => {}
        }
    }

    /// Forward, left, counter-clockwise, each -1 to 1; `None` unless a shoulder button is held.
    #[must_use]
    pub fn direction(&self) -> Option<[f32; 3]> {
        let held = !self.gone && self.shoulders.contains(&true);
        held.then_some([self.forward, self.left, self.yaw])
    }

    /// The stop button was pressed since this was asked last.
    pub const fn take_stop(&mut self) -> bool {
        std::mem::replace(&mut self.stop, false)
    }
}

/// -1 to 1, nothing around the middle, and no jump where it begins.
fn deflection(value: i16) -> f32 {
    let part = (f32::from(value) / 32767.0).clamp(-1.0, 1.0);
    let beyond = (part.abs() - DEAD).max(0.0) / (1.0 - DEAD);
    beyond.copysign(part)
}

/// Reads the device on a thread of its own, until it is gone.
///
/// # Errors
/// It cannot be opened; no thread.
pub fn open(path: &Path) -> std::io::Result<Arc<Mutex<Pad>>> {
    let mut device = File::open(path)?;
    let pad: Arc<Mutex<Pad>> = Arc::default();
    let shared = Arc::clone(&pad);
    // Not joined: a read of the device ends only with an event.
    std::thread::Builder::new().name("gamepad".into()).spawn(move || {
        let mut event = [0; EVENT];
        let lock = || shared.lock().unwrap_or_else(PoisonError::into_inner);
        while device.read_exact(&mut event).is_ok() {
            lock().take(event);
        }
        *lock() = Pad { gone: true, ..Pad::default() };
    })?;
    Ok(pad)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(kind: u8, number: u8, value: i16) -> [u8; EVENT] {
        let [low, high] = value.to_le_bytes();
        [1, 2, 3, 4, low, high, kind, number]
    }

    #[test]
    fn axes_count_only_while_a_shoulder_button_is_held() {
        let mut pad = Pad::default();
        pad.take(event(0x82, 1, -32767));
        assert_eq!(pad.direction(), None);
        pad.take(event(0x81, 5, 1));
        assert_eq!(pad.direction(), None, "held before it began: it must be pressed anew");
        pad.take(event(1, 5, 1));
        assert_eq!(pad.direction(), Some([1.0, 0.0, 0.0]));
        pad.take(event(2, 0, 32767));
        pad.take(event(2, 3, i16::MIN));
        assert_eq!(pad.direction(), Some([1.0, -1.0, 1.0]));
        pad.take(event(1, 4, 1));
        pad.take(event(1, 5, 0));
        assert!(pad.direction().is_some(), "the other one is held");
        pad.take(event(1, 4, 0));
        assert_eq!(pad.direction(), None);
        pad.take(event(1, 1, 1));
        assert!(pad.take_stop() && !pad.take_stop());
        for other in [event(1, 255, 1), event(2, 255, 5), event(9, 0, 5), [0xff; EVENT]] {
            let before = pad;
            pad.take(other);
            assert_eq!(pad, before);
        }
    }

    #[test]
    fn around_the_middle_nothing_moves_and_nothing_jumps() {
        assert_eq!(deflection(3000), 0.0);
        assert_eq!((deflection(i16::MAX), deflection(i16::MIN)), (1.0, -1.0));
        let first = deflection((32767.0 * (DEAD + 0.01)) as i16);
        assert!(first > 0.0 && first < 0.02, "{first}");
    }

    #[test]
    fn one_that_is_unplugged_is_released() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let bytes = [event(1, 5, 1), event(2, 1, -32767)].concat();
        std::fs::write(file.path(), [&bytes[..], &[1, 2, 3]].concat()).unwrap();
        let pad = open(file.path()).unwrap();
        let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while !pad.lock().unwrap().gone && std::time::Instant::now() < until {
            std::thread::yield_now();
        }
        assert!(pad.lock().unwrap().gone && pad.lock().unwrap().direction().is_none());
        assert!(open(Path::new("/nonexistent/js0")).is_err());
    }
}
