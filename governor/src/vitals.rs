//! What is found about the body as a whole: inertial unit, estimate, feet, supply, standstill, and
//! the loop itself. What concerns one drive is in `drives`, one joint's reading in `watch`, and the
//! thresholds are in `health`.
//!
//! The body is looked at in every tick, but what can wait four milliseconds is looked at in every
//! [`SPREAD`]th tick only.

use core::time::Duration;

use signals::{Instant, Joints, Level, Lifecycle, Metres, Motion, Posture, Quaternion, Radians};

use crate::watch::{Cause, Input, Sight, Worst, ticks};
use crate::{Actor, Rule};

/// Ticks from one look at what can wait to the next.
pub(crate) const SPREAD: u32 = 4;

/// Looks in a row at an inertial unit beyond its range before the robot settles: 12 ms.
const BEYOND_LOOKS: u32 = 3;
/// Time constant of the direction of gravity, s: the steps of a gait even out within it.
const GRAVITY_TIME: f32 = 0.5;
/// Lengths of a mean specific force that can be gravity, m/s^2.
const GRAVITY_BAND: core::ops::Range<f32> = 7.0..13.0;
/// Time an estimate contradicts the sensors before the robot slows down, and before it settles.
const DIVERGED_LIMITED: Duration = Duration::from_millis(20);
const DIVERGED_SETTLE: Duration = Duration::from_millis(400);
/// Time without weight on the feet that means lifted (fault 71), less what the foot sensors take.
const LIFTED: Duration = Duration::from_millis(170);
/// Time outside the voltage range before the robot slows down, and before it settles (fault 47).
const VOLTAGE_LIMITED: Duration = Duration::from_millis(10);
const VOLTAGE_SETTLE: Duration = Duration::from_millis(150);
/// Drives that are asked for torque have so long to get ready.
const ARMING: Duration = Duration::from_millis(200);
/// Charge left below which a person is told, warned, guided, and the robot stands (regulation
/// notes, section 5: margins of 30, 20 and 15 %, and 10 %).
const CHARGES: [(f32, Level); 4] =
    [(0.30, Level::Notice), (0.20, Level::Warning), (0.15, Level::Guidance), (0.10, Level::Hold)];
/// A robot that holds with an empty battery settles after this time.
const CHARGE_HOLD: Duration = Duration::from_secs(30);
/// A robot that holds counts as standing still when it was slower than this, m/s, for so long.
const AT_REST: (f32, Duration) = (0.03, Duration::from_millis(500));
/// Looks in a row at a drift before it counts: 8 ms.
const DRIFT_LOOKS: u32 = 2;
/// A limp body may sink for so long; then its joints are compared once a window.
const SINK: Duration = Duration::from_secs(2);
const BACK_DRIVE_WINDOW: Duration = Duration::from_secs(1);
/// Ticks among which skipped ones are counted.
pub(crate) const LATE_WINDOW: u32 = 10;
pub(crate) const LATE_WINDOW_LONG: u32 = 100;

/// What has to be remembered of the body as a whole.
#[derive(Debug)]
pub(crate) struct Vitals {
    /// Counts looks.
    turn: u32,
    /// Number and time of the last cycle.
    last: Option<(u64, Instant)>,
    /// The last ticks, newest in the lowest bit, one where a tick was skipped.
    late: u128,
    /// The last inertial reading, and how often it has come again.
    imu: [f32; 6],
    imu_at: Instant,
    imu_times: u32,
    beyond: u32,
    /// The accelerometer's reading, averaged, m/s^2, base frame.
    gravity: Option<[f32; 3]>,
    diverged_since: Option<Instant>,
    hot_since: Option<Instant>,
    lifted_since: Option<Instant>,
    voltage_since: Option<Instant>,
    unarmed_since: Option<Instant>,
    /// How many thresholds the charge has passed, and since when the robot holds for the last.
    charge: usize,
    charge_held: Option<Instant>,
    rest: Rest,
    limp: Limp,
}

