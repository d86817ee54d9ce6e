//! The self-test and the start of a person, before the first line: for a controller that has no
//! operator to press the key.

use std::time::Duration;

use governor::{Governor, Record};
use signals::{
    BodyCommand, BodyState, Cycle, Instant, JointCommand, JointReading, JointState, Joints,
    MetresPerSecond, Mode, Motion, NewtonMetres, Operator, OperatorAct, Radians, RadiansPerSecond,
    SensorFrame,
};

use super::inputs::flickering;

/// The self-test is given up after so many cycles.
const TEST_CYCLES_MAX: u64 = 10_000;
/// After the start, motion may be announced for this long.
const WARNING_MAX: Duration = Duration::from_secs(10);

/// What the cycles before the first line have left behind.
#[derive(Debug)]
pub(super) struct Prelude {
    /// How many there were.
    pub(super) cycles: u64,
    /// What the governor said in them.
    pub(super) records: Vec<Record>,
}

/// Lets `governor` test itself on a body that stands still where the first line finds it, and then
/// a person at the robot start it. A start that is refused is in the records, and nothing moves.
pub(super) fn start(
    governor: &mut Governor,
    frame: &SensorFrame,
    state: &BodyState,
    period: Duration,
) -> Prelude {
    let mut bench = Bench { governor, frame, state, period, done: 0, records: Vec::new() };
    while bench.done < TEST_CYCLES_MAX && bench.governor.ruling().mode != Mode::Inhibited {
        bench.turn(None);
    }
    bench.turn(Some(OperatorAct::Start));
    let warning = WARNING_MAX.as_nanos() / period.as_nanos().max(1);
    for _ in 0..warning {
        let ruling = bench.governor.ruling();
        if ruling.motion != Motion::Limp || ruling.mode == Mode::Inhibited {
            break;
        }
        bench.turn(None);
    }
    Prelude { cycles: bench.done, records: bench.records }
}

struct Bench<'a> {
    governor: &'a mut Governor,
    frame: &'a SensorFrame,
    state: &'a BodyState,
    period: Duration,
    done: u64,
    records: Vec<Record>,
}

impl Bench<'_> {
    fn turn(&mut self, act: Option<OperatorAct>) {
        let nanos = u64::try_from(self.period.as_nanos()).unwrap_or(u64::MAX);
        let now = Instant::from_nanos(self.done.saturating_mul(nanos));
        let cycle = Cycle { number: self.done, now, period: self.period };
        let (frame, state) = (self.frame_at(now), self.state_at(now));
        // Who starts the robot also watches it.
        let operator = Operator { supervisor: Some(now), ..Operator::local(act) };
        self.governor.rule(&cycle, &frame, &state, None, &operator);
        let limp = JointCommand::LIMP;
        let joints = Joints::filled(limp, frame.joints.len());
        let valid_until = now + cycle.period;
        // No body takes this command: it is limp, and its cycle ends here.
        drop(self.governor.vet(&cycle, &state, BodyCommand { joints, valid_until }));
        self.records.extend(std::iter::from_fn(|| self.governor.next_record()));
        self.done += 1;
    }

    fn frame_at(&self, now: Instant) -> SensorFrame {
        let mut frame = *self.frame;
        frame.joints = frame.joints.map(|joint| JointReading {
            q: Radians(flickering(joint.q.0, self.done)),
            dq: RadiansPerSecond(0.0),
            tau: NewtonMetres(0.0),
            at: now,
            ..joint
        });
        frame.imu.angular_velocity = [RadiansPerSecond(0.0); 3];
        frame.imu.specific_force = frame.imu.specific_force.map(|mut force| {
            force.0 = flickering(force.0, self.done);
            force
        });
        frame.imu.at = now;
        frame.feet.iter_mut().for_each(|foot| foot.at = now);
        frame.lidar.iter_mut().for_each(|scan| scan.at = now);
        frame.person.iter_mut().for_each(|person| person.at = now);
        frame.supply.iter_mut().for_each(|supply| supply.at = now);
        frame
    }

    fn state_at(&self, now: Instant) -> BodyState {
        let still = |joint: JointState| JointState { dq: RadiansPerSecond(0.0), ..joint };
        BodyState {
            at: now,
            velocity: [MetresPerSecond(0.0); 3],
            angular_velocity: [RadiansPerSecond(0.0); 3],
            joints: self.state.joints.map(still),
            ..*self.state
        }
    }
}
