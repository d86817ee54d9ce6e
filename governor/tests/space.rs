//! Where the base may be and how fast: fences and boxes against a point mass that is written
//! without any of the governor's arithmetic, the height band, and the measured speed.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod common;

use std::collections::VecDeque;
use std::f32::consts::PI;

use common::{Bench, ms};
use governor::{Fence, HeightBand, KeepOut, Kind, OverspeedRule, Polygon, Profile, Rule};
use signals::*;

const RADIUS: f32 = 0.4;
const BRAKING: f32 = 1.0;
const REACTION_MS: u64 = 200;

fn polygon(corners: &[[f32; 2]]) -> Option<Polygon> {
    let corners: Vec<_> = corners.iter().map(|[x, y]| [Metres(*x), Metres(*y)]).collect();
    Polygon::new(&corners)
}

fn fence(area: Option<Polygon>, boxes: &[[f32; 4]]) -> Fence {
    let mut keep_out = [KeepOut::default(); governor::KEEP_OUT_MAX];
    for (slot, [x, y, to_x, to_y]) in keep_out.iter_mut().zip(boxes) {
        let (low, high) = ([Metres(*x), Metres(*y)], [Metres(*to_x), Metres(*to_y)]);
        *slot = KeepOut { low, high };
    }
    Fence {
        area,
        keep_out,
        keep_outs: boxes.len(),
        radius: Metres(RADIUS),
        margin: Metres(0.05),
        braking: MetresPerSecondSquared(BRAKING),
        reaction: ms(REACTION_MS),
    }
}

fn profile(fence: Fence) -> Profile {
    Profile {
        fence: Some(fence),
        speed_max: BaseVelocity {
            forward: MetresPerSecond(1.6),
            left: MetresPerSecond(1.6),
            yaw: RadiansPerSecond(2.0),
        },
        plan_validity_max: ms(60_000),
        ..Profile::default()
    }
}

/// A disc that follows an admitted velocity late and with limited acceleration.
struct Disc {
    at: [f64; 2],
    yaw: f64,
    v: [f64; 2],
    w: f64,
    on_the_way: VecDeque<BaseVelocity>,
}

impl Disc {
    fn new(at: [f64; 2], yaw: f64) -> Self {
        let late = usize::try_from(REACTION_MS).unwrap() - 2;
        let on_the_way = VecDeque::from(vec![BaseVelocity::ZERO; late]);
        Self { at, yaw, v: [0.0; 2], w: 0.0, on_the_way }
    }

    fn step(&mut self, admitted: BaseVelocity) {
        self.on_the_way.push_back(admitted);
        let told = self.on_the_way.pop_front().unwrap();
        let (s, c) = self.yaw.sin_cos();
        let (x, y) = (f64::from(told.forward.0), f64::from(told.left.0));
        // What it was told is meant in the heading it has now.
        let change = [c * x - s * y - self.v[0], s * x + c * y - self.v[1]];
        let length = change[0].hypot(change[1]);
        let part = if length > f64::from(BRAKING) * 1e-3 {
            f64::from(BRAKING) * 1e-3 / length
        } else {
            1.0
        };
        self.v = [self.v[0] + change[0] * part, self.v[1] + change[1] * part];
        self.w += (f64::from(told.yaw.0) - self.w).clamp(-4e-3, 4e-3);
        self.yaw += self.w * 1e-3;
        self.at = [self.at[0] + self.v[0] * 1e-3, self.at[1] + self.v[1] * 1e-3];
    }

    fn show(&self, bench: &mut Bench) {
        let half = (self.yaw / 2.0) as f32;
        let (s, c) = self.yaw.sin_cos();
        let [x, y] = self.v;
        let state = &mut bench.state;
        state.attitude = Quaternion { w: half.cos(), x: 0.0, y: 0.0, z: half.sin() };
        state.position = [Metres(self.at[0] as f32), Metres(self.at[1] as f32), Metres(0.3)];
        let own = [(c * x + s * y) as f32, (c * y - s * x) as f32, 0.0];
        state.velocity = own.map(MetresPerSecond);
        state.angular_velocity[2] = RadiansPerSecond(self.w as f32);
        state.posture = Posture::Walking;
    }
}