/// A holding robot: since when it has been slow, and where it then came to rest.
#[derive(Debug, Default)]
struct Rest {
    slow_since: Option<Instant>,
    place: Option<([Metres; 3], Joints<Radians>)>,
    looks: u32,
}

/// A limp robot: since when, and where its joints were at the last comparison.
#[derive(Debug, Default)]
struct Limp {
    since: Option<Instant>,
    place: Option<(Instant, Joints<Radians>)>,
}

impl Vitals {
    pub(crate) fn new() -> Self {
        Self {
            turn: 0,
            last: None,
            late: 0,
            imu: [f32::NAN; 6],
            imu_at: Instant::ZERO,
            imu_times: 0,
            beyond: 0,
            gravity: None,
            diverged_since: None,
            hot_since: None,
            lifted_since: None,
            voltage_since: None,
            unarmed_since: None,
            charge: 0,
            charge_held: None,
            rest: Rest::default(),
            limp: Limp::default(),
        }
    }

    /// Begins a look: judges the loop by its own cycles. Returns the number of this look, and
    /// whether the cycle before was the one that was due before.
    pub(crate) fn begin(&mut self, input: &Input<'_>, sight: &mut Sight) -> (u32, bool) {
        self.turn = self.turn.wrapping_add(1);
        let (number, now) = (input.cycle.number, input.cycle.now);
        let (before, at) = self.last.replace((number, now)).unwrap_or((number, now));
        let skipped = number.saturating_sub(before).saturating_sub(1);
        if skipped == 0 && self.late == 0 {
            return (self.turn, true);
        }
        self.skip(skipped, now.since(at), input, sight);
        (self.turn, skipped == 0)
    }

    /// Ticks were skipped not long ago.
    fn skip(&mut self, skipped: u64, gap: Duration, input: &Input<'_>, sight: &mut Sight) {
        let rule = &input.profile.health;
        let width = u32::try_from(skipped).unwrap_or(u32::MAX);
        // One bit for each skipped tick, and a zero for this one.
        let fresh = u128::MAX.checked_shl(width).map_or(u128::MAX, |ones| !ones);
        let older = self.late.checked_shl(width.saturating_add(1)).unwrap_or_default();
        self.late = (older | (fresh << 1)) & ((1 << LATE_WINDOW_LONG) - 1);
        let few = (self.late & ((1 << LATE_WINDOW) - 1)).count_ones();
        let many = self.late.count_ones();
        let period = input.cycle.period.as_secs_f32();
        let lost = |number: u32| ticks(number) * period;
        let (level, measured, limit) = if skipped > 0 && gap > rule.late_gap {
            (Level::Hold, gap.as_secs_f32(), rule.late_gap.as_secs_f32())
        } else if many >= rule.late_hold {
            (Level::Hold, lost(many), lost(rule.late_hold))
        } else if few >= rule.late_limited {
            (Level::Limited, lost(few), lost(rule.late_limited))
        } else if skipped > 0 {
            (Level::Notice, lost(width), 0.0)
        } else {
            return;
        };
        // Nothing was lost by a robot that does not move.
        let level = if input.limp() { Level::Notice } else { level };
        let cause = Cause::new(level, Rule::CycleLate, Actor::Governor);
        sight.worst.add(cause.because(measured, limit));
    }

    /// A winding is this hot; none counts as cold.
    pub(crate) fn heat(&mut self, hottest: Option<Cause>, now: Instant, worst: &mut Worst) {
        let Some(cause) = hottest else {
            self.hot_since = None;
            return;
        };
        // One hot reading may be wrong; a winding does not get hot in a moment.
        let since = *self.hot_since.get_or_insert(now);
        if now.since(since) >= DIVERGED_LIMITED {
            worst.add(cause);
        }
    }

