//! Builds the parts of one robot from its folder.

use std::sync::Arc;
use std::time::Duration;

use brain::{BackendChoice, Navigator, Planner, Policy, Script, ScriptTimes};
use cerebellum::{Cerebellum, InlineForcePlanner};
use governor::{
    BaseAcceleration, BodyClass, Envelope, Governor, HabitRule, HealthRule, LidarRule, Profile,
    Skills, StickRule, Supervision,
};
use model::{HabitsFile, HealthFile, Robot, SkillFile};
use signals::{
    BaseVelocity, Celsius, JointId, Joints, Metres, MetresPerSecond, MetresPerSecondSquared,
    ModelHash, Newtons, Radians, RadiansPerSecond, RadiansPerSecondSquared, Volts,
};

use crate::brain_thread::{BrainThread, MakePlanner};
use crate::error::RunError;
use crate::mpc_thread::ThreadForcePlanner;
use crate::report::hexadecimal;
use crate::robot_source::RobotSource;
use crate::space::{self, ms};
use crate::worker::Bell;

/// The governor of `robot`, with the limits and the profile of its file.
///
/// # Errors
/// A limit or a number of the profile that the governor refuses.
pub fn governor(robot: &Robot) -> Result<Governor, RunError> {
    let refused = |what: String| RunError::Governor { file: robot.origin.clone(), what };
    let envelope = Envelope::new(&robot.limits).map_err(|error| refused(error.to_string()))?;
    let profile = profile(robot);
    profile.check().map_err(|error| refused(error.to_string()))?;
    Ok(Governor::new(envelope, profile))
}

/// The governor's profile as the robot's file gives it.
#[must_use]
pub fn profile(robot: &Robot) -> Profile {
    let file = &robot.file.governor;
    let watched = |s: &model::SupervisionFile| Supervision {
        notice: ms(s.notice_ms),
        hold: ms(s.hold_ms),
        settle: ms(s.settle_ms),
    };
    Profile {
        body: match robot.file.body_class {
            model::BodyClass::ActivelyStable => BodyClass::ActivelyStable,
            model::BodyClass::StaticallyStable => BodyClass::StaticallyStable,
        },
        fixed_base: !robot.model.floating,
        sinks_without_power: file.sinks_without_power,
        stuck_frames: file.stuck_readings.unwrap_or(Profile::default().stuck_frames),
        firmware_settle: file.firmware_settle,
        supervision: file.supervision.as_ref().map(watched),
        stick: stick(&file.stick),
        plan_age_max: ms(file.plan_age_max_ms),
        plan_validity_max: ms(file.plan_validity_max_ms),
        speed_max: BaseVelocity {
            forward: MetresPerSecond(file.forward_max_m_s),
            left: MetresPerSecond(file.left_max_m_s),
            yaw: RadiansPerSecond(file.yaw_max_rad_s),
        },
        acceleration: acceleration(robot),
        lidar: robot.model.floating.then(|| lidar(file)),
        health: health(&file.health),
        habits: habits(&file.habits),
        tilt_max: Radians(file.tilt_max_deg.to_radians()),
        reading_age_limited: ms(file.reading_age_limited_ms),
        reading_age_settle: ms(file.reading_age_settle_ms),
        limited_scale: file.limited_scale,
        settle_timeout: Duration::try_from_secs_f64(file.settle_timeout_s).unwrap_or(Duration::MAX),
        command_validity: ms(robot.file.control.command_validity_ms),
        brake_delay: ms(file.actuation_delay_ms),
        position_margin: Radians(file.position_margin_rad),
        fence: file.fence.as_ref().map(space::fence),
        height: file.height.as_ref().map(space::height),
        overspeed: file.overspeed.as_ref().map(space::overspeed),
        person: file.person.as_ref().map(space::person),
        contact: file
            .contact
            .as_ref()
            .zip(robot.contact.as_ref())
            .map(|(f, t)| space::contact(f, t)),
        anatomy: Some(space::anatomy(robot)),
        balance: file.balance.as_ref().map(space::balance),
        self_collision: file.self_collision.as_ref().map(space::self_collision),
        ..Profile::default()
    }
}

/// How hard the base may be sped up; one that is fixed never is, whatever stands here.
fn acceleration(robot: &Robot) -> BaseAcceleration {
    let file = &robot.file.governor;
    if !robot.model.floating {
        return Profile::default().acceleration;
    }
    let planar = MetresPerSecondSquared(file.acceleration_max_m_s2);
    let yaw = RadiansPerSecondSquared(file.yaw_acceleration_max_rad_s2);
    BaseAcceleration { forward: planar, left: planar, yaw }
}