fn asked(bench: &mut Bench, velocity: BaseVelocity) {
    let mut plan = bench.walk(u64::from(bench.number as u32), 0.0, ms(60_000));
    let steps = [velocity; VELOCITY_STEPS_MAX];
    plan.request =
        PlanRequest::Velocity(VelocityChunk { step: ms(6000), len: 10, velocities: steps });
    bench.plan = Some(plan);
}

/// From the disc's centre to the nearest point of the border or of a box, m.
fn clearance(at: [f64; 2], border: &[[f32; 2]], boxes: &[[f32; 4]]) -> f64 {
    let corners = |b: &[f32; 4]| [[b[0], b[1]], [b[2], b[1]], [b[2], b[3]], [b[0], b[3]]];
    let loops = std::iter::once(border.to_vec()).chain(boxes.iter().map(|b| corners(b).to_vec()));
    let mut nearest = f64::INFINITY;
    for points in loops {
        for (from, to) in points.iter().zip(points.iter().cycle().skip(1)) {
            let [x, y] = [f64::from(to[0] - from[0]), f64::from(to[1] - from[1])];
            let [px, py] = [at[0] - f64::from(from[0]), at[1] - f64::from(from[1])];
            let part = ((px * x + py * y) / (x * x + y * y)).clamp(0.0, 1.0);
            nearest = nearest.min((px - part * x).hypot(py - part * y));
        }
    }
    nearest
}

