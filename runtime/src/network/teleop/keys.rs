//! Keys as a stick: which are held, and what they ask for.

use std::time::Duration;

/// Without a word of a key's release it counts for so long after it was last heard of. Key repeat
/// comes every 30 to 50 ms once it has begun; until then the robot pauses.
pub const REPEATS: Duration = Duration::from_millis(150);

/// A direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Forward.
    Forward,
    /// Back.
    Back,
    /// To the left without turning.
    Left,
    /// To the right without turning.
    Right,
    /// Counter-clockwise.
    TurnLeft,
    /// Clockwise.
    TurnRight,
}

const MOVES: usize = 6;

/// Which keys are held.
#[derive(Clone, Copy, Debug)]
pub struct Keys {
    /// The terminal says when a key is let go.
    releases: bool,
    /// When each was heard of last.
    held: [Option<Duration>; MOVES],
}

impl Keys {
    /// No key is held. `releases`: the terminal says when one is let go.
    #[must_use]
    pub const fn new(releases: bool) -> Self {
        Self { releases, held: [None; MOVES] }
    }

    /// A key went down, or repeats.
    pub fn press(&mut self, key: Move, now: Duration) {
        if let Some(held) = self.held.get_mut(key as usize) {
            *held = Some(now);
        }
    }

    /// A key was let go.
    pub fn release(&mut self, key: Move) {
        if let Some(held) = self.held.get_mut(key as usize) {
            *held = None;
        }
    }

    /// All count as let go: the window lost the keyboard.
    pub fn release_all(&mut self) {
        self.held = [None; MOVES];
    }

    /// Forward, left and counter-clockwise, each -1, 0 or 1; `None` while no key is held.
    #[must_use]
    pub fn direction(&self, now: Duration) -> Option<[f32; 3]> {
        let held = |key: Move| {
            let last = self.held.get(key as usize).copied().flatten();
            last.is_some_and(|last| self.releases || now.saturating_sub(last) <= REPEATS)
        };
        let axis = |plus, minus| f32::from(held(plus)) - f32::from(held(minus));
        let any = [Move::Forward, Move::Back, Move::Left, Move::Right];
        let any = any.into_iter().chain([Move::TurnLeft, Move::TurnRight]).any(held);
        any.then(|| {
            [
                axis(Move::Forward, Move::Back),
                axis(Move::Left, Move::Right),
                axis(Move::TurnLeft, Move::TurnRight),
            ]
        })
    }
}

/// What full deflection asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Speed {
    /// Forward and sideways, m/s.
    pub linear: f32,
    /// Turning, rad/s.
    pub yaw: f32,
}

impl Speed {
    const STEP: f32 = 1.25;
    const LINEAR: [f32; 2] = [0.02, 2.0];
    const YAW: [f32; 2] = [0.05, 3.0];

    /// One step faster or slower, within what is sensible; the robot has limits of its own.
    #[must_use]
    pub fn stepped(self, faster: bool) -> Self {
        let by = if faster { Self::STEP } else { 1.0 / Self::STEP };
        let within = |value: f32, [least, most]: [f32; 2]| (value * by).clamp(least, most);
        Self { linear: within(self.linear, Self::LINEAR), yaw: within(self.yaw, Self::YAW) }
    }

    /// The velocity of a deflection of -1 to 1: forward and left in m/s, counter-clockwise in
    /// rad/s.
    #[must_use]
    pub fn times(self, direction: [f32; 3]) -> [f32; 3] {
        let [forward, left, yaw] = direction.map(|part| part.clamp(-1.0, 1.0));
        [forward * self.linear, left * self.linear, yaw * self.yaw]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn with_releases_a_key_counts_until_it_is_let_go() {
        let mut keys = Keys::new(true);
        assert_eq!(keys.direction(ms(0)), None);
        keys.press(Move::Forward, ms(0));
        keys.press(Move::TurnLeft, ms(10));
        assert_eq!(keys.direction(ms(60_000)), Some([1.0, 0.0, 1.0]));
        keys.press(Move::Back, ms(60_000));
        assert_eq!(keys.direction(ms(60_000)), Some([0.0, 0.0, 1.0]), "against each other: none");
        for key in [Move::Forward, Move::Back, Move::TurnLeft] {
            keys.release(key);
        }
        assert_eq!(keys.direction(ms(60_000)), None);
        keys.press(Move::Right, ms(60_000));
        assert_eq!(keys.direction(ms(60_000)), Some([0.0, -1.0, 0.0]));
        keys.release_all();
        assert_eq!(keys.direction(ms(60_000)), None);
    }

    #[test]
    fn without_releases_it_counts_while_it_repeats() {
        let mut keys = Keys::new(false);
        keys.press(Move::Forward, ms(0));
        assert!(keys.direction(ms(150)).is_some());
        assert_eq!(keys.direction(ms(151)), None, "released before the repeat begins");
        for at in (500..2_000).step_by(40) {
            keys.press(Move::Forward, ms(at));
            assert_eq!(keys.direction(ms(at + 39)), Some([1.0, 0.0, 0.0]));
        }
        assert_eq!(keys.direction(ms(3_000)), None);
    }

    #[test]
    fn speed_stays_within_what_is_sensible() {
        let mut speed = Speed { linear: 0.2, yaw: 0.5 };
        assert_eq!(speed.times([1.0, -0.5, 2.0]), [0.2, -0.1, 0.5]);
        for _ in 0..99 {
            speed = speed.stepped(true);
        }
        assert_eq!(speed, Speed { linear: 2.0, yaw: 3.0 });
        for _ in 0..99 {
            speed = speed.stepped(false);
        }
        assert_eq!(speed, Speed { linear: 0.02, yaw: 0.05 });
    }
}
