//! What every body must do, as functions that a test calls with its own body.
//!
//! A [`Harness`] is the world around a body: it makes one, lets time pass, breaks things and counts
//! what the body did to the motors, by looking at the motors and not at what the body says.
//! [`check`] runs all of it; each function panics with what was wrong.
//!
//! Commands come from a real governor, which the harness makes from [`profile`] and its own limits:
//! nothing else can make one.

use core::time::Duration;

use governor::{BodyClass, Governor, HealthRule, Profile};
use signals::{
    BodyCommand, BodyState, Cycle, Damping, Feet, ImuReading, Instant, JointCommand, JointReading,
    JointState, Joints, Lifecycle, Metres, MetresPerSecond, Mode, Operator, OperatorAct, Posture,
    Quaternion, Radians, RadiansPerSecond, SensorFrame, Stiffness,
};

use crate::{Applied, Body};

/// The world around a body.
pub trait Harness {
    /// The body under test.
    type Body: Body;

    /// Makes the body, as a program does that starts.
    fn connect(&mut self) -> Self::Body;
    /// A governor with the limits of this body and [`profile`] of its period.
    fn governor(&self) -> Governor;
    /// The same with one limit tighter.
    fn foreign_governor(&self) -> Governor;
    /// Length of a cycle.
    fn period(&self) -> Duration;
    /// Lets time pass in the world.
    fn pass(&mut self, span: Duration);

    /// Motors that have torque now.
    fn with_torque(&self) -> usize;
    /// Times so far that torque went on.
    fn energised(&self) -> u32;
    /// Faults so far that were cleared by asking for it.
    fn cleared(&self) -> u32;
    /// The fastest motor now.
    fn fastest(&self) -> RadiansPerSecond;
    /// What the motors were told so far are numbers, and positions within the limits.
    fn was_told_sound_numbers(&self) -> bool;

    /// Something breaks at one motor: a fault that only clearing takes away once it is mended.
    fn break_motor(&mut self);
    /// The cause of that fault is gone.
    fn mend_motor(&mut self);
    /// Nothing that the motors say reaches the body any more, or it does again.
    fn silence(&mut self, silent: bool);
}

/// How far the joints are asked to go.
const STEP: Radians = Radians(0.15);
/// Speed of a joint at rest.
const REST: RadiansPerSecond = RadiansPerSecond(0.02);
/// Longest time a stop may take.
const STOP: Duration = Duration::from_secs(5);
/// Cycles for a governor to test itself, and for a body to follow.
const CYCLES: usize = 120;

/// The profile of the governor of a harness: lets a quiet robot with bodies of any kind stand.
#[must_use]
pub fn profile(period: Duration) -> Profile {
    Profile {
        body: BodyClass::StaticallyStable,
        reading_age_limited: Duration::from_secs(30),
        reading_age_settle: Duration::from_secs(60),
        command_validity: 3 * period,
        stuck_frames: 0,
        health: HealthRule {
            jumps_settle: 0,
            imu_stuck_frames: 0,
            torque_error: 0.0,
            collision: 0.0,
            blocked_torque: 0.0,
            pair_age_settle: Duration::from_secs(60),
            imu_age_settle: Duration::from_secs(60),
            ..HealthRule::default()
        },
        ..Profile::default()
    }
}

/// Everything below, each with a world of its own.
pub fn check<H: Harness>(make: impl Fn() -> H) {
    connecting_energises_nothing_and_clears_nothing(&mut make());
    torque_comes_with_the_command_that_asks_for_it(&mut make());
    foreign_commands_are_not_followed(&mut make());
    joints_come_to_rest_without_commands(&mut make());
    joints_come_to_rest_without_their_host(&mut make());
    only_the_right_id_clears_a_fault(&mut make());
    old_readings_keep_their_stamps(&mut make());
    garbage_reaches_no_motor(&mut make());
}

