//! From the truth to readings: noise, filters, delay, faults and honest time stamps.

use std::collections::VecDeque;

use firmware::Host;
use model::{Robot, SimFile};
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha8Rng;
use signals::{
    Feet, FootReading, ImuReading, JOINTS_MAX, JointReading, JointState, Joints, LidarScan, Metres,
    MetresPerSecondSquared, Newtons, PersonReading, Radians, RadiansPerSecond, SensorFrame,
    SupplyReading,
};

use crate::fault::Faults;
use crate::lidar::{self, Viewpoint};
use crate::truth::{SimTruth, into_base};
use crate::yard::Yard;

/// The site of the model file at which the scanner sits; at the base's height without one.
const LIDAR_SITE: &str = "lidar";

/// Ends of the inertial unit's ranges: 2000 deg/s and 16 g.
const GYRO_RANGE: RadiansPerSecond = RadiansPerSecond(34.9);
const FORCE_RANGE: MetresPerSecondSquared = MetresPerSecondSquared(156.9);

/// All sensors. They measure every tick, whether anyone looks or not, so that the noise of a run
/// depends on the seed and the tick alone.
#[derive(Clone, Debug)]
pub(crate) struct Sensors {
    file: SimFile,
    /// The base moves: it carries an inertial unit and a scanner. A fixed one carries neither.
    mobile: bool,
    /// One tick, s.
    dt: f32,
    gravity: [f32; 3],
    lidar_above_base: Metres,
    ticks_per_scan: u64,
    tick: u64,
    noise: Noise,
    foot_force: Feet<Newtons>,
    /// Velocity of the base in the previous tick, world frame, m/s; none before the first.
    previous_velocity: Option<[f32; 3]>,
    /// Frames on their way, oldest first: as many as the delay, and the newest.
    frames: VecDeque<SensorFrame>,
}

impl Sensors {
    pub(crate) fn new(robot: &Robot, seed: u64) -> Self {
        let file = robot.file.sim.clone();
        let gravity = robot.model.gravity;
        let site = robot.model.frame(LIDAR_SITE).map(|frame| &robot.model.frames[frame]);
        let rate = robot.file.control.rate_hz;
        Self {
            dt: (1.0 / rate) as f32,
            gravity: [gravity.x as f32, gravity.y as f32, gravity.z as f32],
            lidar_above_base: Metres(site.map_or(0.0, |site| site.position.z) as f32),
            ticks_per_scan: ((rate / file.lidar_rate_hz).round() as u64).max(1),
            tick: 0,
            noise: Noise(ChaCha8Rng::seed_from_u64(seed)),
            foot_force: Feet::filled(Newtons(0.0), robot.feet.len()),
            previous_velocity: None,
            frames: VecDeque::with_capacity(file.sensor_delay_ticks + 1),
            mobile: robot.model.floating,
            file,
        }
    }

    /// Measures once, after a tick or at the start; the joints are what their board has said. The
    /// order of the draws is part of what a seed means: joints, inertial unit, scan.
    pub(crate) fn measure(
        &mut self,
        truth: &SimTruth,
        board: &Host<JOINTS_MAX>,
        faults: &Faults,
        yard: &Yard,
    ) {
        let last = self.frames.back().copied();
        let frame = SensorFrame {
            joints: self.joints(truth.joints.len(), board, faults, last.as_ref()),
            imu: self.imu(truth, faults, last.as_ref()),
            feet: self.feet(truth),
            lidar: self.lidar(truth, faults, yard, last.as_ref()),
            person: person(truth, faults, last.as_ref()),
            supply: faults.supply().map(|supply| SupplyReading { at: truth.at, ..supply }),
            drives: Some(board.drives()),
        };
        self.tick += 1;
        self.frames.push_back(frame);
        if self.frames.len() > self.file.sensor_delay_ticks + 1 {
            self.frames.pop_front();
        }
    }

    /// The frame that the delay lets through now: empty before the first measurement, the first one
    /// until the delay has passed. What the board says has been on its way for one tick already.
    pub(crate) fn frame(&self) -> SensorFrame {
        let first = self.frames.front().copied().unwrap_or(SensorFrame {
            joints: Joints::default(),
            imu: ImuReading::default(),
            feet: Feet::default(),
            lidar: None,
            person: None,
            supply: None,
            drives: None,
        });
        let said = self.frames.get(1).unwrap_or(&first);
        SensorFrame { joints: said.joints, drives: said.drives, ..first }
    }

    fn joints(
        &mut self,
        joints: usize,
        board: &Host<JOINTS_MAX>,
        faults: &Faults,
        last: Option<&SensorFrame>,
    ) -> Joints<JointReading> {
        let (q_noise, dq_noise) = (self.file.encoder_noise_rad, self.file.velocity_noise_rad_s);
        Joints::from_fn(joints, |id| {
            let noise = JointState {
                q: Radians(self.noise.normal(q_noise)),
                dq: RadiansPerSecond(self.noise.normal(dq_noise)),
            };
            let fault = &faults.joints[id];
            let last = last.map(|last| last.joints[id]);
            let Some((state, at)) = board.state() else { return last.unwrap_or_default() };
            let said = &state.joints[id.index()];
            let fresh = last.is_none_or(|last| last.at != at);
            match last {
                Some(last) if fault.frozen || !fresh => last,
                _ if fault.not_a_number => JointReading {
                    q: Radians(f32::NAN),
                    dq: RadiansPerSecond(f32::NAN),
                    tau: said.tau,
                    temperature: said.temperature,
                    at,
                },
                _ => JointReading {
                    q: said.state.q + noise.q + fault.glitch(),
                    dq: said.state.dq + noise.dq,
                    tau: said.tau,
                    temperature: said.temperature,
                    at,
                },
            }
        })
    }

