//! A joint with somebody at its commands who wants it to break its limits.
//!
//! The joint is an inertia with a load, a drive that follows late and no faster than its torque
//! rate, and noisy sensors. None of it is written with the governor's arithmetic.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "used by a test and by an example"
)]

use std::collections::VecDeque;
use std::time::Duration;

use governor::{Envelope, Governor, Profile, Rule};
use signals::*;

const TICK_NS: u64 = 1_000_000;
/// Steps of the physics in one tick.
const SUBSTEPS: u32 = 10;
/// A robot lives so long, then the next one with another load takes its place.
const LIFE_TICKS: u64 = 20_000;
/// Ticks after a missing reading for which what happens comes from it.
const BLIND: u64 = 100;
/// Time in which a joint takes its load over when the robot starts, s.
const TAKE_OVER: f64 = 0.1;
/// Part of the speed limit that counts as being at it.
const OVERSPEED: f64 = 1.01;

/// A kind of joint: its limits and its sensors.
#[derive(Clone, Copy, Debug)]
pub struct JointType {
    pub name: &'static str,
    pub limits: JointLimits,
    /// Standard deviation of position and speed readings.
    pub noise: (f64, f64),
    pub margin: f32,
}

fn joint_type(
    name: &'static str,
    (q_min, q_max, dq_max): (f32, f32, f32),
    (tau_max, braking, torque_rate): (f32, f32, f32),
    (kp_max, kd_max): (f32, f32),
    margin: f32,
) -> JointType {
    let heaviest = tau_max / braking;
    let limits = JointLimits {
        q_min: Radians(q_min),
        q_max: Radians(q_max),
        dq_max: RadiansPerSecond(dq_max),
        tau_max: NewtonMetres(tau_max),
        corner_speed: RadiansPerSecond(0.8 * dq_max),
        no_load_speed: RadiansPerSecond(2.0 * dq_max),
        braking: RadiansPerSecondSquared(braking),
        kp_max: Stiffness(kp_max),
        kd_max: Damping(kd_max),
        inertia_min: KilogramMetresSquared(0.25 * heaviest),
        acceleration_max: RadiansPerSecondSquared(JointLimits::UNLIMITED),
        jerk_max: RadiansPerSecondCubed(JointLimits::UNLIMITED),
        torque_rate: NewtonMetresPerSecond(torque_rate),
        torque_continuous: NewtonMetres(tau_max),
        thermal_time: Seconds(20.0),
    };
    let noise = (2e-5 * f64::from(q_max - q_min), 5e-4 * f64::from(dq_max));
    JointType { name, limits, noise, margin }
}

/// The joints that are attacked. Positions, speeds and torques of the prismatic one are m, m/s, N.
pub fn joint_types() -> Vec<JointType> {
    // A wheel: it never comes to an end, and its encoder counts within a turn.
    let wheel = joint_type("continuous", (-1e4, 1e4, 20.0), (10.0, 100.0, 1e4), (50.0, 2.0), 0.035);
    let wheel = JointType { noise: (1e-4, wheel.noise.1), ..wheel };
    let mut smooth = joint_type("smooth", (-1.5, 1.5, 8.0), (40.0, 60.0, 4e3), (150.0, 8.0), 0.035);
    smooth.limits.acceleration_max = RadiansPerSecondSquared(80.0);
    smooth.limits.jerk_max = RadiansPerSecondCubed(4000.0);
    vec![
        joint_type("light", (-1.0, 1.0, 10.0), (20.0, 50.0, 20e3), (100.0, 5.0), 0.035),
        joint_type("heavy", (-2.5, 2.5, 3.0), (200.0, 10.0, 10e3), (2000.0, 200.0), 0.035),
        joint_type("prismatic", (0.0, 0.5, 1.0), (500.0, 5.0, 1e5), (2e4, 2e3), 0.01),
        joint_type("narrow", (-0.15, 0.15, 8.0), (20.0, 50.0, 20e3), (300.0, 10.0), 0.035),
        joint_type("fast", (-3.0, 3.0, 40.0), (10.0, 300.0, 10e3), (50.0, 1.0), 0.035),
        joint_type("slow torque", (-1.5, 1.5, 6.0), (20.0, 40.0, 1e3), (100.0, 5.0), 0.035),
        wheel,
        smooth,
    ]
}

