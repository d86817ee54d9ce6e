//! Where a servo is sent, for a command of spring and damper.

use body::Applied;
use motors::servo::Family;
use signals::{Damping, JointCommand, JointId, Radians, RadiansPerSecond, Stiffness};

use crate::rig::{FAMILIES, Loop};

/// A servo follows where spring and damper together pull to: a spring that was shortened to leave
/// the damper its torque lies behind the joint, and must not turn it back. What nearly only damps
/// leads no further than a tenth of a second.
///
/// Clauses: A1.
#[test]
fn a_goal_is_where_spring_and_damper_pull_to() {
    for (q, dq, [kp, kd], wanted) in [
        (0.05, 0.0, [20.0, 1.0], 0.05),
        (-0.02, 1.0, [20.0, 1.0], 0.03),
        (0.02, -1.0, [20.0, 1.0], -0.03),
        (0.0, 0.5, [0.1, 1.0], 0.05),
    ] {
        let command = JointCommand {
            q: Radians(q),
            dq: RadiansPerSecond(dq),
            kp: Stiffness(kp),
            kd: Damping(kd),
            ..JointCommand::LIMP
        };
        for family in FAMILIES {
            let mut rig = Loop::holding(family);
            let applied = rig.command(command, None);
            assert_eq!(applied, Applied::Confirmed, "{family:?} {command:?}");
            for (id, way) in [(1, 1.0), (2, -1.0), (3, 1.0)] {
                let goal = goal(&rig, family, id) * way;
                assert!((goal - wanted).abs() < 0.004, "{family:?} {id}: {goal}, not {wanted}");
            }
            rig.frame = None;
            for _ in 0..10 {
                rig.command(command, None);
            }
            let q = rig.frame.unwrap().joints[JointId::new(0).unwrap()].q.0;
            assert!(q * wanted > 0.0, "{family:?}: it turned to {q}, and {wanted} was meant");
        }
    }
}

/// The goal in a servo's memory, rad from the middle.
fn goal(rig: &Loop, family: Family, id: u8) -> f32 {
    let at = match family {
        Family::Feetech => 42_u16,
        Family::Dynamixel => 116,
    };
    let mut bus = rig.port.bus();
    let servo = bus.servo(id);
    let counts = i32::from(u16::from_le_bytes([servo.byte(at), servo.byte(at + 1)]));
    servo.model.angle(counts)
}
