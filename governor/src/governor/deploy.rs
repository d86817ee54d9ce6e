//! How a deployment comes into a governor, and what a governor says of it.

use super::Governor;
use crate::deployment::Deployed;
use crate::integrity::Integrity;
use crate::{
    Actor, Deployment, GradeLimits, Kind, Notice, NoticeRefusal, Observation, Record, Rule, TooLate,
};

impl Governor {
    /// Takes the deployment in, once, before the first cycle.
    ///
    /// # Errors
    /// [`TooLate`] for a second one, or after the first cycle; nothing changes then.
    pub fn deploy(&mut self, deployment: &Deployment) -> Result<(), TooLate> {
        if self.deployed.exists() || self.ruled.is_some() {
            return Err(TooLate);
        }
        let graded = deployment.grade().zip(deployment.limits()).map(|(grade, limits)| {
            self.profile = self.profile.graded(&limits);
            self.integrity = Integrity::of(&self.envelope, &self.profile);
            let (envelope, profile) = (self.envelope.id(), self.profile.id());
            self.ledger.set_profile(profile);
            (limits, Observation::subject(deployment.model, envelope, profile, grade))
        });
        self.deployed = Deployed::new(deployment, graded);
        Ok(())
    }

    /// A notice came in; `Err` for one that was refused before it got here. It is recorded either
    /// way.
    ///
    /// # Errors
    /// Why it is not in force.
    pub fn notify(&mut self, notice: Result<&Notice, NoticeRefusal>) -> Result<(), NoticeRefusal> {
        let now = self.ledger.now();
        let taken = notice.and_then(|notice| self.deployed.take(notice, now));
        let kind = if taken.is_ok() { Kind::ActAccepted } else { Kind::ActRefused };
        let sequence = notice.ok().map(|notice| notice.serial);
        let record = Record::of(Rule::Notice, kind, Actor::Outside);
        self.ledger.event(Record { sequence, ..record });
        taken
    }

    /// A task is done: it counts for the observation period.
    pub fn task_done(&mut self) {
        self.deployed.task_done();
    }

    /// How far the observation period is, for the runtime to remember; `None` without a grade.
    #[must_use]
    pub const fn observation(&self) -> Option<Observation> {
        self.deployed.observation()
    }

    /// What grade, permit and notices permit now; `None` without a grade.
    #[must_use]
    pub fn grade_limits(&self) -> Option<GradeLimits> {
        self.deployed.limits(self.ledger.now())
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use signals::*;

    use crate::{Envelope, Governor, Kind, Profile, Rule};

    const TICK: Duration = Duration::from_millis(1);

    fn limits() -> JointLimits {
        JointLimits {
            q_min: Radians(-1.0),
            q_max: Radians(1.0),
            dq_max: RadiansPerSecond(10.0),
            tau_max: NewtonMetres(20.0),
            corner_speed: RadiansPerSecond(8.0),
            no_load_speed: RadiansPerSecond(20.0),
            braking: RadiansPerSecondSquared(50.0),
            kp_max: Stiffness(100.0),
            kd_max: Damping(5.0),
            inertia_min: KilogramMetresSquared(0.1),
            acceleration_max: RadiansPerSecondSquared(JointLimits::UNLIMITED),
            jerk_max: RadiansPerSecondCubed(JointLimits::UNLIMITED),
            torque_rate: NewtonMetresPerSecond(20_000.0),
            torque_continuous: NewtonMetres(20.0),
            thermal_time: Seconds(60.0),
        }
    }

    /// A standing robot of 12 joints whose memory changes by itself after 2 s: the time until the
    /// governor has noticed.
    fn noticed(change: fn(&mut Governor)) -> Option<Duration> {
        let joints = Joints::filled(limits(), 12);
        let hardware = HardwareLimits { joints, emergency_damping: Damping(2.0) };
        let mut governor = Governor::new(Envelope::new(&hardware).ok()?, Profile::default());
        let mut frame = SensorFrame {
            joints: Joints::filled(JointReading::default(), 12),
            imu: ImuReading::default(),
            feet: Feet::default(),
            lidar: None,
            person: None,
            supply: None,
            drives: None,
        };
        let mut state = BodyState {
            at: Instant::ZERO,
            position: [Metres(0.0); 3],
            attitude: Quaternion::IDENTITY,
            velocity: [MetresPerSecond(0.0); 3],
            angular_velocity: [RadiansPerSecond(0.0); 3],
            joints: Joints::filled(JointState::default(), 12),
            contact: Feet::default(),
            posture: Posture::Limp,
            valid: true,
        };
        let mut operator = Operator::local(None);
        for number in 0..4000 {
            let now = Instant::from_nanos(number * 1_000_000);
            let cycle = Cycle { number, now, period: TICK };
            // Readings differ in the last bits, as real ones do.
            let dq = if number % 2 == 0 { 1e-4 } else { 2e-4 };
            frame.joints.iter_mut().for_each(|reading| {
                (reading.at, reading.dq) = (now, RadiansPerSecond(dq));
            });
            (frame.imu.at, state.at) = (now, now);
            frame.imu.angular_velocity = [RadiansPerSecond(dq); 3];
            operator.act = (number == 100).then_some(OperatorAct::Start);
            if number == 2000 {
                assert_eq!(governor.level(), Level::Nominal);
                state.posture = Posture::Standing;
                change(&mut governor);
            }
            let ruling = governor.rule(&cycle, &frame, &state, None, &operator);
            if ruling.level >= Level::Settle {
                assert_eq!((ruling.level, ruling.motion), (Level::Settle, Motion::Settle));
                let told = core::iter::from_fn(|| governor.next_record())
                    .filter(|record| record.kind == Kind::LevelChanged)
                    .map(|record| record.rule)
                    .last();
                assert_eq!(told, Some(Rule::LimitsChanged));
                return Some(now.since(Instant::from_nanos(2_000_000_000)));
            }
        }
        None
    }

    /// One flipped bit, in the limits of a joint or in the profile, stops the robot within 1 s.
    ///
    /// Clauses: A4.
    #[test]
    fn a_flipped_bit_in_the_limits_stops_the_robot_within_a_second() {
        let changes: [fn(&mut Governor); 4] = [
            |g| g.profile.limited_scale = f32::from_bits(g.profile.limited_scale.to_bits() ^ 1),
            |g| g.profile.bad_frames_settle ^= 1 << 31,
            |g| {
                let less = JointLimits { kp_max: Stiffness(99.0), ..limits() };
                JointId::new(11).map(|last| g.envelope.tighten(last, &less));
            },
            |g| g.profile.command_validity += Duration::from_nanos(1),
        ];
        for change in changes {
            let after = noticed(change);
            assert!(after.is_some_and(|after| after <= Duration::from_secs(1)), "{after:?}");
        }
        assert_eq!(noticed(|_| {}), None, "nothing changed, nothing found");
    }
}