/// A small generator: the adversary has to be the same in every run.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..8).for_each(|_| _ = dice.roll());
        dice
    }

    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        (self.roll() >> 16) % bound
    }

    /// Minus one to one.
    pub fn unit(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    /// About normal, standard deviation one.
    fn noise(&mut self) -> f64 {
        (0..3).map(|_| self.unit()).sum()
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// The body: what it weighs, how late it is.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// kg m^2, from the lightest to the heaviest the limits name.
    pub inertia: f64,
    /// N m, at most what full braking torque can outdo by the braking counted on.
    pub gravity: f64,
    /// The load turns with the joint, or always pulls the same way.
    pub turns: bool,
    /// From a command to its torque, ticks.
    pub delay: usize,
}

impl Load {
    fn random(limits: &JointLimits, dice: &mut Dice) -> Self {
        let (lightest, most) = (f64::from(limits.inertia_min.0), f64::from(limits.tau_max.0));
        let heaviest = most / f64::from(limits.braking.0);
        let part = dice.of(&[0.0, 1.0, 0.5 * (1.0 + dice.clone().unit())]);
        let inertia = lightest + part * (heaviest - lightest);
        let room = most - inertia * f64::from(limits.braking.0);
        let gravity = room * dice.of(&[0.0, 1.0, -1.0, dice.clone().unit()]);
        Self { inertia, gravity, turns: dice.below(2) == 0, delay: dice.below(4) as usize }
    }
}

struct Plant {
    limits: JointLimits,
    load: Load,
    q: f64,
    v: f64,
    tau: f64,
    /// Part of the load the joint carries, 0 to 1: what bore it before lets go of it slowly.
    carried: f64,
    on_the_way: VecDeque<BodyCommand>,
}

impl Plant {
    fn new(limits: JointLimits, load: Load, q: f64) -> Self {
        let limp = BodyCommand {
            joints: Joints::filled(JointCommand::LIMP, 1),
            valid_until: Instant::from_nanos(u64::MAX),
        };
        let on_the_way = std::iter::repeat_n(limp, load.delay).collect();
        Self { limits, load, q, v: 0.0, tau: 0.0, carried: 0.0, on_the_way }
    }

    /// One tick under `command`; the furthest positions and the highest speed in it.
    fn step(&mut self, command: BodyCommand, now: Instant) -> (f64, f64, f64) {
        self.on_the_way.push_back(command);
        let acting = self.on_the_way.pop_front().unwrap_or(command);
        let dt = 1e-9 * TICK_NS as f64 / f64::from(SUBSTEPS);
        let mut seen = (self.q, self.q, self.v.abs());
        for _ in 0..SUBSTEPS {
            let asked = self.asked(&acting, now);
            // The drive gives full braking torque, and less driving torque the faster it turns.
            let (corner, end) =
                (f64::from(self.limits.corner_speed.0), f64::from(self.limits.no_load_speed.0));
            let part = ((end - self.v.abs()) / (end - corner)).clamp(0.0, 1.0);
            let most = f64::from(self.limits.tau_max.0);
            let driving = if asked * self.v > 0.0 { most * part } else { most };
            let step = f64::from(self.limits.torque_rate.0) * dt;
            let wanted = asked.clamp(-driving, driving);
            self.tau += (wanted - self.tau).clamp(-step, step);
            self.carried = (self.carried + dt / TAKE_OVER).min(1.0);
            let pull = self.carried * if self.load.turns { self.q.cos() } else { 1.0 };
            self.v += (self.tau + self.load.gravity * pull) / self.load.inertia * dt;
            self.q += self.v * dt;
            seen = (seen.0.min(self.q), seen.1.max(self.q), seen.2.max(self.v.abs()));
        }
        seen
    }

    fn asked(&self, command: &BodyCommand, now: Instant) -> f64 {
        let damping = 0.1 * f64::from(self.limits.kd_max.0);
        let Some(c) = command.joints.iter().next() else { return -damping * self.v };
        if now > command.valid_until {
            return -damping * self.v;
        }
        let (kp, kd) = (f64::from(c.kp.0), f64::from(c.kd.0));
        kp * (f64::from(c.q.0) - self.q) + kd * (f64::from(c.dq.0) - self.v) + f64::from(c.tau.0)
    }
}

/// What the adversary is at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Attack {
    Push(f64),
    Flip(u64),
    Random(u64),
    Extreme(u64),
    Inside(u64),
    FarTarget(f64),
    /// Torque with the present speed: pumps energy in.
    Pump,
    Sine {
        hertz: f64,
        target: bool,
    },
    /// A run up to a limit, then a turn at it.
    RunUp(u64),
    Nothing,
}

