//! What a servo bus must be told, and what can be wrong with it.

use core::time::Duration;

use motors::load::PART_MAX;
use motors::servo::{Family, RETURN_DELAY_DEFAULT_US, ServoModel};
use signals::{JointId, Radians};

use crate::PortError;

/// One servo, as the robot file has it.
#[derive(Clone, Debug, PartialEq)]
pub struct ServoSettings {
    /// The joint it turns.
    pub joint: JointId,
    /// The joint's name, for messages.
    pub name: String,
    /// Its address.
    pub id: u8,
    /// Its model.
    pub model: &'static ServoModel,
    /// Angle of the joint at the middle of the encoder.
    pub zero: Radians,
    /// The joint turns against the servo.
    pub reversed: bool,
    /// Turns of the servo for one turn of the joint, above 0.
    pub gear: f32,
    /// Part of its highest torque it may give, above 0 and up to 1.
    pub torque_part: f32,
}

impl ServoSettings {
    /// The joint's angle when the servo's is `angle` rad from the middle.
    pub(super) fn joint_angle(&self, angle: f32) -> f32 {
        self.zero.0 + self.turned(angle) / self.gear
    }

    /// The servo's angle from the middle, rad, when the joint's is `angle`.
    pub(crate) fn servo_angle(&self, angle: f32) -> f32 {
        self.turned(angle - self.zero.0) * self.gear
    }

    /// A number of the servo in the direction of the joint, or the other way round.
    pub(super) const fn turned(&self, number: f32) -> f32 {
        if self.reversed { -number } else { number }
    }
}

/// A bus of serial servos.
#[derive(Clone, Debug, PartialEq)]
pub struct ServoBusSettings {
    /// Its name, for messages.
    pub name: String,
    /// What its servos understand.
    pub family: Family,
    /// Bits a second on the wire.
    pub bit_rate: u32,
    /// Cycles of goals and answers a second.
    pub rate_hz: f64,
    /// Longest delay of a servo before it answers, us.
    pub return_delay_us: f64,
    /// Its servos: one for each joint of the robot.
    pub servos: Vec<ServoSettings>,
    /// How long the body waits for an answer while it connects.
    pub answer_wait: Duration,
    /// After how much silence a servo with a watchdog stops by itself, rounded up to its units.
    pub watchdog: Duration,
    /// How long the torque takes to go away when it is no longer wanted.
    pub ramp: Duration,
}

impl ServoBusSettings {
    /// A bus with the usual times: answers after the makers' 500 us, a watchdog of 100 ms, and a
    /// second until the torque is gone.
    #[must_use]
    pub fn new(name: &str, family: Family, bit_rate: u32, rate_hz: f64) -> Self {
        Self {
            name: name.to_owned(),
            family,
            bit_rate,
            rate_hz,
            return_delay_us: RETURN_DELAY_DEFAULT_US,
            servos: Vec::new(),
            answer_wait: Duration::from_millis(500),
            watchdog: Duration::from_millis(100),
            ramp: Duration::from_secs(1),
        }
    }

    /// The part of the wire's time that the cycles take.
    ///
    /// # Errors
    /// It is more than a wire has, with the arithmetic and the highest rate.
    pub fn load(&self) -> Result<f64, ServoBusError> {
        let load = self.family.cycle_load(self.servos.len(), self.return_delay_us);
        let part = load.part(self.bit_rate, self.rate_hz);
        if part <= PART_MAX && self.rate_hz > 0.0 {
            return Ok(part);
        }
        Err(ServoBusError::Load {
            bus: self.name.clone(),
            bytes: load.bits / 10,
            bit_rate: self.bit_rate,
            answers: self.servos.len(),
            delay_us: self.return_delay_us,
            cycle_ms: 1e3 * load.seconds(self.bit_rate),
            rate_hz: self.rate_hz,
            percent: 100.0 * part,
            rate_max_hz: load.rate_max_hz(self.bit_rate).floor(),
        })
    }

    pub(super) fn period(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate_hz.max(0.1))
    }
}

