//! Counts what a tick of the governor costs: N ticks of 12 joints, for an instruction counter.
//!
//! `valgrind --tool=callgrind target/release/examples/instructions quiet 20000`, then with another
//! N; the difference divided by the difference in N is one tick of `rule` and `vet` together.

use core::hint::black_box;
use core::time::Duration;

use governor::{Envelope, Governor, LidarRule, Profile};
use signals::*;

const JOINTS: usize = 12;
const TICK: Duration = Duration::from_millis(1);

fn main() {
    let mut arguments = std::env::args().skip(1);
    let story = arguments.next().unwrap_or_else(|| "quiet".into());
    let ticks = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(20_000);
    let Ok(envelope) = Envelope::new(&hardware()) else { return };
    let mut governor = Governor::new(envelope, profile());
    let mut robot = Robot::new();
    let mut last = Ruling::default();
    for number in 0..ticks {
        let now = Instant::from_nanos(1_000_000_000 + number * 1_000_000);
        let cycle = Cycle { number, now, period: TICK };
        robot.step(number, now, story == "worst");
        robot.plan.epoch = last.epoch;
        last = counted(&mut governor, &cycle, &robot);
        while let Some(record) = governor.next_record() {
            black_box(&record);
        }
    }
    println!("{story}: {ticks} ticks, {last:?}");
}

/// What is counted: one tick of the governor.
#[inline(never)]
fn counted(governor: &mut Governor, cycle: &Cycle, robot: &Robot) -> Ruling {
    let Robot { frame, state, plan, operator, wanted } = robot;
    let ruling = governor.rule(cycle, frame, state, Some(plan), operator);
    black_box(&*governor.vet(cycle, state, *wanted));
    ruling
}

struct Robot {
    frame: SensorFrame,
    state: BodyState,
    plan: Plan,
    operator: Operator,
    wanted: BodyCommand,
}

impl Robot {
    fn new() -> Self {
        let lidar = LidarScan {
            ranges: [Metres(4.0); LIDAR_BEAMS],
            range_max: Metres(8.0),
            at: Instant::ZERO,
        };
        let velocity = BaseVelocity { forward: MetresPerSecond(0.4), ..BaseVelocity::ZERO };
        let chunk = VelocityChunk {
            step: Duration::from_millis(100),
            len: VELOCITY_STEPS_MAX,
            velocities: [velocity; VELOCITY_STEPS_MAX],
        };
        let held = JointCommand {
            kp: Stiffness(20.0),
            kd: Damping(0.5),
            tau: NewtonMetres(1.0),
            ..JointCommand::LIMP
        };
        Self {
            frame: SensorFrame {
                joints: Joints::filled(JointReading::default(), JOINTS),
                imu: ImuReading::default(),
                feet: Feet::filled(FootReading::default(), 4),
                lidar: Some(lidar),
                person: None,
                supply: None,
            },
            state: BodyState {
                at: Instant::ZERO,
                position: [Metres(0.0); 3],
                attitude: Quaternion::IDENTITY,
                velocity: [MetresPerSecond(0.0); 3],
                angular_velocity: [RadiansPerSecond(0.0); 3],
                joints: Joints::filled(JointState::default(), JOINTS),
                contact: Feet::filled(1.0, 4),
                posture: Posture::Limp,
                valid: true,
            },
            plan: Plan {
                sequence: 0,
                observed_at: Instant::ZERO,
                valid_until: Instant::ZERO,
                epoch: 0,
                model: ModelHash::default(),
                request: PlanRequest::Velocity(chunk),
            },
            operator: Operator::local(None),
            wanted: BodyCommand {
                joints: Joints::filled(held, JOINTS),
                valid_until: Instant::ZERO,
            },
        }
    }

    /// A walking robot; in the worst story every joint is limited and every beam is near.
    fn step(&mut self, number: u64, now: Instant, worst: bool) {
        self.operator.act = (number == 60).then_some(OperatorAct::Start);
        let hard = worst && number > 200;
        let wiggle = if number.is_multiple_of(2) { 0.01 } else { -0.01 };
        for joint in self.frame.joints.ids() {
            // In the worst story it gets there as fast as a joint can.
            let ramp = if worst { number.clamp(100, 200) as f32 * 0.007 - 0.7 } else { 0.0 };
            let dq = if hard { 8.0 + wiggle } else { wiggle };
            let q = 0.1 + ramp + 0.01 * wiggle;
            let (q, dq) = (Radians(q), RadiansPerSecond(dq));
            self.frame.joints[joint] = JointReading { q, dq, at: now, ..JointReading::default() };
            // The worst estimate differs from the reading, so that both are judged.
            let off = if hard { Radians(0.01) } else { Radians(0.0) };
            self.state.joints[joint] = JointState { q: q + off, dq };
        }
        if number > 60 {
            self.state.posture = Posture::Walking;
        }
        self.frame.imu.at = now;
        self.frame.imu.angular_velocity = [RadiansPerSecond(wiggle); 3];
        self.state.at = now;
        self.wanted.valid_until = now + Duration::from_millis(5);
        if let Some(lidar) = &mut self.frame.lidar {
            lidar.at = now;
            if hard {
                for (beam, range) in lidar.ranges.iter_mut().enumerate() {
                    *range = Metres(0.50 - 0.01 * LidarScan::angle(beam).0.abs());
                }
            }
        }
        if hard {
            for command in self.wanted.joints.iter_mut() {
                command.q = Radians(9.0);
                command.dq = RadiansPerSecond(99.0);
                command.kp = Stiffness(1e3);
                command.kd = Damping(1e3);
                command.tau = NewtonMetres(1e3);
            }
        }
        // A new plan at 20 Hz, as from a planner; in the worst story one in every tick.
        if number > 60 && (hard || number.is_multiple_of(50)) {
            self.plan.sequence = number;
            self.plan.observed_at = now;
            self.plan.valid_until = now + Duration::from_millis(500);
        }
    }
}

fn hardware() -> HardwareLimits {
    let limits = JointLimits {
        q_min: Radians(-1.0),
        q_max: Radians(1.0),
        dq_max: RadiansPerSecond(20.0),
        tau_max: NewtonMetres(20.0),
        corner_speed: RadiansPerSecond(10.0),
        no_load_speed: RadiansPerSecond(30.0),
        braking: RadiansPerSecondSquared(100.0),
        kp_max: Stiffness(100.0),
        kd_max: Damping(5.0),
        inertia_min: KilogramMetresSquared(0.05),
        acceleration_max: RadiansPerSecondSquared(JointLimits::UNLIMITED),
        jerk_max: RadiansPerSecondCubed(JointLimits::UNLIMITED),
        torque_rate: NewtonMetresPerSecond(20_000.0),
        torque_continuous: NewtonMetres(20.0),
        thermal_time: Seconds(60.0),
    };
    HardwareLimits { joints: Joints::filled(limits, JOINTS), emergency_damping: Damping(2.0) }
}

fn profile() -> Profile {
    Profile {
        lidar: Some(LidarRule {
            radius: Metres(0.3),
            margin: Metres(0.1),
            braking: MetresPerSecondSquared(1.0),
            reaction: Duration::from_millis(100),
            age_max: Duration::from_millis(300),
        }),
        ..Profile::default()
    }
}
