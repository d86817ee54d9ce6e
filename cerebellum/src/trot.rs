//! Standing and trotting on planned ground forces: stance legs push with the forces of the convex
//! MPC, swinging legs follow their path to the next foothold.
//!
//! Footholds after Raibert (Legged Robots That Balance, 1986) in the form of the MIT Cheetah
//! software, with the estimated velocity for the rest of the swing.

use model::Robot;
use nalgebra::{Matrix3, Rotation3, UnitQuaternion, Vector3};
use signals::{BaseVelocity, FEET_MAX};

use crate::GRAVITY;
use crate::contact::FootContact;
use crate::gait::{FootPhase, Gait};
use crate::legs::Legs;
use crate::mpc::{ForcePlanner, HORIZON_MAX, MpcInput, MpcOutput, MpcSettings};
use crate::outside::Outside;
use crate::swing::swing;
use crate::whole_body::{Tasks, WholeBody};

/// The yaw reference may lead the robot by this much, rad.
const YAW_CLIP: f64 = 0.3;
/// A robot slower than this, m/s, may stop stepping.
const STOP_SPEED: f64 = 0.10;
/// A foot may land from this share of its swing on, when its contact is at least so probable.
const EARLY_FROM: f64 = 0.5;
const TOUCHES: f64 = 0.65;
/// A foot due to stand whose contact is less probable than this reaches down with this speed, m/s,
/// for so long at most, s.
const MISSES: f64 = 0.15;
const LATE_FROM: f64 = 0.03;
const REACH_SPEED: f64 = 0.4;
const LATE_MAX: f64 = 0.08;
/// Force problems, and ticks without torques for their answers, without a solution, one after the
/// other, after which there is no command.
const FAILED_MAX: u32 = 5;
const LOST_MAX: u32 = 50;
/// Up to this speed, rad/s, dry friction is helped over in part.
const DRY_SPEED: f64 = 0.5;

/// How the base moves, in the odometry frame; angular velocity in both frames.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base {
    pub(crate) attitude: UnitQuaternion<f64>,
    pub(crate) rotation: Matrix3<f64>,
    pub(crate) position: Vector3<f64>,
    pub(crate) velocity: Vector3<f64>,
    /// rad/s, base frame.
    pub(crate) spin: Vector3<f64>,
    /// What the ground does at each foot.
    pub(crate) contacts: [FootContact; FEET_MAX],
    /// What else pushes.
    pub(crate) outside: Outside,
}

impl Base {
    /// Velocity of the base-fixed point `at`, base frame, m/s.
    fn moves(&self, at: Vector3<f64>) -> Vector3<f64> {
        self.rotation.transpose() * self.velocity + self.spin.cross(&at)
    }
}

/// How the force planner has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ForceCounters {
    /// Answers used.
    pub used: u64,
    /// Ticks on which an answer was due and not there.
    pub late: u64,
    /// Problems without a solution.
    pub failed: u64,
    /// Most rounds of one solution.
    pub rounds_max: u32,
    /// Ticks on which no torques within the limits were found for the forces.
    pub torques_failed: u64,
}

/// What the legs are to do in one tick, one number a joint in model order: torques, and the motion
/// that the joint impedance underneath follows.
#[derive(Clone, Debug)]
pub(crate) struct LegTargets {
    /// Feed-forward torque, N m.
    pub(crate) tau: Vec<f64>,
    /// Position, rad.
    pub(crate) q: Vec<f64>,
    /// Velocity, rad/s.
    pub(crate) dq: Vec<f64>,
}

impl LegTargets {
    /// At rest in `posture`, where joints that belong to no leg stay.
    pub(crate) fn new(posture: &[f64]) -> Self {
        let zero = vec![0.0; posture.len()];
        Self { tau: zero.clone(), q: posture.to_vec(), dq: zero }
    }
}

/// Working memory of standing and trotting.
pub(crate) struct Trot {
    gait: Gait,
    planner: Box<dyn ForcePlanner>,
    whole_body: WholeBody,
    /// Ticks between two problems, and from a problem to its answer's effect.
    every: u64,
    latency: u64,
    /// Tick of the next problem.
    next: u64,
    submitted: Option<u64>,
    /// The answer in use.
    plan: Option<MpcOutput>,
    /// Time since stepping began, s; standing otherwise.
    stepping: Option<f64>,
    /// How long a stop has been asked for, s.
    stopping: f64,
    lifted_from: [Vector3<f64>; FEET_MAX],
    /// Where each foot goes or went down, odometry frame.
    foothold: [Vector3<f64>; FEET_MAX],
    /// The foot has met the ground in this stride.
    landed: [bool; FEET_MAX],
    /// Feet from the centre of mass when standing, base axes, m.
    nominal: [Vector3<f64>; FEET_MAX],
    reference: Option<Reference>,
    height: f64,
    foot_radius: f64,
    /// Answers without a solution, one after the other.
    failed: u32,
    pub(crate) counters: ForceCounters,
}