/// Why a servo bus is no body.
#[derive(Debug, thiserror::Error)]
pub enum ServoBusError {
    /// The port does not work.
    #[error(transparent)]
    Port(#[from] PortError),
    /// The limits of the robot are none.
    #[error("bus {bus}: the limits of the robot are refused: {why}; correct the robot file")]
    Envelope {
        /// Which bus.
        bus: String,
        /// What the governor says.
        why: String,
    },
    /// A joint has no servo here, or one has no joint.
    #[error(
        "bus {bus}: it has {servos} servos for {joints} joints; a body needs exactly one for each \
         joint: correct [[bus.motors]] in the robot file"
    )]
    Joints {
        /// Which bus.
        bus: String,
        /// Servos on it.
        servos: usize,
        /// Joints of the robot.
        joints: usize,
    },
    /// The wire cannot carry so many cycles.
    #[error(
        "bus {bus}: {bytes} bytes x 10 bits / {bit_rate} bit/s + {answers} answers x {delay_us} us \
         = {cycle_ms:.2} ms; at {rate_hz} Hz that is {percent:.0} % of the wire's time, and 90 % \
         is the most: set rate_hz to {rate_max_hz} or less, raise the bit rate, or shorten the \
         servos' return delay"
    )]
    Load {
        /// Which bus.
        bus: String,
        /// Bytes of one cycle.
        bytes: u32,
        /// Bits a second.
        bit_rate: u32,
        /// Answers of one cycle.
        answers: usize,
        /// Delay before each, us.
        delay_us: f64,
        /// Time of one cycle.
        cycle_ms: f64,
        /// Wanted rate.
        rate_hz: f64,
        /// Of the wire's time.
        percent: f64,
        /// Highest rate.
        rate_max_hz: f64,
    },
    /// The adapter sends back what it is sent.
    #[error(
        "bus {bus}: the adapter sends back what it is sent, and such bytes can look like answers; \
         use an adapter that suppresses the echo"
    )]
    Echo {
        /// Which bus.
        bus: String,
    },
    /// A servo does not answer.
    #[error(
        "bus {bus}: {joint} (id {id}) does not answer within {wait_ms} ms; check its power, its \
         cable, its id and the bit rate"
    )]
    Silent {
        /// Which bus.
        bus: String,
        /// Which joint.
        joint: String,
        /// Its address.
        id: u8,
        /// How long was waited.
        wait_ms: u128,
    },
    /// A servo answers something else than what it was asked for.
    #[error(
        "bus {bus}: {joint} (id {id}) answers with {found} bytes and error {error:#04x} instead of \
         {wanted} bytes; its firmware is another one, or two servos have this id"
    )]
    Answer {
        /// Which bus.
        bus: String,
        /// Which joint.
        joint: String,
        /// Its address.
        id: u8,
        /// Its error byte.
        error: u8,
        /// Bytes it sent.
        found: usize,
        /// Bytes it was asked for.
        wanted: u16,
    },
    /// A servo is another model than the robot file says: its numbers would mean something else.
    #[error(
        "bus {bus}: {joint} (id {id}) says it is model {found}, and {model} is {wanted}; write the \
         right model into the robot file, or exchange the servo"
    )]
    Model {
        /// Which bus.
        bus: String,
        /// Which joint.
        joint: String,
        /// Its address.
        id: u8,
        /// What the robot file says.
        model: &'static str,
        /// Number of that model.
        wanted: u16,
        /// Number in the servo.
        found: u16,
    },
    /// A servo is set so that its numbers do not mean what they should.
    #[error("bus {bus}: {joint} (id {id}): {what}")]
    Setup {
        /// Which bus.
        bus: String,
        /// Which joint.
        joint: String,
        /// Its address.
        id: u8,
        /// What is wrong and how to mend it.
        what: &'static str,
    },
    /// A servo lets itself be sent further than the robot file permits.
    #[error(
        "bus {bus}: {joint} (id {id}) takes goals from {found_min:.4} to {found_max:.4} rad, and \
         the robot file permits {wanted_min:.4} to {wanted_max:.4}; set its position limits to \
         {counts_min} and {counts_max}, or correct zero_rad, direction or gear"
    )]
    Limits {
        /// Which bus.
        bus: String,
        /// Which joint.
        joint: String,
        /// Its address.
        id: u8,
        /// Lowest angle it takes, rad.
        found_min: f32,
        /// Highest angle it takes, rad.
        found_max: f32,
        /// Lowest angle of the robot file, rad.
        wanted_min: f32,
        /// Highest angle of the robot file, rad.
        wanted_max: f32,
        /// Lowest count to set.
        counts_min: i32,
        /// Highest count to set.
        counts_max: i32,
    },
    /// A servo waits longer before it answers than the load was computed with.
    #[error(
        "bus {bus}: {joint} (id {id}) waits {found_us} us before it answers, and the load of the \
         bus was computed with {wanted_us} us; set its return delay to {wanted_us} us or less"
    )]
    ReturnDelay {
        /// Which bus.
        bus: String,
        /// Which joint.
        joint: String,
        /// Its address.
        id: u8,
        /// Its delay, us.
        found_us: f64,
        /// The longest one, us.
        wanted_us: f64,
    },
    /// A servo's watchdog does not read as it was written.
    #[error(
        "bus {bus}: the watchdog of {joint} (id {id}) was set to {wanted} and reads {found}; clear \
         its fault, or take its torque away first"
    )]
    Watchdog {
        /// Which bus.
        bus: String,
        /// Which joint.
        joint: String,
        /// Its address.
        id: u8,
        /// What was written.
        wanted: u8,
        /// What it reads.
        found: u8,
    },
}
