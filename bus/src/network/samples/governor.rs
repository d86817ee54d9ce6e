//! What is permitted, what was let through, and why something was not.

use signals::{BodyCommand, JOINTS_MAX, Motion, Ruling};

use super::{count, slots};
use crate::network::layout::layout;
use crate::network::topic::Topic;

/// Mode, authority, level and the admitted motion.
pub const GOVERNOR_RULING: Topic<RulingSample> = Topic::out("governor/ruling", 200.0);
/// What the controller wanted of the joints and what was let through.
pub const GOVERNOR_COMMAND: Topic<CommandSample> = Topic::out("governor/command", 200.0);
/// Every intervention.
pub const GOVERNOR_RECORD: Topic<RecordSample> = Topic::stream("governor/record");

layout! {
    /// What the governor decided in one cycle.
    pub struct RulingSample {
        /// Kind of operation, as signals::Mode counts.
        mode: u32;
        /// Who may ask the body to move, as signals::Authority counts.
        authority: u32;
        /// Severity, as signals::Level counts.
        level: u32;
        /// Motion: 0 limp, 1 stand, 2 walk, 3 move, 4 settle, 5 script, 6 damp.
        motion: u32;
        /// Speed scale, 0 to 1.
        scale: f32;
        /// Epoch of the lease in force; a plan must carry it.
        epoch: u32;
        /// Admitted velocity of a walk: forward and left.
        linear: [f32; 2], unit "m/s", frame "base";
        /// Admitted turning of a walk, counter-clockwise.
        yaw: f32, unit "rad/s", frame "base";
        /// 1: motion is about to begin by itself.
        warning: u32;
        /// Joints in use in `posture`; zero unless the motion is a move.
        joint_count: u32;
        /// Posture of a move.
        posture: [f32; JOINTS_MAX], unit "rad", frame "joint", used "joint_count";
        /// Nothing.
        spare: u32;
    }
}

layout! {
    /// What the controller wanted of the joints in one cycle, and what the governor let through.
    pub struct CommandSample {
        /// Joints in use.
        joint_count: u32;
        /// Nothing.
        spare: u32;
        /// The body must not act on the command after this.
        valid_until: u64, unit "ns";
        /// Position wanted.
        wanted_q: [f32; JOINTS_MAX], unit "rad", frame "joint", used "joint_count";
        /// Velocity wanted.
        wanted_dq: [f32; JOINTS_MAX], unit "rad/s", frame "joint", used "joint_count";
        /// Stiffness wanted.
        wanted_kp: [f32; JOINTS_MAX], unit "N m/rad", frame "joint", used "joint_count";
        /// Damping wanted.
        wanted_kd: [f32; JOINTS_MAX], unit "N m s/rad", frame "joint", used "joint_count";
        /// Torque wanted on top.
        wanted_tau: [f32; JOINTS_MAX], unit "N m", frame "joint", used "joint_count";
        /// Position let through.
        q: [f32; JOINTS_MAX], unit "rad", frame "joint", used "joint_count";
        /// Velocity let through.
        dq: [f32; JOINTS_MAX], unit "rad/s", frame "joint", used "joint_count";
        /// Stiffness let through.
        kp: [f32; JOINTS_MAX], unit "N m/rad", frame "joint", used "joint_count";
        /// Damping let through.
        kd: [f32; JOINTS_MAX], unit "N m s/rad", frame "joint", used "joint_count";
        /// Torque let through on top.
        tau: [f32; JOINTS_MAX], unit "N m", frame "joint", used "joint_count";
    }
}

layout! {
    /// One intervention of the governor, with its reason in plain words.
    pub struct RecordSample {
        /// Number of the cycle it happened in.
        cycle: u64;
        /// Rule that acted; text, filled up with zeros.
        rule: [u8; 24], unit "utf-8";
        /// 0 refused, 1 limited, 2 level changed, 3 mode changed, 4 act accepted, 5 act refused.
        kind: u32;
        /// Who brought it about: 0 governor, 1 brain, 2 cerebellum, 3 body, 4 operator, 5 outside.
        actor: u32;
        /// Joint concerned; -1 for none.
        joint: i32;
        /// Ticks it lasted; 1 for an event and for the beginning of what lasts.
        ticks: u32;
        /// Sequence of the plan concerned; zero for none.
        plan: u64;
        /// What was asked for, in the unit of the rule.
        asked: f32;
        /// What was allowed.
        allowed: f32;
        /// What was measured.
        measured: f32;
        /// The limit.
        limit: f32;
        /// Level before and after, as signals::Level counts.
        levels: [u32; 2];
        /// Mode before and after, as signals::Mode counts.
        modes: [u32; 2];
        /// The reason as one English sentence; text, filled up with zeros.
        said: [u8; 248], unit "utf-8";
    }
}

impl From<&Ruling> for RulingSample {
    fn from(ruling: &Ruling) -> Self {
        let mut sample = Self {
            mode: ruling.mode as u32,
            authority: ruling.authority as u32,
            level: ruling.level as u32,
            scale: ruling.scale,
            epoch: ruling.epoch,
            warning: ruling.warning.into(),
            ..Self::default()
        };
        sample.motion = match ruling.motion {
            Motion::Limp => 0,
            Motion::Stand => 1,
            Motion::Walk(velocity) => {
                sample.linear = [velocity.forward.0, velocity.left.0];
                sample.yaw = velocity.yaw.0;
                2
            }
            Motion::Move(posture) => {
                sample.joint_count = count(posture.len());
                sample.posture = slots(posture.iter().map(|angle| angle.0), 0.0);
                3
            }
            Motion::Settle => 4,
            Motion::Script => 5,
            Motion::Damp => 6,
        };
        sample
    }
}

impl CommandSample {
    /// Both commands of one cycle.
    #[must_use]
    pub fn new(wanted: &BodyCommand, vetted: &BodyCommand) -> Self {
        let (from, to) = (&wanted.joints, &vetted.joints);
        Self {
            joint_count: count(to.len()),
            spare: 0,
            valid_until: vetted.valid_until.as_nanos(),
            wanted_q: slots(from.iter().map(|joint| joint.q.0), 0.0),
            wanted_dq: slots(from.iter().map(|joint| joint.dq.0), 0.0),
            wanted_kp: slots(from.iter().map(|joint| joint.kp.0), 0.0),
            wanted_kd: slots(from.iter().map(|joint| joint.kd.0), 0.0),
            wanted_tau: slots(from.iter().map(|joint| joint.tau.0), 0.0),
            q: slots(to.iter().map(|joint| joint.q.0), 0.0),
            dq: slots(to.iter().map(|joint| joint.dq.0), 0.0),
            kp: slots(to.iter().map(|joint| joint.kp.0), 0.0),
            kd: slots(to.iter().map(|joint| joint.kd.0), 0.0),
            tau: slots(to.iter().map(|joint| joint.tau.0), 0.0),
        }
    }
}