/// How the adversary spoils what it does besides.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Spoil {
    None,
    /// Numbers that are none.
    NotFinite,
    /// A validity that is over, or almost.
    Expired,
    /// The encoder's reading does not come.
    Frozen,
}

#[derive(Debug)]
struct Adversary {
    dice: Dice,
    attack: Attack,
    spoil: Spoil,
    left: u64,
    tick: u64,
    /// Ticks that are still to be spoilt, and ticks since the last spoilt one.
    spoilt: u64,
    sound: u64,
    held: JointCommand,
}

impl Adversary {
    fn new(seed: u64) -> Self {
        Self {
            dice: Dice::new(seed),
            attack: Attack::Nothing,
            spoil: Spoil::None,
            left: 0,
            tick: 0,
            spoilt: 0,
            sound: 0,
            held: JointCommand::LIMP,
        }
    }

    fn choose(&mut self) {
        let dice = &mut self.dice;
        let every = dice.of(&[1, 2, 3, 7, 20, 37, 50, 100, 210, 400]);
        let side = dice.of(&[-1.0, 1.0]);
        let hertz = dice.of(&[0.5, 1.0, 2.0, 5.0, 8.0, 13.0, 20.0, 33.0, 50.0, 80.0, 125.0, 250.0]);
        let target = dice.below(2) == 0;
        self.attack = dice.of(&[
            Attack::Nothing,
            Attack::Push(side),
            Attack::Flip(every),
            Attack::Random(every),
            Attack::Extreme(every),
            Attack::Inside(every),
            Attack::FarTarget(side),
            Attack::Pump,
            Attack::Sine { hertz, target },
            Attack::RunUp(every),
        ]);
        self.spoil = dice.of(&[
            Spoil::None,
            Spoil::None,
            Spoil::None,
            Spoil::NotFinite,
            Spoil::Expired,
            Spoil::Frozen,
        ]);
        self.left = 50 + dice.below(1500);
    }

    /// What is wanted of the joint, until when it is said to be valid, and whether its reading
    /// comes.
    fn next(&mut self, l: &JointLimits, (q, v): (f64, f64), now: Instant) -> (BodyCommand, bool) {
        if self.left == 0 {
            self.choose();
        }
        self.left -= 1;
        self.tick += 1;
        let mut wanted = self.wanted(l, (q, v));
        let mut valid_until = now + Duration::from_millis(5);
        let mut fresh = true;
        self.sound = if self.spoilt == 0 { self.sound + 1 } else { 0 };
        // Two gaps in a row would be a dead encoder: then the robot settles.
        if self.sound > 5 && self.dice.below(30) == 0 {
            self.spoilt = match self.spoil {
                Spoil::None => 0,
                // Three in a row make the robot settle, which ends the attack.
                Spoil::NotFinite | Spoil::Expired => 1 + self.dice.below(2),
                Spoil::Frozen => 1 + self.dice.below(55),
            };
        }
        if self.spoilt > 0 {
            self.spoilt -= 1;
            match self.spoil {
                Spoil::NotFinite => self.spoil_numbers(&mut wanted),
                Spoil::Expired => {
                    let late = self.dice.below(3) * self.dice.below(9_000_000);
                    valid_until = Instant::from_nanos(now.as_nanos().saturating_sub(late));
                }
                Spoil::Frozen => fresh = false,
                Spoil::None => {}
            }
        } else if self.spoil == Spoil::Expired {
            valid_until = Instant::from_nanos(now.as_nanos() + 1);
        }
        let joints = Joints::filled(wanted, 1);
        (BodyCommand { joints, valid_until }, fresh)
    }

    fn spoil_numbers(&mut self, wanted: &mut JointCommand) {
        let bad = self.dice.of(&[f32::NAN, f32::INFINITY, f32::NEG_INFINITY]);
        match self.dice.below(5) {
            0 => wanted.q = Radians(bad),
            1 => wanted.dq = RadiansPerSecond(bad),
            2 => wanted.kp = Stiffness(bad),
            3 => wanted.kd = Damping(bad),
            _ => wanted.tau = NewtonMetres(bad),
        }
    }

