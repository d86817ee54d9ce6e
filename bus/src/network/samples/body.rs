//! What joints and sensors say.

use signals::{FEET_MAX, JOINTS_MAX, LIDAR_BEAMS, LidarScan, SensorFrame};

use super::{count, slots};
use crate::network::layout::layout;
use crate::network::topic::Topic;

/// Joints, inertial unit, feet, supply, drives.
pub const BODY_FRAME: Topic<FrameSample> = Topic::out("body/frame", 200.0);
/// The newest lidar scan.
pub const BODY_SCAN: Topic<ScanSample> = Topic::out("body/scan", 50.0);

layout! {
    /// What the joints and sensors of the robot said in one cycle.
    pub struct FrameSample {
        /// Joints in use.
        joint_count: u32;
        /// Feet in use.
        foot_count: u32;
        /// Position of each joint.
        q: [f32; JOINTS_MAX], unit "rad", frame "joint", used "joint_count";
        /// Velocity of each joint.
        dq: [f32; JOINTS_MAX], unit "rad/s", frame "joint", used "joint_count";
        /// Torque at the output, as the drive estimates it.
        tau: [f32; JOINTS_MAX], unit "N m", frame "joint", used "joint_count";
        /// Temperature of the winding; zero where it is not measured.
        temperature: [f32; JOINTS_MAX], unit "degC", used "joint_count";
        /// When each joint was measured.
        joint_at: [u64; JOINTS_MAX], unit "ns", used "joint_count";
        /// Angular velocity of the base.
        angular_velocity: [f32; 3], unit "rad/s", frame "base";
        /// Acceleration minus gravity; at rest it points up with 9.81 m/s^2.
        specific_force: [f32; 3], unit "m/s^2", frame "base";
        /// When the inertial unit was read.
        imu_at: u64, unit "ns";
        /// Normal force of each foot.
        foot_force: [f32; FEET_MAX], unit "N", used "foot_count";
        /// When each foot was measured.
        foot_at: [u64; FEET_MAX], unit "ns", used "foot_count";
        /// From the base to the nearest person; infinite when nobody is in sight.
        person_distance: f32, unit "m";
        /// Speed of that person toward the robot.
        person_approach: f32, unit "m/s";
        /// When people were looked for.
        person_at: u64, unit "ns";
        /// Voltage of the drives' supply.
        voltage: f32, unit "V";
        /// Charge left, 0 to 1.
        charge: f32;
        /// When the supply was measured.
        supply_at: u64, unit "ns";
        /// Lifecycle of the drive furthest from following commands, as signals::Lifecycle counts.
        lifecycle: u32;
        /// Number by which the first fault is cleared; zero: no fault.
        fault_id: u32;
        /// Its class, as CANopen numbers them.
        fault_code: u32;
        /// Its joint; -1 for the whole board.
        fault_joint: i32;
        /// When the drives said it.
        drives_at: u64, unit "ns";
    }
}

layout! {
    /// A planar scan around the base; beam i looks along -pi + i 2 pi / 64, counter-clockwise.
    pub struct ScanSample {
        /// Distance to the first thing hit; the range of the sensor where nothing was.
        ranges: [f32; LIDAR_BEAMS], unit "m", frame "base";
        /// Range of the sensor.
        range_max: f32, unit "m";
        /// Nothing.
        spare: u32;
        /// When it was measured.
        measured_at: u64, unit "ns";
    }
}

impl From<&SensorFrame> for FrameSample {
    fn from(frame: &SensorFrame) -> Self {
        let (joints, feet) = (&frame.joints, &frame.feet);
        let mut sample = Self {
            joint_count: count(joints.len()),
            foot_count: count(feet.len()),
            q: slots(joints.iter().map(|joint| joint.q.0), 0.0),
            dq: slots(joints.iter().map(|joint| joint.dq.0), 0.0),
            tau: slots(joints.iter().map(|joint| joint.tau.0), 0.0),
            temperature: slots(joints.iter().map(|joint| joint.temperature.0), 0.0),
            joint_at: slots(joints.iter().map(|joint| joint.at.as_nanos()), 0),
            angular_velocity: frame.imu.angular_velocity.map(|w| w.0),
            specific_force: frame.imu.specific_force.map(|a| a.0),
            imu_at: frame.imu.at.as_nanos(),
            foot_force: slots(feet.iter().map(|foot| foot.force.0), 0.0),
            foot_at: slots(feet.iter().map(|foot| foot.at.as_nanos()), 0),
            person_distance: f32::NAN,
            person_approach: f32::NAN,
            voltage: f32::NAN,
            charge: f32::NAN,
            fault_joint: -1,
            ..Self::default()
        };
        if let Some(person) = &frame.person {
            sample.person_distance = person.distance.0;
            sample.person_approach = person.approach.map_or(f32::NAN, |speed| speed.0);
            sample.person_at = person.at.as_nanos();
        }
        if let Some(supply) = &frame.supply {
            sample.voltage = supply.voltage.0;
            sample.charge = supply.charge;
            sample.supply_at = supply.at.as_nanos();
        }
        if let Some(drives) = &frame.drives {
            sample.lifecycle = drives.lifecycle as u32;
            sample.drives_at = drives.at.as_nanos();
            if let Some(fault) = drives.fault {
                sample.fault_id = fault.id.into();
                sample.fault_code = fault.code.0.into();
                let joint = fault.joint.and_then(|id| i32::try_from(id.index()).ok());
                sample.fault_joint = joint.unwrap_or(-1);
            }
        }
        sample
    }
}

impl From<&LidarScan> for ScanSample {
    fn from(scan: &LidarScan) -> Self {
        Self {
            ranges: scan.ranges.map(|range| range.0),
            range_max: scan.range_max.0,
            spare: 0,
            measured_at: scan.at.as_nanos(),
        }
    }
}