/// Where the body should be: integrated from the wanted velocity, kept near the robot.
#[derive(Clone, Copy, Debug)]
struct Reference {
    position: Vector3<f64>,
    yaw: f64,
    /// Last measured yaw, without jumps at pi.
    measured_yaw: f64,
}

impl Trot {
    pub(crate) fn new(robot: &Robot, legs: &mut Legs, planner: Box<dyn ForcePlanner>) -> Self {
        let file = &robot.file;
        legs.q.copy_from_slice(&robot.stand.joints);
        legs.update(robot, Matrix3::identity(), Vector3::zeros());
        let feet = legs.count;
        let centre: Vector3<f64> =
            legs.legs[..feet].iter().map(|leg| leg.middle.position).sum::<Vector3<f64>>()
                / feet.max(1) as f64;
        let mut nominal = [Vector3::zeros(); FEET_MAX];
        for (place, leg) in nominal.iter_mut().zip(&legs.legs[..feet]) {
            *place = leg.middle.position - centre;
        }
        let ticks = |seconds: f64| (seconds * file.control.rate_hz).round().max(1.0) as u64;
        Self {
            gait: Gait::new(&file.gait),
            planner,
            whole_body: WholeBody::new(robot),
            every: ticks(1.0 / file.mpc.rate_hz),
            latency: ticks(file.mpc.latency_ms * 1e-3),
            next: 0,
            submitted: None,
            plan: None,
            stepping: None,
            stopping: 0.0,
            lifted_from: [Vector3::zeros(); FEET_MAX],
            foothold: [Vector3::zeros(); FEET_MAX],
            landed: [true; FEET_MAX],
            nominal,
            reference: None,
            height: robot.stand.base_height + legs.whole.com.z,
            foot_radius: robot.feet.first().map_or(0.0, |foot| foot.radius),
            failed: 0,
            counters: ForceCounters::default(),
        }
    }

    /// Forgets everything but its memory: the next use starts standing.
    pub(crate) fn reset(&mut self) {
        self.submitted = None;
        self.plan = None;
        self.stepping = None;
        self.landed = [true; FEET_MAX];
        self.reference = None;
        self.failed = 0;
        self.whole_body.failed = 0;
        // An answer to a problem from before the reset must not be used after it.
        let _ = self.planner.collect();
    }

    /// Neither the forces nor the torques for them could be found for too long.
    pub(crate) const fn is_lost(&self) -> bool {
        self.failed >= FAILED_MAX || self.whole_body.failed >= LOST_MAX
    }

    /// Stepping, or standing on all feet.
    pub(crate) const fn is_stepping(&self) -> bool {
        self.stepping.is_some()
    }

    /// How far foot `foot` may be taken as standing by the gait alone: ramps over a fifth of the
    /// stance.
    pub(crate) fn scheduled_trust(&self, foot: usize) -> f64 {
        match self.stepping.map(|time| self.gait.phase(foot, time)) {
            None => 1.0,
            Some(FootPhase::Swing(_)) => 0.0,
            Some(FootPhase::Stance(s)) => (s / 0.2).min((1.0 - s) / 0.2).min(1.0),
        }
    }

