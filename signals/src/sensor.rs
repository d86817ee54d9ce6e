//! What a body says of itself in one cycle. Every reading carries when it was measured.

use crate::{
    Celsius, DriveReading, Feet, Instant, Joints, Metres, MetresPerSecond, MetresPerSecondSquared,
    NewtonMetres, Newtons, Radians, RadiansPerSecond, Volts,
};

/// Beams of a planar lidar scan.
pub const LIDAR_BEAMS: usize = 64;

/// One joint's encoder and drive.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct JointReading {
    /// Position.
    pub q: Radians,
    /// Velocity.
    pub dq: RadiansPerSecond,
    /// Torque at the output, as the drive estimates it.
    pub tau: NewtonMetres,
    /// Of the winding; zero where the drive does not measure it.
    pub temperature: Celsius,
    /// When it was measured.
    pub at: Instant,
}

impl JointReading {
    /// All numbers are finite.
    #[must_use]
    pub const fn is_finite(&self) -> bool {
        let moves = self.q.is_finite() && self.dq.is_finite();
        moves && self.tau.is_finite() && self.temperature.is_finite()
    }
}

/// Gyroscope and accelerometer, base frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ImuReading {
    /// Angular velocity of the base, base frame.
    pub angular_velocity: [RadiansPerSecond; 3],
    /// Specific force (acceleration minus gravity), base frame; at rest it points up with 9.81
    /// m/s^2.
    pub specific_force: [MetresPerSecondSquared; 3],
    /// When it was measured.
    pub at: Instant,
}

/// One foot's contact sensor.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FootReading {
    /// Normal force, low-pass filtered; zero in the air.
    pub force: Newtons,
    /// When it was measured.
    pub at: Instant,
}

/// The nearest person, as whatever detects people sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PersonReading {
    /// From the base origin to the nearest point of the person; infinite when nobody is in sight.
    pub distance: Metres,
    /// Speed of the person toward the robot; `None` where it is not measured.
    pub approach: Option<MetresPerSecond>,
    /// When it was measured.
    pub at: Instant,
}

impl PersonReading {
    /// A distance that is not negative (nobody in sight is infinite), and a speed that is a number.
    fn is_sound(&self) -> bool {
        self.distance.0 >= 0.0 && self.approach.is_none_or(MetresPerSecond::is_finite)
    }
}

/// The supply of the drives.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct SupplyReading {
    /// Of the bus.
    pub voltage: Volts,
    /// Charge left, 0 to 1.
    pub charge: f32,
    /// When it was measured.
    pub at: Instant,
}

/// A planar scan around the base origin. Beam `i` looks along the angle
/// `-pi + i 2 pi / 64` in the base frame, counter-clockwise from the front.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LidarScan {
    /// Distance to the first thing hit; the sensor's range where nothing was.
    pub ranges: [Metres; LIDAR_BEAMS],
    /// The sensor's range.
    pub range_max: Metres,
    /// When it was measured.
    pub at: Instant,
}

impl LidarScan {
    /// Angle of beam `i` in the base frame.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "64 beams")]
    pub fn angle(beam: usize) -> Radians {
        let step = 2.0 * core::f32::consts::PI / LIDAR_BEAMS as f32;
        Radians(-core::f32::consts::PI + step * beam as f32)
    }

    /// Every range is a number. Looks at all of them without a branch: most scans are sound.
    fn is_finite(&self) -> bool {
        self.ranges.iter().fold(true, |sound, range| sound & range.is_finite())
    }
}

/// Everything a body measured for one cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SensorFrame {
    /// Encoders and drives.
    pub joints: Joints<JointReading>,
    /// Inertial unit.
    pub imu: ImuReading,
    /// Contact sensors; empty for a body without feet.
    pub feet: Feet<FootReading>,
    /// Latest lidar scan; absent on a body without one.
    pub lidar: Option<LidarScan>,
    /// The nearest person; absent on a body that cannot see people.
    pub person: Option<PersonReading>,
    /// The drives' supply; absent where it is not measured.
    pub supply: Option<SupplyReading>,
    /// What the drives say of themselves; absent on a body whose drives say nothing.
    pub drives: Option<DriveReading>,
}

impl SensorFrame {
    /// The first gate for non-finite numbers: a frame with one in it is not used.
    #[must_use]
    pub fn is_finite(&self) -> bool {
        self.joints.iter().all(JointReading::is_finite) && self.is_finite_beside_joints()
    }

    /// The same for everything but the joints, for who looks at each of them anyway.
    #[must_use]
    pub fn is_finite_beside_joints(&self) -> bool {
        self.imu.angular_velocity.iter().all(|w| w.is_finite())
            && self.imu.specific_force.iter().all(|a| a.is_finite())
            && self.feet.iter().all(|f| f.force.is_finite())
            && self.lidar.as_ref().is_none_or(LidarScan::is_finite)
            && self.person.as_ref().is_none_or(PersonReading::is_sound)
            && self.supply.as_ref().is_none_or(|s| s.voltage.is_finite() && s.charge.is_finite())
    }
}
