//! What goes wrong on demand.

use core::time::Duration;

use signals::{
    Celsius, JointId, Joints, Metres, MetresPerSecond, NewtonMetres, Newtons, PersonReading,
    Radians, Seconds, SupplyReading, Volts,
};

/// Something that happens to the body from outside. Takes effect with the next tick. A disturbance
/// of the same kind replaces the one before, except that pushes and hits add up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Disturbance {
    /// A force on the base, at its centre of mass.
    Push {
        /// World frame.
        force: [Newtons; 3],
        /// How long it acts.
        duration: Duration,
    },
    /// Something meets a limb: a torque about its joint, which the drive's estimate of the torque
    /// at its output shows as well.
    Hit {
        /// The joint.
        joint: JointId,
        /// On the joint's link.
        torque: NewtonMetres,
        /// How long it acts.
        duration: Duration,
    },
    /// A rope pulls the base up to this height above the ground; `None` lets go.
    Hang(Option<Metres>),
    /// Friction of ground and feet from now on, not negative.
    Friction(f32),
    /// The encoder stops: its reading keeps its old value and its old time stamp.
    FreezeJoint(JointId),
    /// The encoder works again.
    ThawJoint(JointId),
    /// The encoder has slipped: reading and drive are off by this much; zero is well again.
    EncoderOffset(JointId, Radians),
    /// The encoder's next readings are off by this much, the drive is not.
    EncoderGlitch {
        /// The joint.
        joint: JointId,
        /// How far off.
        by: Radians,
        /// How many readings, one a tick.
        readings: u32,
    },
    /// The joint is jammed; `false` frees it.
    JamJoint(JointId, bool),
    /// The motor turns the wrong way, and the drive does not know it; `false` ends it.
    WrongSign(JointId, bool),
    /// The drive gives this part of the torque, and says so; 1 is well again.
    TorqueLoss(JointId, f32),
    /// The winding's temperature is measured from now on and rises without end.
    Heat {
        /// The joint.
        joint: JointId,
        /// At the start.
        from: Celsius,
        /// Degrees Celsius a second.
        rate: f32,
    },
    /// The inertial unit stops: its reading keeps its old values and its old time stamp.
    ImuFreeze,
    /// The inertial unit works again.
    ImuThaw,
    /// The inertial unit repeats its values with fresh time stamps; `false` ends it.
    ImuStuck(bool),
    /// Every axis of the inertial unit is at the end of its range; `false` ends it.
    ImuSaturate(bool),
    /// The encoder's reading is not a number, with a fresh time stamp; `false` ends it.
    NanJoint(JointId, bool),
    /// No more scans: the last one stays, with its old time stamp; `false` ends it.
    LidarOff(bool),
    /// The supply is measured from now on; both numbers change evenly and end at zero.
    Supply {
        /// At the start.
        voltage: Volts,
        /// Volts a second.
        voltage_rate: f32,
        /// At the start, 0 to 1.
        charge: f32,
        /// Charge a second.
        charge_rate: f32,
    },
    /// People are seen from now on; this one walks toward the robot and stops in front of it.
    Person {
        /// At the start; infinite for nobody.
        distance: Metres,
        /// Toward the robot; negative away from it.
        approach: MetresPerSecond,
        /// Where the person stops.
        nearest: Metres,
    },
    /// The person sensor stops: its reading keeps its value and its old time stamp.
    PersonSilent(bool),
}

/// Stiffness of the rope, N/m, and its damping, N s/m.
const ROPE: [f32; 2] = [4000.0, 300.0];

/// The faults in force.
#[derive(Clone, Debug)]
pub(crate) struct Faults {
    pub(crate) joints: Joints<JointFault>,
    pub(crate) imu_frozen: bool,
    pub(crate) imu_stuck: bool,
    pub(crate) imu_saturated: bool,
    pub(crate) lidar_off: bool,
    pub(crate) person_silent: bool,
    /// Friction of the ground, when it has changed since it was asked for last.
    friction: Option<f32>,
    supply: Option<SupplyReading>,
    /// A second.
    supply_rates: [f32; 2],
    person: Option<PersonReading>,
    person_nearest: f32,
    rope: Option<Metres>,
    pushes: Vec<Push>,
}

/// What is wrong with one joint.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct JointFault {
    pub(crate) frozen: bool,
    pub(crate) not_a_number: bool,
    pub(crate) jammed: bool,
    pub(crate) offset: Radians,
    glitch: Radians,
    glitches: u32,
    /// Part of the torque that acts, and part of it that the drive shows.
    pub(crate) acting: f32,
    pub(crate) shown: f32,
    pub(crate) hit: NewtonMetres,
    hit_remaining: Duration,
    pub(crate) temperature: Celsius,
    heating: f32,
}

impl JointFault {
    const NONE: Self = Self {
        frozen: false,
        not_a_number: false,
        jammed: false,
        offset: Radians(0.0),
        glitch: Radians(0.0),
        glitches: 0,
        acting: 1.0,
        shown: 1.0,
        hit: NewtonMetres(0.0),
        hit_remaining: Duration::ZERO,
        temperature: Celsius(0.0),
        heating: 0.0,
    };

    /// How far the reading is off, beside what the drive believes itself.
    pub(crate) fn glitch(&self) -> Radians {
        if self.glitches > 0 { self.glitch } else { Radians(0.0) }
    }
}

#[derive(Clone, Copy, Debug)]
struct Push {
    force: [Newtons; 3],
    /// How long it still acts.
    remaining: Duration,
}

