//! Two clocks that run apart: how old a frame is, and what time it is over there.
//!
//! All times are us in 32 bits and wrap after 71 minutes; only differences count.

/// Time over which the quickest frame is looked for, us.
const WINDOW: u32 = 1_000_000;

/// Tells how late a frame is from the sender's stamps alone.
///
/// The least difference of both clocks over the last one to two windows belongs to the frame that
/// was quickest; any other is as late as its difference is larger. Clocks that drift by 100 ppm
/// make an error of at most 0.2 ms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lateness {
    window: Option<Window>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Window {
    began: u32,
    /// Least difference in this window, and in the one before.
    least: u32,
    before: Option<u32>,
}

impl Lateness {
    /// Nothing is known.
    #[must_use]
    pub const fn new() -> Self {
        Self { window: None }
    }

    /// A frame that was sent at `sent` on the other clock arrived at `now` on this one: how late it
    /// is against the quickest one, us. The first frame is not late.
    pub fn of(&mut self, sent: u32, now: u32) -> u32 {
        let difference = now.wrapping_sub(sent);
        let Some(window) = &mut self.window else {
            self.window = Some(Window { began: now, least: difference, before: None });
            return 0;
        };
        if now.wrapping_sub(window.began) >= WINDOW {
            let before = Some(window.least);
            *window = Window { began: now, least: difference, before };
        }
        if is_less(difference, window.least) {
            window.least = difference;
        }
        let least = match window.before {
            Some(before) if is_less(before, window.least) => before,
            _ => window.least,
        };
        difference.wrapping_sub(least)
    }
}

/// On a circle of 32 bits.
const fn is_less(one: u32, other: u32) -> bool {
    one.wrapping_sub(other) >= 1 << 31
}

/// Exchanges that are remembered.
const SAMPLES: usize = 16;
/// Time between two that are remembered, us: together they cover a second.
const SPACING: u32 = WINDOW / SAMPLES as u32;

/// One exchange: when it was sent here, what time it was there, and how long it took.
#[derive(Clone, Copy, Debug)]
struct Sample {
    /// Middle between sent and received, us.
    here: u32,
    there: u32,
    /// Sent to received, us.
    round_trip: u32,
}

/// What time it is on the other clock, from exchanges of stamps (RFC 5905, section 8, with a line
/// through the quickest exchanges in place of its filter).
#[derive(Clone, Debug, Default)]
pub struct ClockSync {
    samples: [Option<Sample>; SAMPLES],
    next: usize,
    began: u32,
}

/// The other clock, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Offset {
    /// The other clock less this one at the time that was asked for, us; wraps.
    pub offset: u32,
    /// How much faster the other clock runs, parts per million.
    pub skew: f32,
    /// How far the offset may be wrong: half the round trip of the quickest exchange, and what a
    /// line misses, us.
    pub uncertainty: u32,
}

impl ClockSync {
    /// Nothing is known.
    #[must_use]
    pub const fn new() -> Self {
        Self { samples: [None; SAMPLES], next: 0, began: 0 }
    }

    /// Takes one exchange: `sent` and `received` on this clock, `there` the other clock between.
    pub fn take(&mut self, sent: u32, there: u32, received: u32) {
        let round_trip = received.wrapping_sub(sent);
        if round_trip > WINDOW {
            return;
        }
        let sample = Sample { here: sent.wrapping_add(round_trip / 2), there, round_trip };
        let Some(slot) = self.samples.get_mut(self.next) else { return };
        match slot {
            // Of those within one spacing the quickest stays.
            Some(old) if sample.here.wrapping_sub(self.began) < SPACING => {
                if round_trip < old.round_trip {
                    *old = sample;
                }
            }
            Some(_) => {
                self.next = (self.next + 1) % SAMPLES;
                self.began = sample.here;
                if let Some(slot) = self.samples.get_mut(self.next) {
                    *slot = Some(sample);
                }
            }
            None => {
                self.began = sample.here;
                *slot = Some(sample);
            }
        }
    }

    /// Time that the quickest exchange took one way, us; zero before the first.
    #[must_use]
    pub fn way(&self) -> u32 {
        self.samples.iter().flatten().map(|sample| sample.round_trip / 2).min().unwrap_or(0)
    }

