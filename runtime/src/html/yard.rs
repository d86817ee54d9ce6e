//! The place from above, and where the robot went in it.

use signals::{Instant, Level};

use super::plot::steps;
use super::{HtmlInput, levels, put};
use crate::journal::Tick;

const WIDTH: f64 = 1080.0;
const HEIGHT_MAX: f64 = 620.0;
/// Room left, right and below for the numbers.
const MARGIN: f64 = 34.0;
const TOP: f64 = 6.0;
/// The path is drawn in steps of this length, m.
const PATH_STEP: f32 = 0.02;
/// Drawn around the goal, m.
const GOAL_RADIUS: f32 = 0.4;

/// The place the robot runs in, seen from above, world frame, m.
#[derive(Clone, Debug, PartialEq)]
pub struct Yard {
    /// Lowest x and y.
    pub from: [f32; 2],
    /// Highest x and y.
    pub to: [f32; 2],
    /// Walls and boxes.
    pub blocks: Vec<Block>,
    /// Posts and barrels.
    pub discs: Vec<Disc>,
    /// Where the robot starts.
    pub start: [f32; 2],
    /// Where it must go.
    pub goal: Option<Disc>,
}

/// A rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Block {
    /// Its middle.
    pub center: [f32; 2],
    /// Half its length along its own x and y.
    pub half: [f32; 2],
    /// How far it is turned, rad.
    pub yaw: f32,
}

/// A circle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Disc {
    /// Its middle.
    pub center: [f32; 2],
    /// Its radius.
    pub radius: f32,
}

impl Default for Yard {
    /// An empty place of 4 m by 4 m around the start.
    fn default() -> Self {
        let (blocks, discs) = (Vec::new(), Vec::new());
        Self { from: [-2.0; 2], to: [2.0; 2], blocks, discs, start: [0.0; 2], goal: None }
    }
}

impl From<&sim::Yard> for Yard {
    fn from(yard: &sim::Yard) -> Self {
        let plain = |[x, y]: [signals::Metres; 2]| [x.0, y.0];
        let goal = Disc { center: plain(yard.goal()), radius: GOAL_RADIUS };
        let mut drawn = Self { start: plain(yard.start()), goal: Some(goal), ..Self::default() };
        for solid in yard.obstacles().iter().chain(yard.walls()) {
            let center = plain(solid.center);
            match solid.outline {
                sim::Outline::Circle { radius } => {
                    drawn.discs.push(Disc { center, radius: radius.0 });
                }
                sim::Outline::Rectangle { half, yaw } => {
                    drawn.blocks.push(Block { center, half: plain(half), yaw: yaw.0 });
                }
            }
            let reach = solid.circumradius().0;
            drawn.include(center, if yard.walls().contains(solid) { 0.0 } else { reach });
        }
        drawn.include(drawn.start, 1.0);
        drawn.include(goal.center, 1.0);
        drawn
    }
}

impl Yard {
    /// Widens the drawing so that it holds `point` with `around` about it.
    fn include(&mut self, point: [f32; 2], around: f32) {
        for ((from, to), value) in self.from.iter_mut().zip(&mut self.to).zip(point) {
            *from = from.min(value - around);
            *to = to.max(value + around);
        }
    }
}

pub(super) fn draw(input: &HtmlInput<'_>, yard: &Yard) -> String {
    let map = Map::of(yard);
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {:.0}\" role=\"img\">\n", map.height());
    map.grid(&mut svg);
    for block in &yard.blocks {
        map.block(&mut svg, block);
    }
    for disc in &yard.discs {
        map.disc(&mut svg, "solid", disc);
    }
    if let Some(goal) = &yard.goal {
        map.disc(&mut svg, "goal", goal);
        map.label(&mut svg, goal.center, -goal.radius, "goal 目标");
    }
    map.path(&mut svg, input.ticks);
    let start = Disc { center: yard.start, radius: 0.08 };
    map.disc(&mut svg, "start", &start);
    map.label(&mut svg, start.center, -start.radius, "start 起点");
    for event in input.events.iter().filter(|event| event.kind == "shove") {
        map.shove(&mut svg, input.ticks, event.at_s, event.values);
    }
    svg + "</svg>\n<p class=\"note\">The path is coloured by level (see below); the dashed line \
           is where \
           the robot believed to be. <span lang=\"zh\">路径按级别着色；虚线为机器人自身估计。</span></p>\n"
}