fn stick(file: &model::StickFile) -> StickRule {
    StickRule {
        age_max: ms(file.age_max_ms),
        limited: ms(file.limited_ms),
        hold: ms(file.hold_ms),
        settle: ms(file.settle_ms),
        speed_max: BaseVelocity {
            forward: MetresPerSecond(file.speed_max_m_s),
            left: MetresPerSecond(file.speed_max_m_s),
            yaw: RadiansPerSecond(file.yaw_max_rad_s),
        },
    }
}

fn lidar(file: &model::GovernorFile) -> LidarRule {
    LidarRule {
        radius: Metres(file.lidar_radius_m),
        margin: Metres(file.lidar_margin_m),
        braking: MetresPerSecondSquared(file.lidar_braking_m_s2),
        reaction: ms(file.lidar_reaction_ms),
        age_max: ms(file.lidar_age_max_ms),
    }
}

fn habits(file: &HabitsFile) -> HabitRule {
    let may = |skill| file.skills.contains(&skill);
    HabitRule {
        skills: Skills {
            hold: may(SkillFile::Hold),
            forward: may(SkillFile::Forward),
            backward: may(SkillFile::Backward),
            sideways: may(SkillFile::Sideways),
            turn: may(SkillFile::Turn),
            posture: may(SkillFile::Posture),
        },
        silent_limited: ms(file.silent_limited_ms),
        silent_hold: ms(file.silent_hold_ms),
        rate: file.rate_hz,
        jump: BaseVelocity {
            forward: MetresPerSecond(file.jump_m_s),
            left: MetresPerSecond(file.jump_m_s),
            yaw: RadiansPerSecond(file.jump_rad_s),
        },
        frozen: ms(file.frozen_ms),
        reactive: file.reactive,
        ..HabitRule::default()
    }
}

fn health(file: &HealthFile) -> HealthRule {
    let standard = HealthRule::default();
    HealthRule {
        blocked_error: file.blocked_error_rad.map_or(standard.blocked_error, Radians),
        jump_noise: Radians(file.jump_noise_rad),
        torque_error: file.torque_error_part,
        collision: file.collision_part,
        temperature_warn: Celsius(file.temperature_warn_c),
        temperature_trip: Celsius(file.temperature_trip_c),
        voltage_min: Volts(file.voltage_min_v),
        voltage_max: Volts(file.voltage_max_v),
        feet_load_min: Newtons(file.feet_load_min_n),
        hold_joint: Radians(file.hold_joint_deg.to_radians()),
        late_limited: file.late_limited_ticks,
        late_hold: file.late_hold_ticks,
        late_gap: ms(file.late_gap_ms),
        ..standard
    }
}

/// The motion controller of `robot`. In real time its force planner has a thread of its own, and
/// the bell that wakes it is to be delivered after each turn.
///
/// # Errors
/// The machine grants no thread, or no controller here fits the body.
pub fn cerebellum(robot: &Robot, real_time: bool) -> Result<(Cerebellum, Option<Bell>), RunError> {
    let refused = |what: String| RunError::Governor { file: robot.origin.clone(), what };
    if !robot.model.floating {
        let arm = Cerebellum::of_arm(robot).map_err(|fault| refused(fault.to_string()))?;
        return Ok((arm, None));
    }
    if robot.file.body_class == model::BodyClass::StaticallyStable {
        let what = "the motion controller of a body with a free base walks, and this one is \
                    statically_stable; hold your own controller against the governor with `triune \
                    govern`";
        return Err(refused(what.into()));
    }
    let settings = Cerebellum::force_settings(robot);
    if !real_time {
        let planner = InlineForcePlanner::new(settings);
        return Ok((Cerebellum::new(robot, Box::new(planner)), None));
    }
    let planner = ThreadForcePlanner::start(settings).map_err(RunError::Thread)?;
    let bell = planner.bell();
    Ok((Cerebellum::new(robot, Box::new(planner)), bell))
}

/// The planner's thread, and what the report says of it.
pub struct Brain {
    /// The thread.
    pub thread: BrainThread,
    /// What runs the model, and why.
    pub backend: String,
    /// SHA-256 of the model file.
    pub model_sha256: String,
    /// Time between two plans.
    pub period: Duration,
}

