//! Linear programs of the two variables of one step, solved exactly.
//!
//! For each `x` the rows leave an interval of `w`. Its width is concave and piecewise linear in
//! `x`, so its root is found by Newton's method from outside in finitely many steps: each tangent
//! lies above the width, so that no step goes too far.

/// More steps than there are kinks on a way towards a root.
const STEPS_MAX: usize = 200;
/// How negative a width may be where no step is left, relative to its bounds.
const ROUNDING: f64 = 1e-9;
/// A coefficient below this part of the largest one of its row is none.
const NOTHING: f64 = 1e-14;

/// A row's coefficients.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    pub(super) w: f64,
    pub(super) x: f64,
}

/// The bound `offset + slope x` of `w`.
#[derive(Clone, Copy, Debug)]
struct Bound {
    offset: f64,
    slope: f64,
}

impl Bound {
    fn at(&self, x: f64) -> f64 {
        self.offset + self.slope * x
    }
}

/// The rows of one step, as bounds of `w` and of `x`.
#[derive(Clone, Debug, Default)]
pub(super) struct Program {
    below: Vec<Bound>,
    above: Vec<Bound>,
    x: [f64; 2],
}

impl Program {
    /// No rows yet, and `x` within `range`.
    pub(super) fn begin(&mut self, range: [f64; 2]) {
        self.below.clear();
        self.above.clear();
        self.x = range;
    }

    /// Adds `low <= line <= high`.
    pub(super) fn add(&mut self, line: Line, low: f64, high: f64) {
        let Line { w, x } = line;
        if w.abs() <= NOTHING * x.abs().max(f64::MIN_POSITIVE) {
            self.add_without_w(x, low, high);
            return;
        }
        let bound = |value: f64| Bound { offset: value / w, slope: -x / w };
        let (low, high) = if w > 0.0 { (low, high) } else { (high, low) };
        if low.is_finite() {
            self.below.push(bound(low));
        }
        if high.is_finite() {
            self.above.push(bound(high));
        }
    }

    fn add_without_w(&mut self, x: f64, low: f64, high: f64) {
        if x == 0.0 {
            if low > 0.0 || high < 0.0 {
                self.x = [1.0, 0.0];
            }
            return;
        }
        let (low, high) = if x > 0.0 { (low / x, high / x) } else { (high / x, low / x) };
        self.x = [self.x[0].max(low), self.x[1].min(high)];
    }

    /// The lowest and highest `x` that some `w` goes with.
    pub(super) fn range(&self) -> Option<[f64; 2]> {
        let [low, high] = self.x;
        if low > high {
            return None;
        }
        let high = self.root(high, -1.0)?;
        let low = self.root(low, 1.0)?;
        // Both are the same point where rounding turns them round.
        Some([low.min(high), high])
    }

    /// From `x` into direction `side` to the first value that leaves an interval of `w`.
    fn root(&self, mut x: f64, side: f64) -> Option<f64> {
        for _ in 0..STEPS_MAX {
            let (low, high) = self.active(x, side);
            let width = high.at(x) - low.at(x);
            let scale = high.at(x).abs().max(low.at(x).abs());
            if width >= -1e-14 * scale {
                return Some(x);
            }
            let slope = high.slope - low.slope;
            // Where two bounds cross, not a step from here: far away that would lose digits.
            let root = (low.offset - high.offset) / slope;
            let on = slope * side > 0.0 && (root - x) * side > 0.0;
            if !on || !(self.x[0]..=self.x[1]).contains(&root) {
                return (width >= -ROUNDING * scale).then_some(x);
            }
            x = root;
        }
        None
    }

    /// The bounds that meet at `x`; of several, those that also meet beyond it towards `side`.
    fn active(&self, x: f64, side: f64) -> (Bound, Bound) {
        let mut low = Bound { offset: f64::NEG_INFINITY, slope: 0.0 };
        let mut high = Bound { offset: f64::INFINITY, slope: 0.0 };
        for bound in &self.below {
            let (one, other) = (bound.at(x), low.at(x));
            if one > other || (one == other && side * bound.slope > side * low.slope) {
                low = *bound;
            }
        }
        for bound in &self.above {
            let (one, other) = (bound.at(x), high.at(x));
            if one < other || (one == other && side * bound.slope < side * high.slope) {
                high = *bound;
            }
        }
        (low, high)
    }

    /// The least and the greatest `w` at `x`.
    pub(super) fn change(&self, x: f64) -> [f64; 2] {
        let (low, high) = self.active(x, 1.0);
        [low.at(x), high.at(x)]
    }
}
