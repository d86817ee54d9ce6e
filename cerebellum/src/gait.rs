//! When each foot stands and when it swings.

use model::GaitFile;

/// A periodic gait: one stride of `period` s, each foot on the ground for a share of it, the duty.
#[derive(Clone, Debug)]
pub struct Gait {
    period: f64,
    /// Duty of a slow gait and of a fast one, and the speeds up to and from which they hold, m/s.
    duties: [f64; 2],
    speeds: [f64; 2],
    /// Duty now.
    duty: f64,
    offsets: Vec<f64>,
}

/// Where one foot is in its stride.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FootPhase {
    /// On the ground; the share of the stance that has passed, 0 to 1.
    Stance(f64),
    /// In the air; the share of the swing that has passed, 0 to 1.
    Swing(f64),
}

impl Gait {
    /// As `file` has it, at rest.
    #[must_use]
    pub fn new(file: &GaitFile) -> Self {
        Self {
            period: file.period_s,
            duties: file.duty,
            speeds: file.duty_speed_m_s,
            duty: file.duty[0],
            offsets: file.offsets.clone(),
        }
    }

    /// A trot of 0.4 s, 0.6 of it on the ground, with 0.5 from 1.6 m/s on.
    #[cfg(test)]
    pub(crate) fn trot() -> Self {
        let offsets = vec![0.0, 0.5, 0.5, 0.0];
        Self { period: 0.4, duties: [0.6, 0.5], speeds: [0.8, 1.6], duty: 0.6, offsets }
    }

    /// Takes the duty that belongs to `speed`, m/s: a faster body leaves its feet more time in the
    /// air, so that they need not be faster than their joints.
    pub fn suit(&mut self, speed: f64) {
        let [slow, fast] = self.speeds;
        let share = ((speed - slow) / (fast - slow).max(1e-9)).clamp(0.0, 1.0);
        self.duty = self.duties[0] + (self.duties[1] - self.duties[0]) * share;
    }

    /// Phase of `foot` at `time` s after the gait began.
    #[must_use]
    pub fn phase(&self, foot: usize, time: f64) -> FootPhase {
        let offset = self.offsets.get(foot).copied().unwrap_or(0.0);
        let phase = (time / self.period + offset).rem_euclid(1.0);
        if phase < self.duty {
            FootPhase::Stance(phase / self.duty)
        } else {
            FootPhase::Swing((phase - self.duty) / (1.0 - self.duty))
        }
    }

    /// Duration of a stance, s.
    #[must_use]
    pub const fn stance_time(&self) -> f64 {
        self.duty * self.period
    }

    /// Duration of a swing, s.
    #[must_use]
    pub const fn swing_time(&self) -> f64 {
        (1.0 - self.duty) * self.period
    }

    /// Duration of a stride, s.
    #[must_use]
    pub const fn period(&self) -> f64 {
        self.period
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_faster_gait_has_its_feet_longer_in_the_air() {
        let mut gait = Gait::trot();
        let duty_at = |gait: &mut Gait, speed: f64| {
            gait.suit(speed);
            gait.stance_time() / gait.period()
        };
        for (speed, duty) in [(0.0, 0.6), (0.8, 0.6), (1.2, 0.55), (1.6, 0.5), (3.0, 0.5)] {
            assert!((duty_at(&mut gait, speed) - duty).abs() < 1e-12, "{speed}");
        }
    }

    #[test]
    fn diagonal_pairs_alternate_with_both_down_in_between() {
        let gait = Gait::trot();
        let stands =
            |t: f64| [0, 1, 2, 3].map(|f| matches!(gait.phase(f, t), FootPhase::Stance(_)));
        assert_eq!(stands(0.01), [true, true, true, true]);
        assert_eq!(stands(0.10), [true, false, false, true]);
        assert_eq!(stands(0.30), [false, true, true, false]);
        assert!(matches!(gait.phase(0, 0.32), FootPhase::Swing(s) if (s - 0.5).abs() < 1e-9));
    }
}
