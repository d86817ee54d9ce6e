//! Values over time as SVG.

use super::put;

/// Room left of the axes for their numbers.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 24.0;
const BOTTOM: f64 = 26.0;
/// Most horizontal grid lines.
const GRID: usize = 6;

/// A plot of one quantity over time.
pub(super) struct Plot<'a> {
    name: [&'a str; 2],
    unit: &'a str,
    /// First and last time, s.
    span: [f64; 2],
    width: f64,
    height: f64,
    low: f64,
    high: f64,
    /// Write the times below it.
    pub(super) time_axis: bool,
    /// Times with a thin vertical line, s.
    pub(super) marks: Vec<f64>,
}

/// One value each tick, ticks evenly spaced; `None` leaves a gap.
pub(super) struct Line<'a> {
    pub(super) class: &'a str,
    pub(super) values: &'a [Option<f32>],
}

impl<'a> Plot<'a> {
    pub(super) fn wide(name: [&'a str; 2], unit: &'a str, span: [f64; 2], height: f64) -> Self {
        Self::sized(name, unit, span, [1080.0, height])
    }

    pub(super) fn half(name: [&'a str; 2], unit: &'a str, span: [f64; 2], height: f64) -> Self {
        Self::sized(name, unit, span, [532.0, height])
    }

    fn sized(name: [&'a str; 2], unit: &'a str, span: [f64; 2], [width, height]: [f64; 2]) -> Self {
        let (time_axis, marks) = (true, Vec::new());
        Self { name, unit, span, width, height, low: -1.0, high: 1.0, time_axis, marks }
    }

    /// Chooses the scale so that `series` fit, with at least `least` to either side of their
    /// middle.
    pub(super) fn fit(&mut self, series: &[&[Option<f32>]], least: f32) {
        let finite = || {
            series
                .iter()
                .flat_map(|values| values.iter().flatten())
                .filter(|value| value.is_finite())
        };
        let low = f64::from(finite().copied().fold(f32::INFINITY, f32::min));
        let high = f64::from(finite().copied().fold(f32::NEG_INFINITY, f32::max));
        if low > high {
            return;
        }
        let (middle, reach) = (f64::midpoint(low, high), (high - low) / 2.0);
        let reach = reach.max(f64::from(least)) * 1.12;
        (self.low, self.high) = (middle - reach, middle + reach);
    }

    pub(super) fn draw(&self, lines: &[Line<'_>]) -> String {
        let bottom = if self.time_axis { BOTTOM } else { 8.0 };
        let (width, height) = (self.width, self.height + TOP + bottom);
        let mut svg = format!("<svg viewBox=\"0 0 {width} {height}\" role=\"img\">\n");
        let [english, chinese] = self.name;
        put(
            &mut svg,
            format_args!(
                "<text class=\"name\" x=\"{LEFT}\" y=\"15\">{english} <tspan \
                 class=\"dim\">{chinese}, \
                 {}</tspan></text>\n",
                self.unit
            ),
        );
        self.axes(&mut svg);
        for line in lines {
            self.line(&mut svg, line);
        }
        svg + "</svg>\n"
    }

    fn x(&self, time: f64) -> f64 {
        time_to_x(time, self.span, self.width)
    }

    fn y(&self, value: f64) -> f64 {
        let share = (self.high - value) / (self.high - self.low);
        TOP + share.clamp(0.0, 1.0) * self.height
    }

    fn axes(&self, svg: &mut String) {
        let (left, right, bottom) = (LEFT, self.width - RIGHT, TOP + self.height);
        let digits = digits(self.high - self.low, GRID);
        for value in steps(self.low, self.high, GRID) {
            let y = self.y(value);
            let zero = if value == 0.0 { " zero" } else { "" };
            put(
                svg,
                format_args!(
                    "<line class=\"grid{zero}\" x1=\"{left}\" x2=\"{right}\" y1=\"{y:.1}\" \
                     y2=\"{y:.1}\"/><text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" \
                     text-anchor=\"end\">{value:.digits$}</text>\n",
                    left - 8.0,
                    y + 4.0
                ),
            );
        }
        time_axis(svg, [self.width, TOP, bottom], self.span, self.time_axis);
        for mark in &self.marks {
            let x = self.x(*mark);
            put(
                svg,
                format_args!(
                    "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" \
                     y2=\"{bottom:.1}\"/>\n"
                ),
            );
        }
    }

    /// Lowest and highest value of each column of pixels, in the order they came.
    fn line(&self, svg: &mut String, line: &Line<'_>) {
        put(svg, format_args!("<path class=\"line {}\" d=\"", line.class));
        let columns = (self.width - LEFT - RIGHT) as usize;
        let per_column = line.values.len().div_ceil(columns).max(1);
        let mut pen_down = false;
        for (column, values) in line.values.chunks(per_column).enumerate() {
            let middle = (column as f64 + 0.5) * per_column as f64 / line.values.len() as f64;
            let x = self.x(self.span[0] + middle.min(1.0) * (self.span[1] - self.span[0]));
            let Some((first, second)) = extremes(values) else {
                pen_down = false;
                continue;
            };
            let command = if pen_down { 'L' } else { 'M' };
            put(svg, format_args!("{command}{x:.1} {:.1}", self.y(first)));
            // A column with one value draws a line of no length; the round cap makes it a dot.
            if second != first || !pen_down {
                put(svg, format_args!("L{x:.1} {:.1}", self.y(second)));
            }
            pen_down = true;
        }
        *svg += "\"/>\n";
    }
}

/// The lowest and the highest finite value, whichever came first first.
fn extremes(values: &[Option<f32>]) -> Option<(f64, f64)> {
    let finite = values.iter().flatten().filter(|value| value.is_finite()).enumerate();
    let by_value = |a: &(usize, &f32), b: &(usize, &f32)| a.1.total_cmp(b.1);
    let low = finite.clone().min_by(by_value)?;
    let high = finite.max_by(by_value)?;
    let (first, second) = if low.0 <= high.0 { (low, high) } else { (high, low) };
    Some((f64::from(*first.1), f64::from(*second.1)))
}

/// Where `time` lies in a plot of this width.
pub(super) fn time_to_x(time: f64, [from, to]: [f64; 2], width: f64) -> f64 {
    LEFT + ((time - from) / (to - from)).clamp(0.0, 1.0) * (width - LEFT - RIGHT)
}

/// Vertical grid lines, with their times below when `numbers`.
pub(super) fn time_axis(
    svg: &mut String,
    [width, top, bottom]: [f64; 3],
    span: [f64; 2],
    numbers: bool,
) {
    let count = if width > 800.0 { 12 } else { 6 };
    let digits = digits(span[1] - span[0], count);
    for time in steps(span[0], span[1], count) {
        let x = time_to_x(time, span, width);
        put(
            svg,
            format_args!(
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{top}\" \
                 y2=\"{bottom:.1}\"/>\n"
            ),
        );
        if numbers {
            let y = bottom + 17.0;
            put(
                svg,
                format_args!(
                    "<text class=\"tick\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"middle\">\
                     {time:.digits$}</text>\n"
                ),
            );
        }
    }
    if numbers {
        let (x, y) = (LEFT - 24.0, bottom + 17.0);
        put(
            svg,
            format_args!("<text class=\"tick\" x=\"{x}\" y=\"{y}\" text-anchor=\"end\">s</text>\n"),
        );
    }
}

/// Round values from `low` to `high`, at most about `count` of them.
pub(super) fn steps(low: f64, high: f64, count: usize) -> Vec<f64> {
    let Some(step) = step(high - low, count) else { return Vec::new() };
    let (first, last) = ((low / step).ceil() as i64, (high / step).floor() as i64);
    (first..=last).map(|index| index as f64 * step).collect()
}

/// The round step that divides `range` into at most `count`.
fn step(range: f64, count: usize) -> Option<f64> {
    let raw = range / count as f64;
    if !raw.is_finite() || raw <= 0.0 {
        return None;
    }
    let power = 10_f64.powf(raw.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|m| m * power).into_iter().find(|step| *step >= raw * 0.999)
}

/// Decimals that tell the steps of a range apart.
fn digits(range: f64, count: usize) -> usize {
    step(range, count).map_or(0, |step| (-(step * 1.001).log10().floor()).max(0.0) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spike_of_one_tick_survives() {
        let mut values = vec![Some(0.0_f32); 60_000];
        values[30_001] = Some(0.9);
        values[40_000] = None;
        let mut plot = Plot::wide(["a", "b"], "m", [0.0, 60.0], 100.0);
        plot.fit(&[&values], 0.1);
        let top = format!("{:.1}", plot.y(f64::from(0.9_f32)));
        let svg = plot.draw(&[Line { class: "measured", values: &values }]);
        assert!(svg.contains(&format!(" {top}")), "{top}");
        assert!(svg.len() < 40_000, "{}", svg.len());
    }

    #[test]
    fn gaps_are_gaps_and_steps_are_round() {
        let values = [Some(0.0), None, None, Some(1.0)];
        let plot = Plot::half(["a", "b"], "m", [0.0, 1.0], 100.0);
        let svg = plot.draw(&[Line { class: "x", values: &values }]);
        assert_eq!(svg.matches("d=\"M").count(), 1);
        assert_eq!(
            svg.split("d=\"").nth(1).unwrap().split('"').next().unwrap().matches('M').count(),
            2
        );
        assert_eq!(
            steps(0.0, 60.0, 12),
            [0.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0, 45.0, 50.0, 55.0, 60.0]
        );
        assert!(steps(1.0, 1.0, 4).is_empty());
    }
}