    fn wanted(&mut self, l: &JointLimits, (q, v): (f64, f64)) -> JointCommand {
        let (tick, most) = (self.tick, l.tau_max.0);
        let torque = |tau: f32| JointCommand { tau: NewtonMetres(tau), ..JointCommand::LIMP };
        let every = |ticks: u64| tick.is_multiple_of(ticks);
        match self.attack {
            Attack::Push(side) => torque(1e6 * side as f32),
            Attack::Flip(ticks) => torque(if (tick / ticks) % 2 == 0 { 1e6 } else { -1e6 }),
            Attack::Random(ticks) => {
                if every(ticks) {
                    self.held = self.any(l, 3.0);
                }
                self.held
            }
            Attack::Extreme(ticks) => {
                if every(ticks) {
                    let number = || 0.0_f32;
                    let mut wild = |scale: f32| {
                        let plain = self.dice.unit() as f32 * scale + number();
                        self.dice.of(&[plain, 0.0, 1e6, -1e6, 1e30, -1e30, f32::MAX, f32::MIN])
                    };
                    self.held = JointCommand {
                        q: Radians(wild(l.q_max.0)),
                        dq: RadiansPerSecond(wild(l.dq_max.0)),
                        kp: Stiffness(wild(l.kp_max.0)),
                        kd: Damping(wild(l.kd_max.0)),
                        tau: NewtonMetres(wild(most)),
                    };
                }
                self.held
            }
            Attack::Inside(ticks) => {
                if every(ticks) {
                    self.held = self.any(l, 1.0);
                }
                self.held
            }
            Attack::FarTarget(side) => JointCommand {
                q: Radians(1e6 * side as f32),
                kp: Stiffness(1e6),
                ..JointCommand::LIMP
            },
            Attack::Pump => torque(if v >= 0.0 { most } else { -most }),
            Attack::Sine { hertz, target } => {
                let phase = (std::f64::consts::TAU * hertz * tick as f64 * 1e-3).sin() as f32;
                let middle = 0.5 * (l.q_min.0 + l.q_max.0);
                let reach = 0.5 * (l.q_max.0 - l.q_min.0);
                if target {
                    let q = Radians(middle + 1.2 * reach * phase);
                    JointCommand { q, kp: l.kp_max, kd: l.kd_max, ..JointCommand::LIMP }
                } else {
                    torque(1.5 * most * phase)
                }
            }
            Attack::RunUp(ticks) => {
                let half = 0.5 * f64::from(l.q_min.0 + l.q_max.0);
                if every(ticks) {
                    self.held = torque(if q > half { 1e6 } else { -1e6 });
                }
                self.held
            }
            Attack::Nothing => JointCommand::damped(l.kd_max),
        }
    }

    /// Numbers up to `reach` times the limits.
    fn any(&mut self, l: &JointLimits, reach: f32) -> JointCommand {
        let mut unit = || self.dice.unit() as f32;
        let (middle, half) = (0.5 * (l.q_min.0 + l.q_max.0), 0.5 * (l.q_max.0 - l.q_min.0));
        JointCommand {
            q: Radians(middle + reach * half * unit()),
            dq: RadiansPerSecond(reach * l.dq_max.0 * unit()),
            kp: Stiffness(reach * l.kp_max.0 * unit().abs()),
            kd: Damping(reach * l.kd_max.0 * unit().abs()),
            tau: NewtonMetres(reach * l.tau_max.0 * unit()),
        }
    }
}

/// What came out of an attack on one type of joint.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    pub ticks: u64,
    /// Furthest way beyond the soft limit while the joint was seen, and beyond the hard one, rad;
    /// negative: never reached.
    pub beyond_soft: f64,
    pub beyond_hard: f64,
    /// Beyond the soft limit, begun while its readings did not come or had just come back.
    pub beyond_soft_blind: f64,
    /// Highest speed over the limit, %; negative: never reached.
    pub overspeed_percent: f64,
    /// Longest time more than 1 % above the speed limit, ms.
    pub overspeed_ms: u64,
    /// Commands refused, and cycles in which a joint was limited.
    pub refused: u64,
    pub limited: u64,
    /// Robots used up.
    pub lives: u64,
    /// What was going on when the joint came furthest, also while it was seen, and when it was too
    /// fast for longest.
    pub furthest: Option<Scene>,
    pub used_margin: Option<Scene>,
    pub fastest: Option<Scene>,
}

