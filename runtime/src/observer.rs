//! Looks at every command a body gets and judges it by the robot file alone. It shares no code with
//! the governor, so that a mistake there is seen here.

use model::Robot;
use signals::{BodyCommand, BodyState};

/// What was seen so far.
///
/// Clauses: M1, M2, M4.
#[derive(Clone, Debug)]
pub struct Observer {
    joints: Vec<Limits>,
    /// Commands outside the limits.
    pub violations: u64,
    /// What the first of them was.
    pub first: Option<String>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    position: (f32, f32),
    torque: f32,
    corner: f32,
    no_load: f32,
    stiffness: f32,
    damping: f32,
}

/// Rounding of the arithmetic that is being judged, relative.
const ROUNDING: f32 = 1e-3;

impl Observer {
    /// Reads the limits from the file of `robot`.
    #[must_use]
    pub fn new(robot: &Robot) -> Self {
        let of_joint = |name: &str| {
            robot.file.joints.values().find(|group| group.names.iter().any(|n| n == name)).map(
                |g| Limits {
                    position: (g.position_min_rad, g.position_max_rad),
                    torque: g.torque_max_nm,
                    corner: g.corner_speed_rad_s,
                    no_load: g.no_load_speed_rad_s,
                    stiffness: g.stiffness_max_nm_rad,
                    damping: g.damping_max_nm_s_rad,
                },
            )
        };
        let joints = robot.joint_names().filter_map(of_joint).collect();
        Self { joints, violations: 0, first: None }
    }

    /// Judges one command on a body in `state`.
    pub fn judge(&mut self, state: &BodyState, command: &BodyCommand) {
        let commands = command.joints.iter().zip(state.joints.iter()).zip(&self.joints);
        let mut broken = None;
        for (number, ((c, s), limits)) in commands.enumerate() {
            let numbers = [c.q.0, c.dq.0, c.kp.0, c.kd.0, c.tau.0];
            if numbers.iter().any(|value| !value.is_finite()) {
                broken = Some((number, "a number that is not finite"));
            } else if c.kp.0 < 0.0 || c.kp.0 > limits.stiffness || c.kd.0 < 0.0 {
                broken = Some((number, "stiffness"));
            } else if c.kd.0 > limits.damping {
                broken = Some((number, "damping"));
            } else if c.kp.0 > 0.0 && (c.q.0 < limits.position.0 || c.q.0 > limits.position.1) {
                broken = Some((number, "position"));
            } else if c.tau.0.abs() > limits.torque * (1.0 + ROUNDING) {
                broken = Some((number, "feed-forward torque"));
            } else if c.kp.0 > 0.0 || c.tau.0 != 0.0 {
                let torque = c.kp.0 * (c.q.0 - s.q.0) + c.kd.0 * (c.dq.0 - s.dq.0) + c.tau.0;
                let (low, high) = limits.torque_range(s.dq.0);
                let slack = ROUNDING * limits.torque;
                if torque < low - slack || torque > high + slack {
                    broken = Some((number, "torque at this speed"));
                }
            }
        }
        if let Some((joint, what)) = broken {
            self.violations += 1;
            if self.first.is_none() {
                let at = state.at.as_seconds();
                self.first = Some(format!("{what} of joint {joint} at {at:.3} s"));
            }
        }
    }
}

impl Limits {
    /// Lowest and highest torque at this speed, N m.
    fn torque_range(&self, speed: f32) -> (f32, f32) {
        let share = (self.no_load - speed.abs()) / (self.no_load - self.corner);
        let driving = self.torque * share.clamp(0.0, 1.0);
        if speed >= 0.0 { (-self.torque, driving) } else { (-driving, self.torque) }
    }
}