    /// Looks at everything that is not a joint.
    pub(crate) fn look(&mut self, estimate_off: Option<Cause>, input: &Input<'_>, s: &mut Sight) {
        let inertial = !input.profile.fixed_base;
        if inertial {
            self.look_at_imu(input, &mut s.worst);
        }
        let off = if self.turn.is_multiple_of(SPREAD) {
            if inertial {
                self.look_at_range(input, &mut s.worst);
            }
            self.look_at_feet(input, &mut s.worst);
            if input.frame.supply.is_some() {
                self.look_at_supply(input, &mut s.worst);
            }
            self.look_at_drives(input, &mut s.worst);
            self.look_at_rest(input, &mut s.worst);
            self.look_at_limp(input, &mut s.worst);
            estimate_off.or_else(|| self.contradiction(input).filter(|_| inertial))
        } else {
            // Between two looks the last one stands.
            estimate_off.or(self.diverged_since.and(Some(DIVERGED)))
        };
        self.diverge(off, input.cycle.now, &mut s.worst);
    }

    /// Repeated readings, and the mean direction of gravity.
    fn look_at_imu(&mut self, input: &Input<'_>, worst: &mut Worst) {
        let imu = &input.frame.imu;
        let ([x, y, z], [a, b, c]) = (imu.angular_velocity, imu.specific_force);
        let force = [a.0, b.0, c.0];
        if let Some(mean) = &mut self.gravity {
            let share = input.cycle.period.as_secs_f32() * (1.0 / GRAVITY_TIME);
            for (mean, force) in mean.iter_mut().zip(force) {
                let next = *mean + share * (force - *mean);
                *mean = if next.is_finite() { next } else { *mean };
            }
        } else if force.iter().all(|a| a.is_finite()) {
            self.gravity = Some(force);
        }
        if imu.at == self.imu_at {
            return;
        }
        self.imu_at = imu.at;
        let before = core::mem::replace(&mut self.imu, [x.0, y.0, z.0, a.0, b.0, c.0]);
        let [first, ..] = before;
        if first != x.0 || before != self.imu {
            self.imu_times = 0;
            return;
        }
        self.imu_times = self.imu_times.saturating_add(1);
        // The first of equal readings is one of them.
        let (times, most) =
            (self.imu_times.saturating_add(1), input.profile.health.imu_stuck_frames);
        if most > 0 && times >= most {
            let cause = Cause::new(Level::Settle, Rule::ImuStuck, Actor::Body);
            worst.add(cause.because(ticks(times), ticks(most)));
        }
    }

    /// Readings at or beyond the ends of the inertial unit's ranges.
    fn look_at_range(&mut self, input: &Input<'_>, worst: &mut Worst) {
        let (imu, rule) = (&input.frame.imu, &input.profile.health);
        let inside = imu.angular_velocity.iter().all(|w| w.abs() < rule.imu_rate_max)
            && imu.specific_force.iter().all(|a| a.abs() < rule.imu_force_max);
        self.beyond = if inside { 0 } else { self.beyond.saturating_add(1) };
        if self.beyond >= BEYOND_LOOKS {
            worst.add(Cause::new(Level::Settle, Rule::ImuRange, Actor::Body));
        }
    }

    /// The estimate against the inertial unit; what contradicts it most, if anything does.
    fn contradiction(&self, input: &Input<'_>) -> Option<Cause> {
        let (imu, state, rule) = (&input.frame.imu, input.state, &input.profile.health);
        for (estimated, read) in state.angular_velocity.iter().zip(&imu.angular_velocity) {
            let off = (*estimated - *read).abs();
            // What is not a number is judged elsewhere.
            if off > rule.estimate_rate {
                return Some(DIVERGED.because(off.0, rule.estimate_rate.0));
            }
        }
        let off = apart(&self.gravity?, &vertical(state.attitude));
        (off > rule.estimate_tilt.0).then_some(DIVERGED.because(off, rule.estimate_tilt.0))
    }

    fn diverge(&mut self, off: Option<Cause>, now: Instant, worst: &mut Worst) {
        let Some(cause) = off else {
            self.diverged_since = None;
            return;
        };
        let span = now.since(*self.diverged_since.get_or_insert(now));
        let level = match span {
            span if span >= DIVERGED_SETTLE => Level::Settle,
            span if span >= DIVERGED_LIMITED => Level::Limited,
            _ => return,
        };
        worst.add(Cause { level, ..cause });
    }

