//! When each foot stands and when it swings.

/// A periodic gait: one stride of `period` s, each foot on the ground for `duty` of it.
#[derive(Clone, Debug)]
pub struct Gait {
    period: f64,
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
    /// `offsets` in strides, one per foot.
    #[must_use]
    pub const fn new(period: f64, duty: f64, offsets: Vec<f64>) -> Self {
        Self { period, duty, offsets }
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
    pub fn stance_time(&self) -> f64 {
        self.duty * self.period
    }

    /// Duration of a swing, s.
    #[must_use]
    pub fn swing_time(&self) -> f64 {
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
    fn diagonal_pairs_alternate_with_both_down_in_between() {
        let gait = Gait::new(0.4, 0.6, vec![0.0, 0.5, 0.5, 0.0]);
        let stands =
            |t: f64| [0, 1, 2, 3].map(|f| matches!(gait.phase(f, t), FootPhase::Stance(_)));
        assert_eq!(stands(0.01), [true, true, true, true]);
        assert_eq!(stands(0.10), [true, false, false, true]);
        assert_eq!(stands(0.30), [false, true, true, false]);
        assert!(matches!(gait.phase(0, 0.32), FootPhase::Swing(s) if (s - 0.5).abs() < 1e-9));
    }
}