/// A body that is made and only looked at changes nothing, whatever it finds.
pub fn connecting_energises_nothing_and_clears_nothing<H: Harness>(harness: &mut H) {
    harness.break_motor();
    harness.pass(harness.period());
    let governor = harness.governor();
    let mut stage = Stage::new(harness, governor);
    let mut seen = None;
    for _ in 0..CYCLES {
        let (frame, _) = stage.cycle(Wish::Nothing);
        seen = frame.drives.and_then(|drives| drives.fault).or(seen);
    }
    assert_eq!(stage.harness.energised(), 0, "connecting energised a motor");
    assert_eq!(stage.harness.cleared(), 0, "connecting cleared a fault");
    assert!(seen.is_some(), "the fault that was there is not told");
}

/// Limp commands give no torque; the first that asks for it does, and the joints follow.
pub fn torque_comes_with_the_command_that_asks_for_it<H: Harness>(harness: &mut H) {
    let governor = harness.governor();
    let mut stage = Stage::new(harness, governor);
    stage.cycles(CYCLES, Wish::Limp);
    assert_eq!(stage.harness.energised(), 0, "a command without torque energised a motor");
    stage.start();
    let joints = stage.joints();
    let begin = stage.frame().joints;
    stage.cycles(CYCLES, Wish::Hold(STEP));
    assert_eq!(stage.harness.with_torque(), joints, "torque was asked for and is not there");
    let (frame, applied) = stage.cycle(Wish::Hold(STEP));
    assert!(matches!(applied, Some(Applied::Confirmed | Applied::Unconfirmed)), "{applied:?}");
    for id in frame.joints.ids() {
        let moved = (frame.joints[id].q - begin[id].q).abs();
        assert!(moved > STEP * 0.5, "joint {} followed {moved:?} of {STEP:?}", id.index());
    }
    stage.cycles(CYCLES, Wish::Hold(Radians(0.0)));
    let lifecycle = stage.frame().drives.map(|drives| drives.lifecycle);
    assert!(matches!(lifecycle, None | Some(Lifecycle::Active)), "{lifecycle:?}");
}

/// A command that was vetted against other limits moves nothing.
pub fn foreign_commands_are_not_followed<H: Harness>(harness: &mut H) {
    let governor = harness.foreign_governor();
    let mut stage = Stage::new(harness, governor);
    stage.start();
    for _ in 0..CYCLES {
        let (_, applied) = stage.cycle(Wish::Hold(STEP));
        assert_eq!(applied, Some(Applied::ForeignLimits));
    }
    assert_eq!(stage.harness.energised(), 0, "a foreign command energised a motor");
}

/// A body that is still looked at, and gets no commands, brings its joints to rest.
pub fn joints_come_to_rest_without_commands<H: Harness>(harness: &mut H) {
    let governor = harness.governor();
    let mut stage = Stage::new(harness, governor);
    stage.start_moving();
    stage.cycles(stage.in_time(STOP), Wish::Nothing);
    let fastest = stage.harness.fastest();
    assert!(fastest.abs() <= REST, "a joint still turns at {fastest:?}");
    let lifecycle = stage.frame().drives.map(|drives| drives.lifecycle);
    assert_ne!(lifecycle, Some(Lifecycle::Active), "it says that it follows commands");
}

/// Where the drives have watchdogs, the joints come to rest when nobody calls the body any more;
/// where one has none, the body has said so.
pub fn joints_come_to_rest_without_their_host<H: Harness>(harness: &mut H) {
    let governor = harness.governor();
    let mut stage = Stage::new(harness, governor);
    stage.start_moving();
    if !stage.body.capabilities().survives_its_host() {
        return;
    }
    stage.harness.pass(STOP);
    let fastest = stage.harness.fastest();
    assert!(fastest.abs() <= REST, "without its host a joint still turns at {fastest:?}");
}