    fn imu(&mut self, truth: &SimTruth, faults: &Faults, last: Option<&SensorFrame>) -> ImuReading {
        if !self.mobile {
            return ImuReading::default();
        }
        let velocity = truth.velocity_world.map(|v| v.0);
        let previous = self.previous_velocity.replace(velocity).unwrap_or(velocity);
        let felt = |axis: usize| (velocity[axis] - previous[axis]) / self.dt - self.gravity[axis];
        let force = into_base(truth.attitude, core::array::from_fn(felt));
        let (gyro, accelerometer) =
            (self.file.gyro_noise_rad_s, self.file.accelerometer_noise_m_s2);
        let reading = ImuReading {
            angular_velocity: truth
                .angular_velocity
                .map(|w| w + RadiansPerSecond(self.noise.normal(gyro))),
            specific_force: force
                .map(|a| MetresPerSecondSquared(a + self.noise.normal(accelerometer))),
            at: truth.at,
        };
        match last {
            Some(last) if faults.imu_frozen => last.imu,
            Some(last) if faults.imu_stuck => ImuReading { at: truth.at, ..last.imu },
            _ if faults.imu_saturated => ImuReading {
                angular_velocity: reading.angular_velocity.map(|w| GYRO_RANGE * w.0.signum()),
                specific_force: reading.specific_force.map(|a| FORCE_RANGE * a.0.signum()),
                ..reading
            },
            _ => reading,
        }
    }

    fn feet(&mut self, truth: &SimTruth) -> Feet<FootReading> {
        let time_constant = (self.file.foot_force_filter_ms * 1e-3) as f32;
        let share = self.dt / (time_constant + self.dt);
        for (filtered, &raw) in self.foot_force.iter_mut().zip(truth.foot_force.iter()) {
            *filtered += (raw - *filtered) * share;
        }
        self.foot_force.map(|force| FootReading { force, at: truth.at })
    }

    fn lidar(
        &mut self,
        truth: &SimTruth,
        faults: &Faults,
        yard: &Yard,
        last: Option<&SensorFrame>,
    ) -> Option<LidarScan> {
        let before = last.and_then(|last| last.lidar);
        if !self.mobile || !self.tick.is_multiple_of(self.ticks_per_scan) {
            return before;
        }
        let range_max = Metres(self.file.lidar_range_m as f32);
        let [x, y, z] = truth.position;
        let yaw = truth.attitude.yaw();
        let from = Viewpoint { origin: [x, y], height: z + self.lidar_above_base, yaw };
        let ranges = lidar::distances(yard, &from, range_max).map(|hit| {
            let noise = Metres(self.noise.normal(self.file.lidar_noise_m));
            hit.map_or(range_max, |hit| (hit + noise).limited(Metres(0.0), range_max))
        });
        if faults.lidar_off { before } else { Some(LidarScan { ranges, range_max, at: truth.at }) }
    }
}

/// The nearest person; a sensor that has gone silent keeps what it said last.
fn person(truth: &SimTruth, faults: &Faults, last: Option<&SensorFrame>) -> Option<PersonReading> {
    match last {
        Some(last) if faults.person_silent => last.person,
        _ => faults.person().map(|person| PersonReading { at: truth.at, ..person }),
    }
}

/// One stream of near-normal noise.
#[derive(Clone, Debug)]
struct Noise(ChaCha8Rng);

impl Noise {
    /// Mean 0, standard deviation `sigma`. The sum of twelve uniform draws: never beyond 6 sigma,
    /// and without a logarithm that rounds differently from machine to machine.
    fn normal(&mut self, sigma: f64) -> f32 {
        let halves = |word: u64| (0..4).map(move |i| (word >> (16 * i)) & 0xffff).sum::<u64>();
        let sum: u64 = (0..3).map(|_| halves(self.0.next_u64())).sum();
        // Each draw stands for the middle of its 2^-16 wide step, so that the mean is exactly 6.
        let normal = (sum as f64 + 6.0) / 65_536.0 - 6.0;
        (normal * sigma) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_normal_enough() {
        let mut noise = Noise(ChaCha8Rng::seed_from_u64(7));
        let draws: Vec<f64> = (0..100_000).map(|_| f64::from(noise.normal(2.0))).collect();
        let count = draws.len() as f64;
        let mean = draws.iter().sum::<f64>() / count;
        let deviation = (draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
        let within = draws.iter().filter(|x| x.abs() < 2.0).count() as f64 / count;
        assert!(mean.abs() < 0.03 && (deviation - 2.0).abs() < 0.03, "{mean} {deviation}");
        assert!((within - 0.683).abs() < 0.01, "{within}");
    }
}