/// Where the robot really was, or believed to be where nobody knows.
fn place(tick: &Tick) -> [f32; 2] {
    let [x, y, _] = tick.true_position.unwrap_or(tick.position);
    [x.0, y.0]
}

/// From metres to pixels; y up becomes y down.
struct Map {
    from: [f64; 2],
    to: [f64; 2],
    scale: f64,
    left: f64,
}

impl Map {
    fn of(yard: &Yard) -> Self {
        let [from, to] = [yard.from, yard.to].map(|corner| corner.map(f64::from));
        let size = [(to[0] - from[0]).max(0.1), (to[1] - from[1]).max(0.1)];
        let scale = ((WIDTH - 2.0 * MARGIN) / size[0]).min((HEIGHT_MAX - TOP - MARGIN) / size[1]);
        let left = (WIDTH - scale * size[0]) / 2.0;
        Self { from, to, scale, left }
    }

    fn height(&self) -> f64 {
        (self.to[1] - self.from[1]).max(0.1) * self.scale + TOP + MARGIN
    }

    fn point(&self, [x, y]: [f32; 2]) -> (f64, f64) {
        let right = (f64::from(x) - self.from[0]) * self.scale;
        let down = (self.to[1] - f64::from(y)) * self.scale;
        (self.left + right, TOP + down)
    }

    fn grid(&self, svg: &mut String) {
        let (left, top) = self.point([self.from[0] as f32, self.to[1] as f32]);
        let (right, bottom) = self.point([self.to[0] as f32, self.from[1] as f32]);
        put(
            svg,
            format_args!(
                "<rect class=\"ground\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" \
                 height=\"{:.1}\"/>\n",
                right - left,
                bottom - top
            ),
        );
        for x in steps(self.from[0], self.to[0], 10) {
            let (x_px, _) = self.point([x as f32, 0.0]);
            put(
                svg,
                format_args!(
                    "<line class=\"grid\" x1=\"{x_px:.1}\" x2=\"{x_px:.1}\" y1=\"{top:.1}\" \
                     y2=\"{bottom:.1}\"/><text class=\"tick\" x=\"{x_px:.1}\" y=\"{:.1}\" \
                     text-anchor=\"middle\">{x}</text>\n",
                    bottom + 17.0
                ),
            );
        }
        for y in steps(self.from[1], self.to[1], 6) {
            let (_, y_px) = self.point([0.0, y as f32]);
            put(
                svg,
                format_args!(
                    "<line class=\"grid\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y_px:.1}\" \
                     y2=\"{y_px:.1}\"/><text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" \
                     text-anchor=\"end\">{y}</text>\n",
                    left - 8.0,
                    y_px + 4.0
                ),
            );
        }
        put(
            svg,
            format_args!(
                "<text class=\"tick\" x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">m</text>\n",
                left - 8.0,
                bottom + 17.0
            ),
        );
    }

    fn block(&self, svg: &mut String, block: &Block) {
        let (x, y) = self.point(block.center);
        let [width, height] = block.half.map(|half| 2.0 * f64::from(half) * self.scale);
        // Counter-clockwise in the world is clockwise with y down.
        let degrees = -f64::from(block.yaw).to_degrees();
        put(
            svg,
            format_args!(
                "<rect class=\"solid\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" \
                 height=\"{height:.1}\" rx=\"2\" transform=\"rotate({degrees:.2} {x:.1} \
                 {y:.1})\"/>\n",
                x - width / 2.0,
                y - height / 2.0
            ),
        );
    }

    fn disc(&self, svg: &mut String, class: &str, disc: &Disc) {
        let ((x, y), radius) = (self.point(disc.center), f64::from(disc.radius) * self.scale);
        put(
            svg,
            format_args!(
                "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\"/>\n"
            ),
        );
    }

    fn label(&self, svg: &mut String, [x, y]: [f32; 2], above: f32, text: &str) {
        let (x, y) = self.point([x, y + above]);
        put(
            svg,
            format_args!(
                "<text class=\"tick strong\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{text}\
                 </text>\n",
                y + 15.0
            ),
        );
    }