/// Eight headings, five speeds, three ways to turn, three areas: the disc never touches a border,
/// and where nothing else is in the way it comes near it.
///
/// Clauses: M5.
#[test]
fn no_plan_drives_the_base_over_the_fence() {
    let square = vec![[-2.0, -2.0], [2.0, -2.0], [2.0, 2.0], [-2.0, 2.0]];
    let bend = vec![[-2.0, -2.0], [3.0, -2.0], [3.0, -0.9], [1.0, 0.5], [3.0, 3.0], [-2.0, 2.0]];
    type Ground<'a> = (&'a [[f32; 2]], &'a [[f32; 4]]);
    let table: [Ground<'_>; 3] =
        [(&square, &[]), (&bend, &[]), (&square, &[[0.9, -0.4, 1.3, 1.2], [-1.5, 0.8, -0.8, 1.4]])];
    for (border, boxes) in table {
        for heading in 0..8_u8 {
            for speed in [0.2, 0.5, 0.8, 1.2, 1.6] {
                for yaw in [0.0, 0.4, -1.5] {
                    let what = format!("{border:?} {boxes:?} {heading} {speed} {yaw}");
                    let rule = fence(polygon(border), boxes);
                    let mut bench = Bench::standing(profile(rule));
                    let mut disc = Disc::new([0.0; 2], f64::from(heading) * f64::from(PI) / 4.0);
                    disc.show(&mut bench);
                    let velocity = BaseVelocity {
                        forward: MetresPerSecond(speed),
                        left: MetresPerSecond(0.0),
                        yaw: RadiansPerSecond(yaw),
                    };
                    asked(&mut bench, velocity);
                    let mut nearest = f64::INFINITY;
                    for _ in 0..3000 + (3000.0 / speed) as u32 {
                        let ruling = bench.tick();
                        let Motion::Walk(admitted) = ruling.motion else {
                            panic!("{what}: {ruling:?} {:?}", bench.told());
                        };
                        disc.step(admitted);
                        disc.show(&mut bench);
                        nearest = nearest.min(clearance(disc.at, border, boxes));
                    }
                    assert!(nearest >= f64::from(RADIUS), "{what}: {nearest}");
                    if yaw == 0.0 {
                        assert!(nearest < f64::from(RADIUS) + 0.12, "{what}: {nearest}");
                        assert!(bench.governor.count(Rule::Geofence) > 0, "{what}");
                    }
                    assert_eq!(bench.governor.count(Rule::GeofenceLeft), 0, "{what}");
                }
            }
        }
    }
}

/// As many corners and boxes as there may be, all of them near: none is forgotten.
///
/// Clauses: M5.
#[test]
fn every_one_of_the_most_walls_there_may_be_counts() {
    let toward = |edge: u8| PI / 8.0 * (f32::from(edge) + 0.5);
    let corner = |c: u8| {
        let (s, c) = (PI / 8.0 * f32::from(c)).sin_cos();
        [2.0 / (PI / 16.0).cos() * c, 2.0 / (PI / 16.0).cos() * s]
    };
    let border: Vec<[f32; 2]> = (0..16).map(corner).collect();
    let boxes: Vec<[f32; 4]> = (0..8)
        .map(|number| {
            let (s, c) = toward(2 * number).sin_cos();
            [1.7 * c - 0.05, 1.7 * s - 0.05, 1.7 * c + 0.05, 1.7 * s + 0.05]
        })
        .collect();
    for edge in 0..16 {
        let rule = fence(polygon(&border), &boxes);
        let mut bench = Bench::standing(profile(rule));
        let mut disc = Disc::new([0.0; 2], f64::from(toward(edge)));
        disc.show(&mut bench);
        let velocity = BaseVelocity { forward: MetresPerSecond(1.2), ..BaseVelocity::ZERO };
        asked(&mut bench, velocity);
        for _ in 0..4000 {
            let Motion::Walk(admitted) = bench.tick().motion else { panic!("{:?}", bench.told()) };
            disc.step(admitted);
            disc.show(&mut bench);
            let clear = clearance(disc.at, &border, &boxes);
            assert!(clear >= f64::from(RADIUS), "edge {edge}: {clear} at {:?}", disc.at);
        }
    }
}

/// Into the fence at 45 degrees: what goes along it stays.
///
/// Clauses: M5, E1.
#[test]
fn along_the_fence_the_base_may_go_on() {
    let border = [[-9.0, -2.0], [9.0, -2.0], [9.0, 2.0], [-9.0, 2.0]];
    let mut bench = Bench::standing(profile(fence(polygon(&border), &[])));
    let mut disc = Disc::new([-8.0, 0.0], 0.0);
    disc.show(&mut bench);
    let both = MetresPerSecond(0.8);
    asked(&mut bench, BaseVelocity { forward: both, left: both, ..BaseVelocity::ZERO });
    for _ in 0..12_000 {
        let Motion::Walk(admitted) = bench.tick().motion else { panic!("{:?}", bench.told()) };
        disc.step(admitted);
        disc.show(&mut bench);
    }
    assert!(disc.at[0] > 0.9 && disc.v[0] > 0.79 && disc.v[1] < 0.01, "{:?} {:?}", disc.at, disc.v);
    let record = bench.records.iter().find(|record| record.rule == Rule::Geofence).unwrap();
    assert!(record.kind == Kind::Limited && record.limit > record.measured, "{record:?}");
}

/// A robot that was carried over the border holds at once, and no velocity is admitted. A place
/// that is no number lies nowhere inside.
///
/// Clauses: M5.
#[test]
fn outside_the_fence_the_robot_holds() {
    let border = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]];
    for (x, y, far) in [
        (1.3, 0.0, 0.3),
        (0.0, -1.01, 0.01),
        (f32::NAN, 0.0, 0.0),
        (0.7, 0.65, 0.1),
        (0.6, 0.76, 0.04),
    ] {
        let rule = fence(polygon(&border), &[[0.5, 0.5, 0.8, 0.8]]);
        let mut bench = Bench::standing(profile(rule));
        bench.state.posture = Posture::Walking;
        bench.plan = Some(bench.walk(1, 0.3, ms(2000)));
        assert!(bench.run(100).level < Level::Hold);
        bench.state.position = [Metres(x), Metres(y), Metres(0.3)];
        let ruling = bench.tick();
        assert!(ruling.level >= Level::Hold, "{x} {y}: {ruling:?}");
        assert!(!matches!(ruling.motion, Motion::Walk(_)), "{ruling:?}");
        assert!(bench.governor.count(Rule::GeofenceLeft) > 0, "{x} {y}");
        let told = bench.records.iter().find(|record| record.rule == Rule::GeofenceLeft).unwrap();
        assert!((told.measured - far).abs() < 1e-3, "{told:?}");
    }
}