    /// All feet without weight while the robot means to be on them.
    fn look_at_feet(&mut self, input: &Input<'_>, worst: &mut Worst) {
        let (least, feet, now) =
            (input.profile.health.feet_load_min.0, &input.frame.feet, input.cycle.now);
        let on_feet = matches!(input.state.posture, Posture::Standing | Posture::Walking)
            && matches!(input.ruling.motion, Motion::Stand | Motion::Walk(_));
        if least == 0.0 || feet.is_empty() || !on_feet {
            self.lifted_since = None;
            return;
        }
        let load: f32 = feet.iter().map(|foot| foot.force.0).sum();
        if load >= least {
            self.lifted_since = None;
            return;
        }
        let span = now.since(*self.lifted_since.get_or_insert(now));
        if span >= LIFTED {
            let cause = Cause::new(Level::Settle, Rule::Lifted, Actor::Body);
            worst.add(cause.because(span.as_secs_f32(), LIFTED.as_secs_f32()));
        }
    }

    /// Drives that do not follow although they are asked for torque, by their own word. A limp
    /// robot asks for none: what is latched in its drives then waits for a person.
    fn look_at_drives(&mut self, input: &Input<'_>, worst: &mut Worst) {
        let Some(drives) = input.frame.drives.filter(|_| !input.limp()) else {
            self.unarmed_since = None;
            return;
        };
        let now = input.cycle.now;
        let level = match drives.lifecycle {
            Lifecycle::Active => {
                self.unarmed_since = None;
                return;
            }
            Lifecycle::SafeTorqueOff | Lifecycle::Fault => Level::Cut,
            // With a fault it ends without torque; without one the commands were missing.
            Lifecycle::Damping if drives.fault.is_some() => Level::Settle,
            Lifecycle::Damping => Level::Hold,
            Lifecycle::Boot | Lifecycle::Standby | Lifecycle::Armed => {
                let since = *self.unarmed_since.get_or_insert(now);
                if now.since(since) < ARMING {
                    return;
                }
                Level::Cut
            }
        };
        worst.add(Cause::new(level, Rule::DriveOff, Actor::Body));
    }

    fn look_at_supply(&mut self, input: &Input<'_>, worst: &mut Worst) {
        let (Some(supply), now) = (&input.frame.supply, input.cycle.now) else { return };
        let rule = &input.profile.health;
        let (volts, low) = (supply.voltage, supply.voltage < rule.voltage_min);
        if low || volts > rule.voltage_max {
            let span = now.since(*self.voltage_since.get_or_insert(now));
            let limit = if low { rule.voltage_min } else { rule.voltage_max };
            let level = match span {
                // Too much voltage comes from braking: a robot that slows down brakes less.
                span if span >= VOLTAGE_SETTLE && low => Level::Settle,
                span if span >= VOLTAGE_LIMITED => Level::Limited,
                _ => Level::Notice,
            };
            let cause = Cause::new(level, Rule::SupplyVoltage, Actor::Body);
            worst.add(cause.because(volts.0, limit.0));
        } else {
            self.voltage_since = None;
        }
        self.look_at_charge(supply.charge, input, worst);
    }

    /// Tells once of each threshold the charge passes; below the last the robot stands, then sits.
    fn look_at_charge(&mut self, charge: f32, input: &Input<'_>, worst: &mut Worst) {
        let now = input.cycle.now;
        let passed = CHARGES.iter().filter(|(least, _)| charge < *least).count();
        let last = CHARGES.get(passed.saturating_sub(1)).filter(|_| passed > 0);
        let news = passed > self.charge;
        self.charge = passed;
        let Some(&(least, level)) = last else { return };
        let cause = Cause::new(level, Rule::SupplyCharge, Actor::Body).because(charge, least);
        if level < Level::Hold {
            self.charge_held = None;
            if news {
                worst.add(cause);
            }
            return;
        }
        let level = match self.charge_held {
            // A limp robot takes almost nothing; it must not start.
            _ if input.limp() => {
                self.charge_held = None;
                Level::Limited
            }
            Some(since) if now.since(since) >= CHARGE_HOLD => Level::Settle,
            _ => {
                self.charge_held = self.charge_held.or(Some(now));
                Level::Hold
            }
        };
        worst.add(Cause { level, ..cause });
    }

