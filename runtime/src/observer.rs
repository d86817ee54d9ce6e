//! Looks at every command a body gets and judges it by the robot file alone, and at every ruling
//! and judges it by what the person did. It shares no code with the governor, so that a mistake
//! there is seen here.

mod conduct;

use model::Robot;
use signals::{BodyCommand, BodyState, Operator, Ruling};

pub use conduct::Conduct;

/// What was seen so far.
///
/// Clauses: M1, M2, M4.
#[derive(Clone, Debug)]
pub struct Observer {
    joints: Vec<Limits>,
    conduct: Conduct,
    /// Commands outside the limits, and cycles against the rules of stops and authority.
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
        let conduct = Conduct::of_body(robot.file.governor.sinks_without_power);
        Self { joints, conduct, violations: 0, first: None }
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
            self.note(state, &format!("{what} of joint {joint}"));
        }
    }

    /// Judges one ruling, with the command it led to, by what the person did in that cycle.
    pub fn judge_conduct(
        &mut self,
        operator: &Operator,
        ruling: &Ruling,
        (state, command): (&BodyState, &BodyCommand),
    ) {
        if let Some(what) = self.conduct.judge(operator, ruling, command) {
            self.note(state, what);
        }
    }

    fn note(&mut self, state: &BodyState, what: &str) {
        self.violations += 1;
        if self.first.is_none() {
            self.first = Some(format!("{what} at {:.3} s", state.at.as_seconds()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use signals::{
        Authority, BaseVelocity, Damping, Instant, JointCommand, Joints, Level, Mode, Motion,
        OperatorAct, Role,
    };

    type Scene = (Operator, Ruling, BodyCommand);

    fn scene(act: Option<OperatorAct>, level: Level, motion: Motion) -> Scene {
        let stopping = level >= Level::Settle;
        let walks = matches!(motion, Motion::Walk(_));
        let authority = match motion {
            _ if stopping => Authority::StopControl,
            _ if walks => Authority::Brain,
            _ => Authority::None,
        };
        let ruling =
            Ruling { mode: Mode::Auto, authority, level, motion, epoch: 3, ..Ruling::default() };
        let limp = motion == Motion::Limp;
        let joint = if limp { JointCommand::LIMP } else { JointCommand::damped(Damping(1.0)) };
        let joints = Joints::filled(joint, 2);
        let command = BodyCommand { joints, valid_until: Instant::ZERO };
        (Operator::local(act), ruling, command)
    }

    fn walk() -> Motion {
        Motion::Walk(BaseVelocity::ZERO)
    }

    /// A run with a start, a stop, a reset, another start, a hold and its end.
    fn story() -> Vec<Scene> {
        let (start, reset) = (Some(OperatorAct::Start), Some(OperatorAct::Reset));
        let mut story = vec![
            scene(None, Level::Nominal, Motion::Limp),
            scene(start, Level::Nominal, Motion::Stand),
            scene(None, Level::Nominal, walk()),
            scene(None, Level::Settle, Motion::Settle),
            scene(None, Level::Cut, Motion::Limp),
            scene(None, Level::Cut, Motion::Limp),
            scene(reset, Level::Nominal, Motion::Limp),
            scene(start, Level::Nominal, Motion::Stand),
            scene(None, Level::Hold, Motion::Stand),
            scene(start, Level::Nominal, Motion::Stand),
            scene(None, Level::Nominal, walk()),
        ];
        story[3].0.stop = true;
        story[4].0.cut = true;
        story
    }

    /// A body that sinks is held after its stop and after the reset; one that does not is limp.
    ///
    /// Clauses: S4.
    #[test]
    fn only_a_body_that_sinks_may_be_held_after_a_reset() {
        let reset = Some(OperatorAct::Reset);
        let mut story = [
            scene(None, Level::Nominal, Motion::Limp),
            scene(Some(OperatorAct::Start), Level::Nominal, Motion::Stand),
            scene(None, Level::Stopped, Motion::Settle),
            scene(reset, Level::Nominal, Motion::Settle),
            scene(None, Level::Nominal, Motion::Settle),
        ];
        for (sinks, objection) in [(true, None), (false, Some("a reset started something"))] {
            let mut conduct = Conduct::of_body(sinks);
            let told = story.iter().find_map(|(o, r, c)| conduct.judge(o, r, c));
            assert_eq!(told, objection);
        }
        // To be held is not to be moved, and what was limp is not taken hold of.
        for motion in [Motion::Move(Joints::filled(signals::Radians(0.0), 2)), Motion::Stand] {
            story[4].1.motion = motion;
            let mut conduct = Conduct::of_body(true);
            let told = story.iter().find_map(|(o, r, c)| conduct.judge(o, r, c));
            assert!(told.is_some(), "{motion:?}");
        }
    }

    fn objection(story: &[Scene]) -> Option<&'static str> {
        let mut conduct = Conduct::default();
        story
            .iter()
            .find_map(|(operator, ruling, command)| conduct.judge(operator, ruling, command))
    }

    /// Clauses: O1, O6, S4, S5, S9.
    #[test]
    fn every_rule_of_stops_and_authority_is_seen_when_it_is_broken() {
        type Spoil = fn(&mut Vec<Scene>);
        let spoilt: [(&str, Spoil); 17] = [
            ("given and is not in force", |s| s[2].0.stop = true),
            ("given and is not in force", |s| s[2].0.act = Some(OperatorAct::GoSafe)),
            ("pressed and there is torque", |s| {
                s[4].2 = s[3].2;
                s[4].1.motion = Motion::Damp;
            }),
            ("motion began without a start", |s| s[1].0.act = None),
            ("motion began without a start", |s| s[7].0.role = Role::Supervisor),
            ("ended without a reset", |s| s[6].0.act = Some(OperatorAct::Start)),
            ("ended without a reset", |s| s[6].0.role = Role::Operator),
            ("a reset started something", |s| {
                s[6] = scene(s[6].0.act, Level::Nominal, Motion::Damp);
            }),
            ("hold ended without", |s| s[9].0.act = None),
            ("from SETTLE on and only then", |s| s[3].1.authority = Authority::Brain),
            ("from SETTLE on and only then", |s| s[2].1.authority = Authority::StopControl),
            ("between 0 and 1", |s| s[2].1.scale = f32::NAN),
            ("at HOLD or worse", |s| s[8] = scene(None, Level::Hold, walk())),
            ("while it warns", |s| s[2].1.warning = true),
            ("may not drive", |s| s[2].1.mode = Mode::Manual),
            ("older lease", |s| s[5].1.epoch = 2),
            ("limp by the ruling", |s| s[0].2 = s[1].2),
        ];
        assert_eq!(objection(&story()), None);
        for (words, spoil) in spoilt {
            let mut story = story();
            spoil(&mut story);
            let told = objection(&story).unwrap_or("nothing");
            assert!(told.contains(words), "{words}: {told}");
        }
        let mut locked = story();
        locked[5].1.mode = Mode::Lockout;
        assert_eq!(objection(&locked), Some("a lockout ended without a maintainer"));
        let mut unlocked = scene(Some(OperatorAct::Unlock), Level::Cut, Motion::Limp);
        unlocked.0.role = Role::Maintainer;
        locked.insert(6, unlocked);
        assert_eq!(objection(&locked), None);
    }
}