/// A fault takes the torque away until it is mended and its own id is cleared.
pub fn only_the_right_id_clears_a_fault<H: Harness>(harness: &mut H) {
    let governor = harness.governor();
    let mut stage = Stage::new(harness, governor);
    stage.start_moving();
    stage.harness.break_motor();
    let cycles = stage.in_time(STOP);
    stage.cycles(cycles, Wish::Hold(STEP));
    let told = |stage: &mut Stage<'_, H>| stage.frame().drives.and_then(|drives| drives.fault);
    let fault = told(&mut stage).unwrap_or_default();
    assert_ne!(fault.id, 0, "the fault is not told");
    assert_eq!(stage.harness.with_torque(), 0, "torque is on in spite of {fault:?}");
    stage.harness.mend_motor();
    for wrong in [0, fault.id.wrapping_add(1), fault.id.wrapping_sub(1), u16::MAX] {
        if wrong != fault.id {
            stage.body.clear(wrong);
        }
        stage.cycles(CYCLES, Wish::Hold(STEP));
        assert_eq!(told(&mut stage), Some(fault), "id {wrong} cleared it");
        assert_eq!(stage.harness.with_torque(), 0, "id {wrong} gave torque");
    }
    assert_eq!(stage.harness.cleared(), 0, "a wrong id cleared it at the motor");
    stage.body.clear(fault.id);
    stage.cycles(cycles, Wish::Hold(STEP));
    assert_eq!(told(&mut stage), None, "its own id did not clear it");
    assert_eq!(stage.harness.with_torque(), stage.joints(), "torque does not come back");
}

/// A reading that could not be refreshed keeps its stamp, and no stamp lies ahead of its cycle.
pub fn old_readings_keep_their_stamps<H: Harness>(harness: &mut H) {
    let governor = harness.governor();
    let mut stage = Stage::new(harness, governor);
    stage.cycles(CYCLES, Wish::Limp);
    stage.harness.silence(true);
    // What was on its way still comes.
    stage.cycles(3, Wish::Limp);
    let before = stage.frame().joints.map(|reading| reading.at);
    for _ in 0..CYCLES {
        let (frame, _) = stage.cycle(Wish::Limp);
        assert_eq!(frame.joints.map(|reading| reading.at), before, "an old reading looks new");
    }
    stage.harness.silence(false);
    stage.cycles(CYCLES, Wish::Limp);
    let (now, frame) = (stage.now, stage.frame());
    for id in frame.joints.ids() {
        let at = frame.joints[id].at;
        assert!(at > before[id] && at <= now, "joint {} is stamped {at:?}", id.index());
    }
}

/// Whatever a controller asks for, motors are told numbers within the limits.
pub fn garbage_reaches_no_motor<H: Harness>(harness: &mut H) {
    let governor = harness.governor();
    let mut stage = Stage::new(harness, governor);
    stage.start();
    for wish in [1e9, -1e9, f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for _ in 0..CYCLES / 4 {
            stage.cycle(Wish::Hold(Radians(wish)));
            let frame = stage.frame();
            assert!(frame.is_finite(), "a reading is no number");
        }
        assert!(stage.harness.was_told_sound_numbers(), "after {wish}");
    }
}

/// What the controller wants in a cycle.
#[derive(Clone, Copy, Debug)]
enum Wish {
    /// It says nothing: the body is only looked at.
    Nothing,
    /// No torque.
    Limp,
    /// Each joint this far from where it was in the beginning.
    Hold(Radians),
}

/// A body with its world and a governor before it.
struct Stage<'h, H: Harness> {
    harness: &'h mut H,
    body: H::Body,
    governor: Governor,
    number: u64,
    now: Instant,
    /// Where the joints were when the governor was made.
    begin: Joints<Radians>,
    last: Option<SensorFrame>,
    operator: Operator,
}

impl<'h, H: Harness> Stage<'h, H> {
    fn new(harness: &'h mut H, governor: Governor) -> Self {
        let body = harness.connect();
        let now = Instant::from_nanos(1_000_000_000);
        let mut stage = Self {
            harness,
            body,
            governor,
            number: 0,
            now,
            begin: Joints::default(),
            last: None,
            operator: Operator::local(None),
        };
        stage.cycle(Wish::Nothing);
        stage.begin = stage.frame().joints.map(|reading| reading.q);
        stage
    }