    /// One tick: fills `targets`. False while no force plan has taken effect yet.
    pub(crate) fn step(
        &mut self,
        tick: (u64, f64),
        robot: &Robot,
        legs: &Legs,
        base: &Base,
        wanted: Option<BaseVelocity>,
        targets: &mut LegTargets,
    ) -> bool {
        let (number, dt) = tick;
        self.keep_time(dt, wanted.is_some(), base);
        let velocity = wanted.unwrap_or_default();
        self.gait.suit(velocity.speed().0.into());
        let motion = self.follow(dt, robot, legs, base, velocity);
        self.plan_forces(number, robot, legs, base, &motion);
        let Some(plan) = self.plan else {
            return false;
        };
        let mut tasks = Tasks {
            stands: [true; FEET_MAX],
            forces: plan.forces,
            total: plan.forces.iter().sum(),
            angular: base.rotation.transpose() * plan.angular,
            feet: [Vector3::zeros(); FEET_MAX],
        };
        for foot in 0..legs.count {
            if let Some((phase, target)) = self.way_down(foot, robot, base, &motion) {
                tasks.stands[foot] = false;
                tasks.feet[foot] =
                    self.swing_leg(foot, (phase, target), robot, legs, base, targets);
            } else {
                let leg = &legs.legs[foot];
                self.lifted_from[foot] = base.position + base.rotation * leg.middle.position;
                // The foot stays, so the leg turns as the base moves on.
                for (joint, rate) in
                    legs.joint_motion(robot, foot, -base.moves(leg.middle.position))
                {
                    (targets.q[joint], targets.dq[joint]) = (legs.q[joint], rate);
                }
            }
        }
        self.whole_body.solve(robot, legs, &base.rotation, &tasks);
        self.counters.torques_failed += u64::from(self.whole_body.failed > 0);
        for (joint, tau) in self.whole_body.tau.iter().enumerate() {
            let bearing = &robot.model.joints[joint];
            let rate = targets.dq[joint];
            // Dry friction, without a jump where the joint turns back.
            let dry = bearing.friction * (rate / DRY_SPEED).clamp(-1.0, 1.0);
            targets.tau[joint] = tau + bearing.damping * rate + dry;
        }
        true
    }

    /// How far `foot` is in its swing, and where it goes; none while it stands. A foot that meets
    /// the ground too early stands from then on; one that misses it reaches further down.
    fn way_down(
        &mut self,
        foot: usize,
        robot: &Robot,
        base: &Base,
        motion: &Motion,
    ) -> Option<(f64, Vector3<f64>)> {
        let touches = base.contacts[foot].probability;
        match self.gait.phase(foot, self.stepping?) {
            FootPhase::Swing(phase) => {
                self.landed[foot] &= phase >= EARLY_FROM;
                self.landed[foot] |= phase >= EARLY_FROM && touches > TOUCHES;
                if self.landed[foot] {
                    return None;
                }
                let target = self.foothold(foot, phase, robot, motion);
                self.foothold[foot] = target;
                Some((phase, target))
            }
            FootPhase::Stance(phase) => {
                let late = phase * self.gait.stance_time();
                self.landed[foot] |= touches > TOUCHES || late > LATE_MAX;
                if self.landed[foot] || late < LATE_FROM || touches > MISSES {
                    return None;
                }
                let deeper = Vector3::z() * (late * REACH_SPEED);
                Some((1.0, self.foothold[foot] - deeper))
            }
        }
    }

    /// Where the gait has each foot; none while all stand.
    pub(crate) fn phases(&self) -> [Option<FootPhase>; FEET_MAX] {
        core::array::from_fn(|foot| self.stepping.map(|time| self.gait.phase(foot, time)))
    }

    /// Starts and ends stepping; ends only slow, after a stride in place, with all feet down.
    fn keep_time(&mut self, dt: f64, walk: bool, base: &Base) {
        let Some(time) = self.stepping else {
            if walk && self.plan.is_some() {
                (self.stepping, self.stopping) = (Some(0.0), 0.0);
            }
            return;
        };
        self.stopping = if walk { 0.0 } else { self.stopping + dt };
        let down = |foot| matches!(self.gait.phase(foot, time), FootPhase::Stance(_));
        let still = base.velocity.xy().norm() < STOP_SPEED;
        let tried = self.stopping > 1.5 * self.gait.period();
        let given_up = self.stopping > 6.0 * self.gait.period();
        self.stepping = if tried && (still || given_up) && (0..FEET_MAX).all(down) {
            // It stays where it stopped, not where it was to be by now.
            self.reference = None;
            None
        } else {
            Some(time + dt)
        };
    }