/// Reads the policy of `robot`, checks it on the backend in use, or takes the script of its file,
/// and starts the thread. On virtual
/// time its latency is drawn from `seed`.
///
/// # Errors
/// The first thing that is wrong with the policy, or that the machine grants no thread.
pub fn brain(
    source: &RobotSource,
    robot: &Robot,
    real_time: bool,
    seed: u64,
) -> Result<Brain, RunError> {
    let Chosen { first, make, backend, model_sha256, period } = chosen(source, robot)?;
    let ticks = |ms: f64| (ms * 1e-3 * robot.file.control.rate_hz).round() as u64;
    let latency = (ticks(robot.file.brain.latency_min_ms), ticks(robot.file.brain.latency_max_ms));
    let drawn = (!real_time).then_some((latency, seed));
    let thread = BrainThread::start(first, make, drawn).map_err(RunError::Brain)?;
    Ok(Brain { thread, backend, model_sha256, period })
}

/// The brain in another process, behind `thread`. How often it is asked, and what it may be, the
/// file of `robot` says all the same.
///
/// # Errors
/// The first thing that is wrong with the policy of the robot's file.
pub fn far_brain(
    source: &RobotSource,
    robot: &Robot,
    thread: BrainThread,
) -> Result<Brain, RunError> {
    let Chosen { model_sha256, period, .. } = chosen(source, robot)?;
    let backend = "in another process, over the network".into();
    Ok(Brain { thread, backend, model_sha256, period })
}

/// The planner that the file of `robot` names, and the time between two of its plans.
///
/// # Errors
/// The first thing that is wrong with the policy.
pub fn planner(
    source: &RobotSource,
    robot: &Robot,
) -> Result<(Box<dyn Planner + Send>, String, Duration), RunError> {
    let Chosen { first, backend, period, .. } = chosen(source, robot)?;
    Ok((first, backend, period))
}

fn chosen(source: &RobotSource, robot: &Robot) -> Result<Chosen, RunError> {
    match &robot.file.brain.script {
        Some(file) => Ok(script(robot, file)),
        None => navigator(source, robot),
    }
}

/// A planner, and what makes another like it.
struct Chosen {
    first: Box<dyn Planner + Send>,
    make: MakePlanner,
    backend: String,
    model_sha256: String,
    period: Duration,
}

/// The learnt policy that the file of `robot` names.
fn navigator(source: &RobotSource, robot: &Robot) -> Result<Chosen, RunError> {
    let card = robot.file.brain.policy.as_deref().unwrap_or_default();
    let policy = source.policy(card).map_err(RunError::Policy)?;
    let (backend, origin) = policy.open(BackendChoice::Auto).map_err(RunError::Policy)?;
    let first = Navigator::new(&policy, backend, origin.clone());
    let (period, model_sha256) = (first.period(), policy.card().model.sha256.clone());
    let make = planner_maker(policy);
    Ok(Chosen { first: Box::new(first), make, backend: origin, model_sha256, period })
}

/// The postures that stand in the file of `robot`: what counts as their model is that file.
fn script(robot: &Robot, file: &model::ScriptFile) -> Chosen {
    let angle = |angles: &[f64], id: JointId| {
        Radians(angles.get(id.index()).copied().unwrap_or_default() as f32)
    };
    let count = robot.model.joint_count();
    let named = file.postures.iter().filter_map(|name| robot.postures.get(name));
    let postures = named.map(|p| Joints::from_fn(count, |id| angle(&p.joints, id))).collect();
    let times = ScriptTimes {
        tolerance: Radians(robot.file.arm.tolerance_rad as f32),
        dwell: Duration::try_from_secs_f64(file.dwell_s).unwrap_or(Duration::MAX),
        validity: ms(file.validity_ms),
    };
    let [a, b, c, d, e, f, g, h, ..] = robot.hash;
    let script = Script::new(postures, times, ModelHash([a, b, c, d, e, f, g, h]));
    let another = script.clone();
    Chosen {
        first: Box::new(script),
        make: Arc::new(move || Ok(Box::new(another.clone()))),
        backend: "a script of taught postures, no model".into(),
        model_sha256: hexadecimal(&robot.hash),
        period: Duration::try_from_secs_f64(1.0 / file.rate_hz).unwrap_or(Duration::MAX),
    }
}

fn planner_maker(policy: Policy) -> MakePlanner {
    Arc::new(move || {
        let opened = policy.open(BackendChoice::Auto).map_err(|error| error.to_string())?;
        let planner: Box<dyn Planner + Send> =
            Box::new(Navigator::new(&policy, opened.0, opened.1));
        Ok(planner)
    })
}