/// What goes on in one tick of an attack.
#[derive(Clone, Copy, Debug)]
pub struct Scene {
    attack: Attack,
    spoil: Spoil,
    load: Load,
    tick: u64,
    position: f64,
    speed: f64,
}

impl Outcome {
    fn new() -> Self {
        let none = f64::NEG_INFINITY;
        Self {
            beyond_soft: none,
            beyond_hard: none,
            beyond_soft_blind: none,
            overspeed_percent: none,
            ..Self::default()
        }
    }

    /// Comes so far beyond the soft limit.
    fn used(&mut self, beyond: f64, blind: bool, scene: Option<Scene>) {
        if blind {
            self.beyond_soft_blind = self.beyond_soft_blind.max(beyond);
        } else if beyond > self.beyond_soft {
            (self.beyond_soft, self.used_margin) = (beyond, scene);
        }
    }

    /// No limit was broken, and where the joint was seen it did not even use its margin.
    pub fn holds(&self) -> bool {
        self.beyond_soft <= 0.0 && self.beyond_hard <= 0.0 && self.overspeed_percent <= 1.0
    }
}

/// Attacks one type of joint for so many ticks; a robot that has stopped is replaced.
pub fn attack(kind: &JointType, ticks: u64, seed: u64) -> Outcome {
    let mut outcome = Outcome::new();
    let mut dice = Dice::new(seed ^ 0x5bd1_e995);
    while outcome.ticks < ticks {
        let load = Load::random(&kind.limits, &mut dice);
        let (before, most) = (outcome.ticks, LIFE_TICKS.min(ticks - outcome.ticks));
        live(kind, load, most, Adversary::new(dice.roll()), &mut outcome);
        assert!(outcome.ticks > before, "the robot does not start: {outcome:?}");
        outcome.lives += 1;
    }
    outcome
}

/// Pushes a joint without load upward for so many ticks.
pub fn push(kind: &JointType, inertia: f32, ticks: u64) -> Outcome {
    let load = Load { inertia: f64::from(inertia), gravity: 0.0, turns: false, delay: 2 };
    let mut outcome = Outcome::new();
    let adversary = Adversary { attack: Attack::Push(1.0), left: ticks + 1, ..Adversary::new(1) };
    live(kind, load, ticks, adversary, &mut outcome);
    outcome
}

/// One robot under attack, until it stops or its time is over.
fn live(kind: &JointType, load: Load, ticks: u64, mut adversary: Adversary, outcome: &mut Outcome) {
    let limits = kind.limits;
    let Some(mut robot) = Robot::with(kind) else { return };
    let mut dice = Dice::new(adversary.dice.roll());
    let middle = 0.5 * f64::from(limits.q_min.0 + limits.q_max.0);
    let start = middle + 0.4 * dice.unit() * f64::from(limits.q_max.0 - limits.q_min.0);
    let (low, high) = (f64::from(limits.q_min.0), f64::from(limits.q_max.0));
    let (margin, fastest) = (f64::from(kind.margin), f64::from(limits.dq_max.0));
    // Not so near a limit that the load carries it over before any torque has come.
    let start = start.clamp(low + 2.0 * margin, high - 2.0 * margin);
    let mut plant = Plant::new(limits, load, start);
    let (mut too_fast, mut blind) = (0, 0);
    robot.start(&plant);
    for _ in 0..ticks {
        let (wanted, fresh) = adversary.next(&limits, (plant.q, plant.v), robot.now);
        if fresh {
            let (dq, dv) = (kind.noise.0 * dice.noise(), kind.noise.1 * dice.noise());
            robot.sees(plant.q + dq, plant.v + dv);
        }
        let now = robot.now;
        let (ruling, command) = robot.tick(wanted, None);
        outcome.ticks += 1;
        let over = matches!(ruling.motion, Motion::Limp) || ruling.level >= Level::Stopped;
        if over {
            break;
        }
        let (lowest, highest, speed) = plant.step(command, now);
        let beyond = (highest - high).max(low - lowest);
        blind = match blind {
            _ if !fresh => BLIND,
            // What began out of sight is over when the joint is back inside.
            ticks if beyond + margin <= 0.0 => u64::saturating_sub(ticks, 1),
            ticks => ticks,
        };
        let (attack, spoil) = (adversary.attack, adversary.spoil);
        let (position, speed_now) = (plant.q, plant.v);
        let scene =
            Some(Scene { attack, spoil, load, tick: adversary.tick, position, speed: speed_now });
        if beyond > outcome.beyond_hard {
            outcome.furthest = scene;
        }
        outcome.beyond_hard = outcome.beyond_hard.max(beyond);
        outcome.used(beyond + margin, blind > 0, scene);
        outcome.overspeed_percent = outcome.overspeed_percent.max(100.0 * (speed / fastest - 1.0));
        too_fast = if speed > fastest * OVERSPEED { too_fast + 1 } else { 0 };
        if too_fast > outcome.overspeed_ms {
            outcome.overspeed_ms = too_fast;
            outcome.fastest = scene;
        }
    }
    let governor = &robot.governor;
    let refused = [Rule::CommandFinite, Rule::CommandStale, Rule::CommandShape];
    outcome.refused += refused.map(|rule| u64::from(governor.count(rule))).iter().sum::<u64>();
    let limited = [
        Rule::JointTorque,
        Rule::JointTorqueRate,
        Rule::JointBrake,
        Rule::JointVelocity,
        Rule::JointPosition,
    ];
    outcome.limited += limited.map(|rule| u64::from(governor.count(rule))).iter().sum::<u64>();
}