    /// One cycle of the loop, then the time until the next one.
    fn cycle(&mut self, wish: Wish) -> (SensorFrame, Option<Applied>) {
        let period = self.harness.period();
        let cycle = Cycle { number: self.number, now: self.now, period };
        let frame = self.body.sense(&cycle);
        let applied = match wish {
            Wish::Nothing => None,
            Wish::Limp => Some(self.command(&cycle, &frame, None)),
            Wish::Hold(step) => Some(self.command(&cycle, &frame, Some(step))),
        };
        self.harness.pass(period);
        self.number += 1;
        self.now = self.now + period;
        self.last = Some(frame);
        (frame, applied)
    }

    fn cycles(&mut self, count: usize, wish: Wish) {
        for _ in 0..count {
            self.cycle(wish);
        }
    }

    /// Cycles in a span of time.
    fn in_time(&self, span: Duration) -> usize {
        let cycles = span.as_nanos() / self.harness.period().as_nanos().max(1);
        usize::try_from(cycles).unwrap_or(usize::MAX)
    }

    fn command(&mut self, cycle: &Cycle, frame: &SensorFrame, step: Option<Radians>) -> Applied {
        let state = self.state(cycle, frame);
        let seen = self.seen(cycle, frame);
        self.governor.rule(cycle, &seen, &state, None, &self.operator);
        let limits = *self.governor.envelope().joints();
        let joints = Joints::from_fn(limits.len(), |id| {
            step.map_or(JointCommand::LIMP, |step| JointCommand {
                q: self.begin[id] + step,
                kp: Stiffness(limits[id].kp_max.0),
                kd: Damping(0.5 * limits[id].kd_max.0),
                ..JointCommand::LIMP
            })
        });
        let valid_until = cycle.now + 3 * cycle.period;
        let vetted = self.governor.vet(cycle, &state, BodyCommand { joints, valid_until });
        self.body.apply(vetted)
    }

    /// What the governor is shown: a quiet robot with these joints.
    fn seen(&self, cycle: &Cycle, frame: &SensorFrame) -> SensorFrame {
        let joints = frame.joints.map(|reading| JointReading { at: cycle.now, ..reading });
        let imu = ImuReading { at: cycle.now, ..ImuReading::default() };
        SensorFrame { joints, imu, lidar: None, person: None, supply: None, drives: None, ..*frame }
    }

    fn state(&self, cycle: &Cycle, frame: &SensorFrame) -> BodyState {
        BodyState {
            at: cycle.now,
            position: [Metres(0.0); 3],
            attitude: Quaternion::IDENTITY,
            velocity: [MetresPerSecond(0.0); 3],
            angular_velocity: [RadiansPerSecond(0.0); 3],
            joints: frame.joints.map(|JointReading { q, dq, .. }| JointState { q, dq }),
            contact: Feet::filled(1.0, frame.feet.len()),
            posture: Posture::Standing,
            valid: true,
        }
    }

    /// Starts the governor; the body is not asked for torque yet.
    fn start(&mut self) {
        self.cycles(CYCLES, Wish::Limp);
        self.operator.act = Some(OperatorAct::Start);
        self.cycle(Wish::Limp);
        self.operator.act = None;
        let mode = self.governor.ruling().mode;
        assert_eq!(mode, Mode::Auto, "the governor of the harness does not start");
    }

    /// Starts, and lets the joints move.
    fn start_moving(&mut self) {
        self.start();
        self.cycles(CYCLES, Wish::Hold(Radians(0.0)));
        self.cycles(5, Wish::Hold(STEP));
        assert_eq!(self.harness.with_torque(), self.joints(), "the joints have no torque");
    }

    fn joints(&self) -> usize {
        self.governor.envelope().joints().len()
    }

    /// The last frame.
    fn frame(&mut self) -> SensorFrame {
        match self.last {
            Some(frame) => frame,
            None => self.cycle(Wish::Nothing).0,
        }
    }
}