    /// Moves the reference and gathers how the centre of mass moves.
    fn follow(
        &mut self,
        dt: f64,
        robot: &Robot,
        legs: &Legs,
        base: &Base,
        wanted: BaseVelocity,
    ) -> Motion {
        let lever = base.rotation * legs.whole.com;
        let com = base.position + lever;
        let spin = base.rotation * base.spin;
        let com_velocity = base.velocity + spin.cross(&lever);
        let (roll, pitch, yaw) = base.attitude.euler_angles();
        let mut reference =
            self.reference.unwrap_or(Reference { position: com, yaw, measured_yaw: yaw });
        let turned = (yaw - reference.measured_yaw + std::f64::consts::PI)
            .rem_euclid(2.0 * std::f64::consts::PI)
            - std::f64::consts::PI;
        reference.measured_yaw += turned;
        let heading = Rotation3::from_axis_angle(&Vector3::z_axis(), yaw);
        let [forward, left] = [wanted.forward.0, wanted.left.0].map(f64::from);
        let velocity = heading * Vector3::new(forward, left, 0.0);
        let yaw_rate = f64::from(wanted.yaw.0);
        let clip = robot.file.mpc.position_clip_m;
        for axis in 0..2 {
            let ahead = reference.position[axis] + velocity[axis] * dt;
            reference.position[axis] = ahead.clamp(com[axis] - clip, com[axis] + clip);
        }
        reference.position.z = self.height;
        let measured = reference.measured_yaw;
        reference.yaw =
            (reference.yaw + yaw_rate * dt).clamp(measured - YAW_CLIP, measured + YAW_CLIP);
        self.reference = Some(reference);
        Motion {
            com,
            com_velocity,
            spin,
            rpy: Vector3::new(roll, pitch, measured),
            heading: heading.into_inner(),
            velocity,
            yaw_rate,
            reference,
        }
    }

    /// Sends a problem on its tick and takes its answer a fixed number of ticks later.
    fn plan_forces(
        &mut self,
        number: u64,
        robot: &Robot,
        legs: &Legs,
        base: &Base,
        motion: &Motion,
    ) {
        if let Some(submitted) = self.submitted
            && number >= submitted + self.latency
        {
            match self.planner.collect() {
                Some(answer) if answer.tick == submitted => {
                    self.submitted = None;
                    self.counters.rounds_max = self.counters.rounds_max.max(answer.rounds);
                    self.failed = if answer.solved { 0 } else { self.failed.saturating_add(1) };
                    if answer.solved {
                        self.counters.used += 1;
                        self.plan = Some(answer);
                    } else {
                        self.counters.failed += 1;
                    }
                }
                _ => self.counters.late += 1,
            }
        }
        // A skipped tick only delays the problem that was due on it.
        if number >= self.next && self.submitted.is_none() {
            self.next = (number / self.every + 1) * self.every;
            self.planner.submit(&self.problem(number, robot, legs, base, motion));
            self.submitted = Some(number);
        }
    }

    fn problem(
        &self,
        tick: u64,
        robot: &Robot,
        legs: &Legs,
        base: &Base,
        motion: &Motion,
    ) -> MpcInput {
        let mut contact = [[false; FEET_MAX]; HORIZON_MAX];
        let mut feet = [[Vector3::zeros(); FEET_MAX]; HORIZON_MAX];
        let delay = self.latency as f64 / robot.file.control.rate_hz;
        let steps = robot.file.mpc.horizon.min(HORIZON_MAX);
        for step in 0..steps {
            let ahead = delay + (step as f64 + 0.5) * robot.file.mpc.step_s;
            let com = motion.com + motion.velocity * ahead;
            for foot in 0..legs.count {
                let phase = self.stepping.map(|time| self.gait.phase(foot, time + ahead));
                let swings = matches!(phase, Some(FootPhase::Swing(_)));
                contact[step][foot] = !swings || ahead < self.stands_early(foot);
                let place = self.place_of(foot, ahead, robot, legs, base, motion);
                feet[step][foot] = place - com - Vector3::z() * self.foot_radius;
            }
        }
        MpcInput {
            tick,
            rpy: motion.rpy,
            position: motion.com,
            angular_velocity: motion.spin,
            velocity: motion.com_velocity,
            inertia: legs.whole.about_com,
            outside: base.outside.force,
            feet,
            contact,
            reference_position: motion.reference.position,
            reference_yaw: motion.reference.yaw,
            reference_velocity: motion.velocity,
            reference_yaw_rate: motion.yaw_rate,
        }
    }

    /// How long a foot that has landed too early stands before the gait says so, s; else zero.
    fn stands_early(&self, foot: usize) -> f64 {
        match self.stepping.map(|time| self.gait.phase(foot, time)) {
            Some(FootPhase::Swing(phase)) if self.landed[foot] && phase >= EARLY_FROM => {
                (1.0 - phase) * self.gait.swing_time()
            }
            _ => 0.0,
        }
    }