/// Only a polygon has an inside, and a fence with nonsense in it locks the robot out.
///
/// Clauses: M5, A4.
#[test]
fn a_fence_that_makes_no_sense_is_refused() {
    assert!(polygon(&[[0.0, 0.0], [1.0, 0.0]]).is_none());
    assert!(polygon(&[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]).is_none());
    assert!(polygon(&[[0.0, 0.0], [1.0, 0.0], [0.5, 0.0]]).is_none());
    assert!(polygon(&[[0.0, 0.0], [f32::NAN, 0.0], [0.5, 1.0]]).is_none());
    assert!(polygon(&[[0.0; 2]; 17]).is_none());
    assert!(polygon(&[[0.0, 0.0], [2.0, 0.0], [2.0, 2.0], [1.0, 0.0]]).is_none());
    let area = polygon(&[[0.0, 0.0], [2.0, 0.0], [1.0, 0.5], [2.0, 2.0], [0.0, 2.0]]).unwrap();
    assert!(area.contains([0.5, 1.0]) && !area.contains([1.5, 0.5]) && !area.contains([3.0, 0.1]));
    assert!(!area.contains([f32::NAN, 0.5]) && !area.contains([0.5, f32::NAN]));
    let spoiled = [
        Fence { radius: Metres(f32::NAN), ..fence(Some(area), &[]) },
        Fence { braking: MetresPerSecondSquared(0.0), ..fence(Some(area), &[]) },
        fence(Some(Polygon::unchecked(&[[Metres(0.0); 2]; 17])), &[]),
        Fence { keep_outs: 9, ..fence(Some(area), &[]) },
        fence(Some(area), &[[1.0, 1.0, 0.0, 0.0]]),
        fence(Some(area), &[[1.0, 0.0, 0.0, 1.0]]),
        fence(Some(area), &[[0.0, 1.0, 1.0, 0.0]]),
        Fence { reaction: ms(61_000), ..fence(Some(area), &[]) },
    ];
    for fence in spoiled {
        assert!(profile(fence).check().is_err(), "{fence:?}");
    }
    let height = HeightBand { low: Metres(0.4), high: Metres(0.2) };
    assert!(Profile { height: Some(height), ..Profile::default() }.check().is_err());
}

/// On its feet the base keeps its height, or the robot holds; lying down is no matter of height.
///
/// Clauses: M5.
#[test]
fn a_base_outside_its_band_of_height_holds() {
    let height = Some(HeightBand { low: Metres(0.2), high: Metres(0.4) });
    for (z, posture, level) in [
        (0.3, Posture::Walking, Level::Nominal),
        (0.41, Posture::Walking, Level::Hold),
        (0.19, Posture::Standing, Level::Hold),
        (0.13, Posture::Settling, Level::Nominal),
    ] {
        let profile = Profile { height, ..Profile::default() };
        let mut bench = Bench::new(profile);
        bench.state.position[2] = Metres(0.3);
        let mut bench = bench.started();
        (bench.state.position[2], bench.state.posture) = (Metres(z), posture);
        let ruling = bench.tick();
        assert_eq!(ruling.level, level, "{z} {posture:?}: {:?}", bench.told());
        assert_eq!(bench.governor.count(Rule::BaseHeight) > 0, level == Level::Hold);
        let told = bench.records.iter().find(|record| record.rule == Rule::BaseHeight);
        let limit = if z < 0.3 { Metres(0.2) } else { Metres(0.4) };
        assert!(told.is_none_or(|told| (told.measured, told.limit) == (z, limit.0)), "{told:?}");
    }
}

/// Faster than permitted: slower at once, and a stop when it lasts.
///
/// Clauses: M2.
#[test]
fn a_base_measured_too_fast_is_slowed_then_held() {
    let overspeed = OverspeedRule {
        planar: MetresPerSecond(0.1),
        yaw: RadiansPerSecond(0.2),
        lasting: ms(100),
    };
    let table = [
        (0.6, 0.0, Level::Nominal, Level::Nominal),
        (0.7, 0.0, Level::Limited, Level::Hold),
        (0.3, 1.3, Level::Limited, Level::Hold),
        (-0.7, 0.0, Level::Limited, Level::Hold),
    ];
    for (forward, yaw, first, last) in table {
        let mut bench =
            Bench::standing(Profile { overspeed: Some(overspeed), ..Profile::default() });
        bench.state.velocity[0] = MetresPerSecond(forward);
        bench.state.angular_velocity[2] = RadiansPerSecond(yaw);
        assert_eq!(bench.tick().level, first, "{forward} {yaw}");
        assert_eq!(bench.run(99).level, first, "{forward} {yaw}");
        assert_eq!(bench.tick().level, last, "{forward} {yaw}");
        let held = bench.of_kind(Kind::LevelChanged).contains(&Rule::BaseSpeed);
        assert_eq!(held, last == Level::Hold);
    }
}