    /// A holding robot that came to rest stays where it is (S3).
    fn look_at_rest(&mut self, input: &Input<'_>, worst: &mut Worst) {
        let (state, now, rule) = (input.state, input.cycle.now, &input.profile.health);
        let holds = input.ruling.level == Level::Hold
            && input.ruling.motion == Motion::Stand
            && state.posture == Posture::Standing;
        if !holds {
            self.rest = Rest::default();
            return;
        }
        let speed = norm(state.velocity.map(|v| v.0));
        let Some((place, joints)) = &self.rest.place else {
            let slow = speed < AT_REST.0;
            self.rest.slow_since = slow.then(|| self.rest.slow_since.unwrap_or(now));
            if self.rest.slow_since.is_some_and(|since| now.since(since) >= AT_REST.1) {
                self.rest.place = Some((state.position, state.joints.map(|joint| joint.q)));
            }
            return;
        };
        let [x, y, z] = state.position;
        let [px, py, pz] = *place;
        let distance = norm([(x - px).0, (y - py).0, (z - pz).0]);
        let turned = joints.ids().map(|id| (state.joints[id].q - joints[id]).0.abs());
        let turned = turned.fold(0.0, f32::max);
        let (distance_max, speed_max) = (rule.hold_distance.0, rule.hold_speed.0);
        let stays = distance <= distance_max && speed <= speed_max && turned <= rule.hold_joint.0;
        self.rest.looks = if stays { 0 } else { self.rest.looks.saturating_add(1) };
        if self.rest.looks >= DRIFT_LOOKS {
            let cause = Cause::new(Level::Settle, Rule::HoldDrift, Actor::Body);
            worst.add(cause.because(distance, distance_max));
        }
    }

    /// A limp robot that has sunk down stays as it is (S8).
    fn look_at_limp(&mut self, input: &Input<'_>, worst: &mut Worst) {
        let (now, limp) = (input.cycle.now, &mut self.limp);
        if !input.limp() {
            *limp = Limp::default();
            return;
        }
        let since = *limp.since.get_or_insert(now);
        if now.since(since) < SINK {
            return;
        }
        let joints = input.state.joints.map(|joint| joint.q);
        let Some((at, place)) = &limp.place else {
            limp.place = Some((now, joints));
            return;
        };
        let span = now.since(*at);
        if span < BACK_DRIVE_WINDOW {
            return;
        }
        let most = input.profile.health.back_drive;
        let moved = joints.ids().map(|id| ((joints[id] - place[id]).abs(), id));
        let fastest = moved.reduce(|one, next| if next.0 > one.0 { next } else { one });
        limp.place = Some((now, joints));
        let Some((moved, joint)) = fastest else { return };
        let speed = moved.0 / span.as_secs_f32();
        if speed > most.0 {
            let cause = Cause::new(Level::Warning, Rule::BackDrive, Actor::Body);
            worst.add(Cause { joint: Some(joint), ..cause.because(speed, most.0) });
        }
    }
}

const DIVERGED: Cause = Cause::new(Level::Notice, Rule::StateDiverged, Actor::Cerebellum);

/// What the accelerometer of a body at rest in this attitude reads, as a unit vector, base frame.
fn vertical(attitude: Quaternion) -> [f32; 3] {
    let Quaternion { w, x, y, z } = attitude;
    [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)]
}

/// Nearly the angle between a mean reading of the accelerometer and a unit vector, rad. A body that
/// is thrown or falls says nothing about the vertical.
fn apart(mean: &[f32; 3], up: &[f32; 3]) -> f32 {
    let length = norm(*mean);
    if !GRAVITY_BAND.contains(&length) {
        return 0.0;
    }
    let ([a, b, c], [x, y, z]) = (*mean, *up);
    norm([a / length - x, b / length - y, c / length - z])
}

fn norm([x, y, z]: [f32; 3]) -> f32 {
    libm::sqrtf(x * x + y * y + z * z)
}