/// A body of one joint with a governor.
struct Robot {
    governor: Governor,
    number: u64,
    now: Instant,
    frame: SensorFrame,
    state: BodyState,
}

impl Robot {
    fn with(kind: &JointType) -> Option<Self> {
        let hardware = HardwareLimits {
            joints: Joints::filled(kind.limits, 1),
            emergency_damping: Damping(0.1 * kind.limits.kd_max.0),
        };
        let profile = Profile {
            stuck_frames: 0,
            position_margin: Radians(kind.margin),
            ..Profile::default()
        };
        let envelope = Envelope::new(&hardware).ok()?;
        Some(Self::new(Governor::new(envelope, profile)))
    }

    fn new(governor: Governor) -> Self {
        let frame = SensorFrame {
            joints: Joints::filled(JointReading::default(), 1),
            imu: ImuReading::default(),
            feet: Feet::default(),
            lidar: None,
            person: None,
            supply: None,
            drives: None,
        };
        let state = BodyState {
            at: Instant::ZERO,
            position: [Metres(0.0); 3],
            attitude: Quaternion::IDENTITY,
            velocity: [MetresPerSecond(0.0); 3],
            angular_velocity: [RadiansPerSecond(0.0); 3],
            joints: Joints::filled(JointState::default(), 1),
            contact: Feet::default(),
            posture: Posture::Standing,
            valid: true,
        };
        Self { governor, number: 0, now: Instant::from_nanos(1_000_000_000), frame, state }
    }

    fn sees(&mut self, q: f64, v: f64) {
        let (q, dq) = (Radians(q as f32), RadiansPerSecond(v as f32));
        for reading in self.frame.joints.iter_mut() {
            *reading = JointReading { q, dq, at: self.now, ..JointReading::default() };
        }
        self.state.joints = Joints::filled(JointState { q, dq }, 1);
    }

    fn tick(&mut self, wanted: BodyCommand, act: Option<OperatorAct>) -> (Ruling, BodyCommand) {
        self.frame.imu.at = self.now;
        // A unit that repeats itself would be a dead one.
        let odd = (self.number % 2) as f32;
        self.frame.imu.angular_velocity = [RadiansPerSecond(1e-4 * odd); 3];
        self.state.at = self.now;
        let cycle =
            Cycle { number: self.number, now: self.now, period: Duration::from_nanos(TICK_NS) };
        let operator = Operator::local(act);
        let ruling = self.governor.rule(&cycle, &self.frame, &self.state, None, &operator);
        let command = *self.governor.vet(&cycle, &self.state, wanted);
        while self.governor.next_record().is_some() {}
        self.number += 1;
        self.now = self.now + Duration::from_nanos(TICK_NS);
        (ruling, command)
    }

    /// Until the joint has torque. Nothing moves yet.
    fn start(&mut self, plant: &Plant) {
        let joints = Joints::filled(JointCommand::LIMP, 1);
        for tick in 0..5000 {
            self.sees(plant.q, 0.0);
            let act = (tick >= 60 && tick % 10 == 0).then_some(OperatorAct::Start);
            let valid_until = self.now + Duration::from_millis(5);
            let (ruling, _) = self.tick(BodyCommand { joints, valid_until }, act);
            if ruling.motion != Motion::Limp {
                return;
            }
        }
    }
}