impl Faults {
    pub(crate) fn none(joints: usize) -> Self {
        Self {
            joints: Joints::filled(JointFault::NONE, joints),
            imu_frozen: false,
            imu_stuck: false,
            imu_saturated: false,
            lidar_off: false,
            person_silent: false,
            friction: None,
            supply: None,
            supply_rates: [0.0; 2],
            person: None,
            person_nearest: 0.0,
            rope: None,
            pushes: Vec::new(),
        }
    }

    pub(crate) fn begin(&mut self, disturbance: Disturbance) {
        match disturbance {
            Disturbance::Push { force, duration } => {
                self.pushes.push(Push { force, remaining: duration });
            }
            Disturbance::Hang(height) => self.rope = height,
            Disturbance::Friction(friction) => self.friction = Some(friction.max(0.0)),
            Disturbance::ImuFreeze => self.imu_frozen = true,
            Disturbance::ImuThaw => self.imu_frozen = false,
            Disturbance::ImuStuck(on) => self.imu_stuck = on,
            Disturbance::ImuSaturate(on) => self.imu_saturated = on,
            Disturbance::LidarOff(off) => self.lidar_off = off,
            Disturbance::Supply { voltage, voltage_rate, charge, charge_rate } => {
                self.supply = Some(SupplyReading { voltage, charge, ..SupplyReading::default() });
                self.supply_rates = [voltage_rate, charge_rate];
            }
            Disturbance::Person { distance, approach, nearest } => {
                let approach = Some(approach);
                self.person =
                    Some(PersonReading { distance, approach, ..PersonReading::default() });
                self.person_nearest = nearest.0;
            }
            Disturbance::PersonSilent(on) => self.person_silent = on,
            _ => self.begin_at_joint(disturbance),
        }
    }

    fn begin_at_joint(&mut self, disturbance: Disturbance) {
        match disturbance {
            Disturbance::Hit { joint, torque, duration } => {
                self.joints[joint].hit = torque;
                self.joints[joint].hit_remaining = duration;
            }
            Disturbance::FreezeJoint(joint) => self.joints[joint].frozen = true,
            Disturbance::ThawJoint(joint) => self.joints[joint].frozen = false,
            Disturbance::NanJoint(joint, on) => self.joints[joint].not_a_number = on,
            Disturbance::EncoderOffset(joint, by) => self.joints[joint].offset = by,
            Disturbance::EncoderGlitch { joint, by, readings } => {
                self.joints[joint].glitch = by;
                self.joints[joint].glitches = readings;
            }
            Disturbance::JamJoint(joint, on) => self.joints[joint].jammed = on,
            Disturbance::WrongSign(joint, on) => {
                let sign = if on { -1.0 } else { 1.0 };
                self.joints[joint].acting = sign;
                self.joints[joint].shown = sign;
            }
            Disturbance::TorqueLoss(joint, part) => {
                self.joints[joint].acting = part.clamp(0.0, 1.0);
                self.joints[joint].shown = 1.0;
            }
            Disturbance::Heat { joint, from, rate } => {
                self.joints[joint].temperature = from;
                self.joints[joint].heating = rate;
            }
            _ => {}
        }
    }

    /// The pull on the base over the coming `tick`, N, world frame: all pushes, and the rope on a
    /// base at this height (m) that rises at this speed (m/s).
    pub(crate) fn push(&mut self, tick: Duration, height: f32, rising: f32) -> [f32; 3] {
        self.pushes.retain(|push| !push.remaining.is_zero());
        let mut sum: [f32; 3] =
            core::array::from_fn(|axis| self.pushes.iter().map(|p| p.force[axis].0).sum());
        for push in &mut self.pushes {
            push.remaining = push.remaining.saturating_sub(tick);
        }
        if let Some(rope) = self.rope {
            sum[2] += (ROPE[0] * (rope.0 - height) - ROPE[1] * rising).max(0.0);
        }
        sum
    }

    /// A new friction of the ground, once.
    pub(crate) fn new_friction(&mut self) -> Option<f32> {
        self.friction.take()
    }

    /// What the people sensor sees, but for the time.
    pub(crate) fn person(&self) -> Option<PersonReading> {
        self.person
    }

    /// What the supply's sensor says, but for the time.
    pub(crate) fn supply(&self) -> Option<SupplyReading> {
        self.supply
    }

    /// Lets what goes on by itself go on for one `tick` that has been measured.
    pub(crate) fn pass(&mut self, tick: Duration) {
        let dt = Seconds(tick.as_secs_f32());
        for joint in self.joints.iter_mut() {
            joint.glitches = joint.glitches.saturating_sub(1);
            joint.hit_remaining = joint.hit_remaining.saturating_sub(tick);
            if joint.hit_remaining.is_zero() {
                joint.hit = NewtonMetres(0.0);
            }
            joint.temperature += Celsius(joint.heating * dt.0);
        }
        if let Some(supply) = &mut self.supply {
            let [voltage, charge] = self.supply_rates;
            supply.voltage = (supply.voltage + Volts(voltage * dt.0)).max(Volts(0.0));
            supply.charge = (supply.charge + charge * dt.0).clamp(0.0, 1.0);
        }
        if let Some(person) = &mut self.person {
            let approach = person.approach.unwrap_or_default();
            let next = person.distance - approach * dt;
            let arrives = approach.0 > 0.0 && next.0 <= self.person_nearest;
            if arrives {
                person.approach = Some(MetresPerSecond(0.0));
            }
            person.distance = if arrives { Metres(self.person_nearest) } else { next };
        }
    }
}
