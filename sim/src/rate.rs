//! How fast the physics is.

use core::time::Duration;

use model::Robot;
use signals::{BodyCommand, Damping, Instant, JointCommand, Joints, Radians, Stiffness};

use crate::world::World;
use crate::{SimError, Yard};

/// Wall time of each of `ticks` physics steps while `robot` rises and stands on joint stiffness, on
/// open ground: the step alone, without sensors. For benches; the result depends on the machine.
///
/// # Errors
/// [`SimError`], when the robot cannot be simulated.
pub fn step_times(robot: &Robot, ticks: u32) -> Result<Vec<Duration>, SimError> {
    let mut world = World::new(robot, &Yard::empty())?;
    let tick = Duration::from_secs_f64(1.0 / robot.file.control.rate_hz);
    let mut times = Vec::with_capacity(ticks as usize);
    for count in 0..ticks {
        let now = Instant::ZERO + tick * count;
        let (command, states) = (rise(robot, now, tick), world.joint_states());
        let torque = Joints::from_fn(states.len(), |id| {
            let (low, high) = robot.limits.joints[id].torque_range(states[id].dq);
            command.joints[id].torque(states[id]).limited(low, high)
        });
        let begin = std::time::Instant::now();
        world.step(&torque, [0.0; 3]);
        times.push(begin.elapsed());
    }
    Ok(times)
}

/// The command at `now` that brings the robot from its settled posture to standing and holds it.
pub(crate) fn rise(robot: &Robot, now: Instant, tick: Duration) -> BodyCommand {
    let motion = &robot.file.motion;
    let share = (now.as_seconds() / motion.rise_s).clamp(0.0, 1.0);
    let joints = Joints::from_fn(robot.model.joint_count(), |id| {
        let angle = |posture: &[f64]| posture.get(id.index()).copied().unwrap_or_default();
        let (from, to) = (angle(&robot.settled.joints), angle(&robot.stand.joints));
        JointCommand {
            q: Radians((from + share * (to - from)) as f32),
            kp: Stiffness(motion.stiffness_nm_rad as f32),
            kd: Damping(motion.damping_nm_s_rad as f32),
            ..JointCommand::default()
        }
    });
    BodyCommand { joints, valid_until: now + tick * 5 }
}