    /// The other clock at `now` on this one; `None` before the first exchange.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
        reason = "differences of a few seconds, us"
    )]
    pub fn offset(&self, now: u32) -> Option<Offset> {
        let best = self.samples.iter().flatten().min_by_key(|sample| sample.round_trip)?;
        let origin = best.there.wrapping_sub(best.here);
        // A line through the offsets, those of quick exchanges weighing more.
        let (mut w, mut x, mut y, mut xx, mut xy) = (0.0, 0.0, 0.0, 0.0, 0.0_f32);
        let points = || {
            self.samples.iter().flatten().map(|s| {
                let time = s.here.wrapping_sub(best.here) as i32 as f32;
                let off = s.there.wrapping_sub(s.here).wrapping_sub(origin) as i32 as f32;
                let weight = 1.0 / (1.0 + (s.round_trip - best.round_trip) as f32);
                (time, off, weight)
            })
        };
        for (time, off, weight) in points() {
            w += weight;
            x += weight * time;
            y += weight * off;
            xx += weight * time * time;
            xy += weight * time * off;
        }
        let spread = w * xx - x * x;
        // Short of a tenth of a second a slope is noise.
        let known = spread > w * w * 1e10;
        let slope = if known { (w * xy - x * y) / spread } else { 0.0 };
        let middle = (y - slope * x) / w;
        let missed = points()
            .filter(|point| point.2 > 0.05)
            .map(|(time, off, _)| (off - middle - slope * time).abs())
            .fold(0.0, f32::max);
        let ahead = now.wrapping_sub(best.here) as i32 as f32;
        let shift = middle + slope * ahead;
        Some(Offset {
            offset: origin.wrapping_add(shift as i32 as u32),
            skew: slope * 1e6,
            uncertainty: best.round_trip / 2 + missed as u32 + 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clauses: C4.
    #[test]
    fn a_frame_is_as_late_as_it_is_slower_than_the_quickest() {
        let mut lateness = Lateness::new();
        // The other clock is 5 s behind and both wrap on the way.
        let sent = |ms: u32| (u32::MAX - 1_000_000).wrapping_add(ms * 1000);
        let at = |ms: u32, delay: u32| sent(ms).wrapping_add(5_000_000 + delay);
        assert_eq!(lateness.of(sent(0), at(0, 400)), 0);
        assert_eq!(lateness.of(sent(1), at(1, 100)), 0);
        for ms in 2..5000 {
            assert_eq!(lateness.of(sent(ms), at(ms, 100)), 0, "{ms}");
        }
        assert_eq!(lateness.of(sent(5000), at(5000, 30_100)), 30_000);
        assert_eq!(lateness.of(sent(5001), at(5001, 100)), 0);
    }

    #[test]
    fn clocks_that_drift_do_not_make_frames_late() {
        let mut lateness = Lateness::new();
        // 100 ppm: 0.1 us a ms.
        for ms in 0..60_000_u32 {
            let late = lateness.of(ms * 1000, 77 + ms * 1000 + ms / 10);
            assert!(late <= 200, "{ms}: {late}");
        }
    }

    #[test]
    fn offset_and_skew_are_found_within_what_is_claimed() {
        for (ppm, base) in [(0.0, 0_u32), (80.0, 1 << 31), (-80.0, u32::MAX - 10)] {
            let mut sync = ClockSync::new();
            let there = |here: u32| {
                let drift = (f64::from(here) * ppm * 1e-6).round() as i64 as u32;
                base.wrapping_add(here).wrapping_add(drift)
            };
            for ms in 0..3000_u32 {
                let sent = ms * 1000;
                // Half of the exchanges are slow one way.
                let (out, back) = (80 + (ms * 37) % 50, 80 + (ms % 2) * ((ms * 91) % 900));
                sync.take(sent, there(sent + out), sent + out + back);
            }
            let now = 3_000_000;
            let found = sync.offset(now).unwrap();
            let wrong = there(now).wrapping_sub(now).wrapping_sub(found.offset) as i32;
            assert!(wrong.unsigned_abs() <= found.uncertainty, "{ppm}: {wrong} {found:?}");
            assert!(found.uncertainty < 200, "{found:?}");
            assert!((f64::from(found.skew) - ppm).abs() < 60.0, "{found:?}");
        }
        assert_eq!(ClockSync::new().offset(0), None);
    }
}