    fn path(&self, svg: &mut String, ticks: &[Tick]) {
        let believed = ticks.iter().map(|tick| [tick.position[0].0, tick.position[1].0]);
        let believed = thinned(believed.map(|point| (point, Level::Nominal)));
        for stretch in &believed {
            self.polyline(svg, "believed", stretch.iter().map(|(point, _)| *point));
        }
        let really = thinned(ticks.iter().map(|tick| (place(tick), tick.level)));
        for stretch in &really {
            let level = stretch.first().map_or(Level::Nominal, |(_, level)| *level);
            let class = format!("path level{}", levels::class(level));
            self.polyline(svg, &class, stretch.iter().map(|(point, _)| *point));
        }
    }

    fn polyline(&self, svg: &mut String, class: &str, points: impl Iterator<Item = [f32; 2]>) {
        put(svg, format_args!("<polyline class=\"{class}\" points=\""));
        for point in points {
            let (x, y) = self.point(point);
            put(svg, format_args!("{x:.1},{y:.1} "));
        }
        *svg += "\"/>\n";
    }

    /// An arrow onto the place where the body was pushed, in the direction of the force.
    fn shove(&self, svg: &mut String, ticks: &[Tick], at_s: f64, values: [Option<f32>; 4]) {
        let at = Instant::from_nanos((at_s * 1e9) as u64);
        let Some(tick) = ticks.get(ticks.partition_point(|tick| tick.at < at)) else { return };
        let [fx, fy] = [values[0], values[1]].map(|force| f64::from(force.unwrap_or(0.0)));
        let force = fx.hypot(fy);
        if force < 1e-6 {
            return;
        }
        let (x, y) = self.point(place(tick));
        let (along, across) = (fx / force, -fy / force);
        let (tail_x, tail_y) = (x - along * 46.0, y - across * 46.0);
        let (neck_x, neck_y) = (x - along * 11.0, y - across * 11.0);
        put(
            svg,
            format_args!(
                "<g class=\"shove\"><line x1=\"{tail_x:.1}\" y1=\"{tail_y:.1}\" x2=\"{neck_x:.1}\" \
                 y2=\"{neck_y:.1}\"/><polygon points=\"{x:.1},{y:.1} {:.1},{:.1} {:.1},{:.1}\"/>\
                 <text class=\"tick strong\" x=\"{:.1}\" y=\"{:.1}\">{force:.0} N</text></g>\n",
                neck_x - across * 6.0,
                neck_y + along * 6.0,
                neck_x + across * 6.0,
                neck_y - along * 6.0,
                tail_x + 7.0,
                tail_y + if across < 0.0 { 6.0 } else { 2.0 }
            ),
        );
    }
}

/// The points at least a step apart, cut where the level changes; each piece begins where the last
/// ended.
fn thinned(points: impl Iterator<Item = ([f32; 2], Level)>) -> Vec<Vec<([f32; 2], Level)>> {
    let mut pieces: Vec<Vec<([f32; 2], Level)>> = Vec::new();
    let mut last: Option<([f32; 2], Level)> = None;
    for (point, level) in points.filter(|(point, _)| point.iter().all(|p| p.is_finite())) {
        let same = last.is_some_and(|(_, before)| before == level);
        let near = last.is_some_and(|(before, _)| {
            (before[0] - point[0]).hypot(before[1] - point[1]) < PATH_STEP
        });
        if !same {
            let from = last.map(|(before, _)| (before, level));
            pieces.push(from.into_iter().collect());
        }
        if !same || !near {
            if let Some(piece) = pieces.last_mut() {
                piece.push((point, level));
            }
            last = Some((point, level));
        }
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_cut_where_the_level_changes_and_stays_one_line() {
        let points = (0..1000).map(|step| {
            let level = if step < 500 { Level::Nominal } else { Level::Hold };
            ([step as f32 * 0.005, 0.0], level)
        });
        let pieces = thinned(points);
        assert_eq!(pieces.len(), 2);
        assert_eq!(pieces[0].last().unwrap().0, pieces[1][0].0);
        assert!(pieces[0].len() < 140, "{}", pieces[0].len());
    }

    #[test]
    fn the_map_keeps_the_yard_inside_and_north_up() {
        let map = Map::of(&Yard { from: [-1.0, -4.0], to: [9.0, 4.0], ..Yard::default() });
        let (left, top) = map.point([-1.0, 4.0]);
        let (right, bottom) = map.point([9.0, -4.0]);
        assert!(left >= MARGIN && right <= WIDTH - MARGIN + 0.1);
        assert!(top < bottom && bottom <= map.height() - MARGIN + 0.1);
    }
}