    /// Where `foot` stands in `ahead` s, odometry frame: where it is, or where it will have been
    /// put down by then.
    fn place_of(
        &self,
        foot: usize,
        ahead: f64,
        robot: &Robot,
        legs: &Legs,
        base: &Base,
        motion: &Motion,
    ) -> Vector3<f64> {
        let here = base.position + base.rotation * legs.legs[foot].middle.position;
        let Some(time) = self.stepping else { return here };
        let (now, then) = (self.gait.phase(foot, time), self.gait.phase(foot, time + ahead));
        match (now, then) {
            (FootPhase::Swing(_), _) if self.stands_early(foot) > 0.0 => here,
            (FootPhase::Swing(phase), _) => self.foothold(foot, phase, robot, motion),
            // It has not stood longer than it could since now.
            (FootPhase::Stance(_), FootPhase::Stance(phase))
                if phase * self.gait.stance_time() >= ahead =>
            {
                here
            }
            (FootPhase::Stance(_), FootPhase::Swing(_)) => here,
            (FootPhase::Stance(_), FootPhase::Stance(phase)) => {
                let landed = ahead - phase * self.gait.stance_time();
                let turn = motion.yaw_rate * (landed + 0.5 * self.gait.stance_time());
                let turn = Rotation3::from_axis_angle(&Vector3::z_axis(), turn);
                let way = motion.velocity * (landed + 0.5 * self.gait.stance_time());
                let mut place = motion.com + way + motion.heading * (turn * self.nominal[foot]);
                place.z = self.foot_radius;
                place
            }
        }
    }

    /// Leads a foot in the given phase of its swing on to `target`; the acceleration it needs, base
    /// axes, m/s^2.
    fn swing_leg(
        &self,
        foot: usize,
        (phase, target): (f64, Vector3<f64>),
        robot: &Robot,
        legs: &Legs,
        base: &Base,
        targets: &mut LegTargets,
    ) -> Vector3<f64> {
        let gait = &robot.file.gait;
        let leg = &legs.legs[foot];
        let place = base.position + base.rotation * leg.middle.position;
        let back = base.rotation.transpose();
        let moving = base.rotation * (base.moves(leg.middle.position) + leg.velocity);
        let from = &self.lifted_from[foot];
        let path = swing(from, &target, gait.swing_height_m, phase, self.gait.swing_time());
        let (ahead, faster) = (path.position - place, path.velocity - moving);
        for (joint, way) in legs.joint_motion(robot, foot, back * ahead) {
            targets.q[joint] = legs.q[joint] + way;
        }
        let relative = back * path.velocity - base.moves(leg.middle.position);
        for (joint, rate) in legs.joint_motion(robot, foot, relative) {
            targets.dq[joint] = rate;
        }
        let pull = ahead * gait.swing_stiffness_per_s2 + faster * gait.swing_damping_per_s;
        back * (path.acceleration + pull)
    }

    /// Where a swinging foot is to land, odometry frame.
    fn foothold(&self, foot: usize, phase: f64, robot: &Robot, motion: &Motion) -> Vector3<f64> {
        let gait = &robot.file.gait;
        let (stance, remaining) = (self.gait.stance_time(), (1.0 - phase) * self.gait.swing_time());
        let turn = Rotation3::from_axis_angle(&Vector3::z_axis(), motion.yaw_rate * stance / 2.0);
        let hip = motion.heading * (turn * self.nominal[foot]);
        let v = motion.com_velocity;
        let curve = Vector3::new(v.y, -v.x, 0.0) * (0.5 * self.height / GRAVITY * motion.yaw_rate);
        let reach =
            v * (remaining + stance / 2.0) + (v - motion.velocity) * gait.foothold_gain_s + curve;
        let limit = gait.foothold_reach_m;
        let mut target = motion.com + hip;
        for axis in 0..2 {
            target[axis] += reach[axis].clamp(-limit, limit);
        }
        target.z = self.foot_radius;
        target
    }
}

/// How the centre of mass moves and should move, odometry frame.
#[derive(Clone, Copy, Debug)]
struct Motion {
    com: Vector3<f64>,
    com_velocity: Vector3<f64>,
    spin: Vector3<f64>,
    rpy: Vector3<f64>,
    heading: Matrix3<f64>,
    velocity: Vector3<f64>,
    yaw_rate: f64,
    reference: Reference,
}

/// What the force planner needs to know of `robot`.
pub(crate) fn mpc_settings(robot: &Robot) -> MpcSettings {
    let file = &robot.file.mpc;
    let mut weights = [0.0; 12];
    let parts = [
        file.weight_attitude,
        file.weight_position,
        file.weight_angular_velocity,
        file.weight_velocity,
    ];
    for (slot, weight) in weights.iter_mut().zip(parts.iter().flatten()) {
        *slot = *weight;
    }
    MpcSettings {
        horizon: file.horizon,
        step: file.step_s,
        weights,
        weight_force: file.weight_force,
        friction: file.friction,
        force: (file.force_min_n, file.force_max_n),
        mass: robot.model.mass(),
    }
}
