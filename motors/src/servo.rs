//! What serial servos have in common: where their registers are, and what their numbers mean.
//!
//! A servo follows positions with gains of its own. It is told a goal, how fast it may go there and
//! how much torque it may give, and says in one block of registers where it is and how it feels.
//! Positions are counts of its encoder; the middle of the turn is 0 rad here.

use core::f32::consts::PI;

use signals::FaultCode;

use crate::frame::{Frame, Reply, Scan};
use crate::load::CycleLoad;
use crate::{dynamixel, feetech};

/// A maker's family of serial servos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// [`feetech`].
    Feetech,
    /// [`dynamixel`], protocol 2.0.
    Dynamixel,
}

/// Registers that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// The first one.
    pub address: u16,
    /// Bytes of all of them.
    pub bytes: u16,
}

/// Most bytes of a block that is written in each cycle.
pub const GOAL_BYTES_MAX: usize = 8;

/// What a servo is told in each cycle, in its own units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Goal {
    /// Position, counts.
    pub position: i32,
    /// Highest speed on the way, units of [`ServoModel::speed_units`].
    pub speed: u32,
    /// Highest torque (Feetech, 0.1 %) or duty (Dynamixel, 0.113 %).
    pub torque: u16,
}

/// What a servo said of itself in one cycle, in its own units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServoState {
    /// Torque is on.
    pub torque_on: bool,
    /// The torque or duty limit in force.
    pub torque_limit: u16,
    /// Bus watchdog; 0 where there is none or it is off.
    pub watchdog: u8,
    /// Position, counts.
    pub position: i32,
    /// Speed, units of the family.
    pub velocity: i32,
    /// Duty, load or current, units of the model.
    pub effort: i32,
    /// Supply, V.
    pub voltage: f32,
    /// Temperature, degrees Celsius.
    pub temperature: f32,
    /// What is wrong.
    pub fault: FaultCode,
    /// The same as the maker writes it.
    pub raw: u32,
}

/// What a servo is and how it is set, from the memory it keeps without power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServoSetup {
    /// Number of its model.
    pub model: u16,
    /// Version of its firmware; the second number is 0 where there is only one.
    pub firmware: (u8, u8),
    /// How long it waits before it answers, us.
    pub return_delay_us: f64,
    /// Lowest goal it takes, counts.
    pub position_min: i32,
    /// Highest goal it takes, counts.
    pub position_max: i32,
    /// Highest torque or duty limit it takes.
    pub torque_max: u16,
    /// Why its numbers do not mean what they should, with what to do about it.
    pub objection: Option<&'static str>,
}

impl Family {
    /// What `bytes` begin with.
    #[must_use]
    pub fn scan(self, bytes: &[u8]) -> Scan {
        match self {
            Self::Feetech => feetech::scan(bytes),
            Self::Dynamixel => dynamixel::scan(bytes),
        }
    }

    /// The answer in a whole frame.
    #[must_use]
    pub fn reply(self, frame: &[u8]) -> Option<Reply> {
        match self {
            Self::Feetech => feetech::reply(frame),
            Self::Dynamixel => dynamixel::reply(frame),
        }
    }

    /// Asks servo `id` for a block.
    #[must_use]
    pub fn read(self, id: u8, block: Block) -> Frame {
        match self {
            Self::Feetech => feetech::read(id, byte(block.address), byte(block.bytes)),
            Self::Dynamixel => dynamixel::read(id, block.address, block.bytes),
        }
    }

    /// Asks all of `ids` for a block; `None` where they are too many for one frame.
    #[must_use]
    pub fn sync_read(self, block: Block, ids: &[u8]) -> Option<Frame> {
        match self {
            Self::Feetech => feetech::sync_read(byte(block.address), byte(block.bytes), ids),
            Self::Dynamixel => dynamixel::sync_read(block.address, block.bytes, ids),
        }
    }

    /// Writes a block of several servos; `None` where it does not fit into one frame.
    #[must_use]
    pub fn sync_write<'d>(
        self,
        block: Block,
        items: impl Iterator<Item = (u8, &'d [u8])>,
    ) -> Option<Frame> {
        match self {
            Self::Feetech => feetech::sync_write(byte(block.address), byte(block.bytes), items),
            Self::Dynamixel => dynamixel::sync_write(block.address, block.bytes, items),
        }
    }

    /// What a servo is and how it is set: read once, when it is connected.
    #[must_use]
    pub const fn setup_block(self) -> Block {
        match self {
            Self::Feetech => Block { address: 0, bytes: 40 },
            Self::Dynamixel => Block { address: 0, bytes: 64 },
        }
    }

    /// How a servo is and what it does: read in each cycle.
    #[must_use]
    pub const fn state_block(self) -> Block {
        match self {
            Self::Feetech => Block { address: 40, bytes: 31 },
            Self::Dynamixel => Block { address: 64, bytes: 83 },
        }
    }

    /// Torque on or off, one byte.
    #[must_use]
    pub const fn torque_block(self) -> Block {
        match self {
            Self::Feetech => Block { address: feetech::register::TORQUE_ENABLE as u16, bytes: 1 },
            Self::Dynamixel => Block { address: dynamixel::register::TORQUE_ENABLE, bytes: 1 },
        }
    }

    /// The watchdog of the bus, one byte; `None` for servos that have none.
    #[must_use]
    pub const fn watchdog_block(self) -> Option<Block> {
        match self {
            Self::Feetech => None,
            Self::Dynamixel => Some(Block { address: dynamixel::register::BUS_WATCHDOG, bytes: 1 }),
        }
    }

    /// What is written in each cycle, in this order: [`Family::goal`] gives the bytes.
    #[must_use]
    pub const fn goal_blocks(self) -> &'static [Block] {
        match self {
            Self::Feetech => &[Block { address: feetech::register::GOAL as u16, bytes: 8 }],
            Self::Dynamixel => &[
                Block { address: dynamixel::register::GOAL_PWM, bytes: 2 },
                Block { address: dynamixel::register::PROFILE_VELOCITY, bytes: 8 },
            ],
        }
    }

    /// The bytes of `goal` for the block at `address` of [`Family::goal_blocks`].
    #[must_use]
    pub fn goal(self, address: u16, goal: &Goal) -> [u8; GOAL_BYTES_MAX] {
        let mut bytes = [0; GOAL_BYTES_MAX];
        let [torque, speed] = [goal.torque.to_le_bytes(), cut(goal.speed).to_le_bytes()];
        match self {
            Self::Feetech => {
                let position = feetech::sign_magnitude(goal.position, feetech::SIGN_POSITION);
                let fields = [position.to_le_bytes(), [0, 0], speed, torque];
                bytes.copy_from_slice(fields.as_flattened());
            }
            Self::Dynamixel if address == dynamixel::register::GOAL_PWM => {
                bytes = [torque[0], torque[1], 0, 0, 0, 0, 0, 0];
            }
            Self::Dynamixel => {
                let fields = [goal.speed.to_le_bytes(), goal.position.to_le_bytes()];
                bytes.copy_from_slice(fields.as_flattened());
            }
        }
        bytes
    }

    /// What a servo with this answer is; `None` where the answer is no [`Family::setup_block`].
    #[must_use]
    pub fn setup(self, reply: &Reply) -> Option<ServoSetup> {
        let data = whole(reply, self.setup_block())?;
        let delay = |units: u8| f64::from(units) * RETURN_DELAY_UNIT_US;
        match self {
            Self::Feetech => {
                use feetech::register::{
                    FIRMWARE, MODE, MODEL, PHASE, POSITION_MAX, POSITION_MIN, RETURN_DELAY,
                    TORQUE_MAX,
                };
                let position = |at| Some(feetech::signed(data.u16(at)?, feetech::SIGN_POSITION));
                let (phase, mode) = (data.u8(PHASE)?, data.u8(MODE)?);
                let objection = if mode != 0 {
                    Some("it does not follow positions; write 0 to register 33 (mode)")
                } else if phase & feetech::PHASE_OVERFLOW != 0 {
                    Some("its position counts beyond a turn; clear bit 4 of register 18 (phase)")
                } else {
                    None
                };
                Some(ServoSetup {
                    model: data.u16(MODEL)?,
                    firmware: (data.u8(FIRMWARE)?, data.u8(FIRMWARE + 1)?),
                    return_delay_us: delay(data.u8(RETURN_DELAY)?),
                    position_min: position(POSITION_MIN)?,
                    position_max: position(POSITION_MAX)?,
                    torque_max: data.u16(TORQUE_MAX)?,
                    objection,
                })
            }
            Self::Dynamixel => {
                use dynamixel::register::{
                    DRIVE_MODE, FIRMWARE, MODE, MODEL, POSITION_MAX, POSITION_MIN, PWM_LIMIT,
                    RETURN_DELAY,
                };
                let objection = if data.u8(MODE)? != 3 {
                    Some("it does not follow positions; write 3 to register 11 (operating mode)")
                } else if data.u8(DRIVE_MODE)? & dynamixel::DRIVE_MODE_FORBIDDEN != 0 {
                    Some("its numbers are turned; clear bits 0 and 2 of register 10 (drive mode)")
                } else {
                    None
                };
                Some(ServoSetup {
                    model: data.u16(MODEL)?,
                    firmware: (data.u8(FIRMWARE)?, 0),
                    return_delay_us: delay(data.u8(RETURN_DELAY)?),
                    position_min: data.i32(POSITION_MIN)?,
                    position_max: data.i32(POSITION_MAX)?,
                    torque_max: data.u16(PWM_LIMIT)?,
                    objection,
                })
            }
        }
    }

    /// How a servo with this answer is; `None` where the answer is no [`Family::state_block`].
    #[must_use]
    pub fn state(self, reply: &Reply) -> Option<ServoState> {
        let data = whole(reply, self.state_block())?;
        match self {
            Self::Feetech => {
                use feetech::register::{
                    LOAD, POSITION, SPEED, STATUS, TEMPERATURE, TORQUE_ENABLE, TORQUE_LIMIT,
                    VOLTAGE,
                };
                let signed = |at, sign| Some(feetech::signed(data.u16(at)?, sign));
                // The error byte and the register say the same; either may be the newer one.
                let status = reply.error | data.u8(STATUS)?;
                Some(ServoState {
                    torque_on: data.u8(TORQUE_ENABLE)? == 1,
                    torque_limit: data.u16(TORQUE_LIMIT)?,
                    watchdog: 0,
                    position: signed(POSITION, feetech::SIGN_POSITION)?,
                    velocity: signed(SPEED, feetech::SIGN_POSITION)?,
                    effort: signed(LOAD, feetech::SIGN_LOAD)?,
                    voltage: 0.1 * f32::from(data.u8(VOLTAGE)?),
                    temperature: f32::from(data.u8(TEMPERATURE)?),
                    fault: feetech::fault(status),
                    raw: status.into(),
                })
            }
            Self::Dynamixel => {
                use dynamixel::register::{
                    BUS_WATCHDOG, CURRENT, GOAL_PWM, HARDWARE_ERROR, POSITION, TEMPERATURE,
                    TORQUE_ENABLE, VELOCITY, VOLTAGE,
                };
                let bits = data.u8(HARDWARE_ERROR)?;
                let (alert, _) = dynamixel::error(reply.error);
                let (watchdog, fault) = (data.u8(BUS_WATCHDOG)?, dynamixel::fault(bits));
                let (fault, raw) = if fault != FaultCode::NONE {
                    (fault, u32::from(bits))
                } else if watchdog == dynamixel::WATCHDOG_FIRED {
                    (FaultCode::COMMAND_LOST, RAW_WATCHDOG)
                } else if alert {
                    (FaultCode::GENERIC, u32::from(reply.error))
                } else {
                    (FaultCode::NONE, 0)
                };
                Some(ServoState {
                    torque_on: data.u8(TORQUE_ENABLE)? == 1,
                    torque_limit: data.u16(GOAL_PWM)?,
                    watchdog,
                    position: data.i32(POSITION)?,
                    velocity: data.i32(VELOCITY)?,
                    effort: i32::from(data.u16(CURRENT)?.cast_signed()),
                    voltage: 0.1 * f32::from(data.u16(VOLTAGE)?),
                    temperature: f32::from(data.u8(TEMPERATURE)?),
                    fault,
                    raw,
                })
            }
        }
    }

    /// What one cycle of `servos` servos puts on the wire: goals, torque switched for all of them,
    /// the request, and an answer of each after `delay_us` us.
    #[must_use]
    pub fn cycle_load(self, servos: usize, delay_us: f64) -> CycleLoad {
        let count = u32::try_from(servos).unwrap_or(u32::MAX);
        // Everything around the data: of a request to all, and of an answer.
        let (request, answer) = match self {
            Self::Feetech => (8, 6),
            Self::Dynamixel => (14, 11),
        };
        let torque = self.torque_block();
        let written = self.goal_blocks().iter().chain([&torque]);
        let written = written.fold(0_u32, |sum, block| {
            sum + request + count.saturating_mul(1 + u32::from(block.bytes))
        });
        let read = request + count;
        let answers = count.saturating_mul(answer + u32::from(self.state_block().bytes));
        CycleLoad::serial(written.saturating_add(read).saturating_add(answers), count, delay_us)
    }
}

/// [`ServoState::raw`] of a bus watchdog that fired: its register in the upper half.
pub const RAW_WATCHDOG: u32 = 98 << 16 | 0xFF;
/// One unit of the delay before an answer, us; both families.
pub const RETURN_DELAY_UNIT_US: f64 = 2.0;
/// What both makers set that delay to, us.
pub const RETURN_DELAY_DEFAULT_US: f64 = 500.0;

/// How a model's effort becomes a torque.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effort {
    /// Duty in 0.1 % and the torque that stands behind one volt: right at standstill, too much
    /// while it turns.
    Duty {
        /// N m/V.
        nm_per_volt: f32,
    },
    /// Current and the torque that stands behind it; friction of the gears is not known.
    Current {
        /// A for one unit.
        amperes: f32,
        /// N m/A.
        nm_per_ampere: f32,
    },
}

/// A model of servo. All of these have 4096 counts a turn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServoModel {
    /// As the robot file writes it.
    pub name: &'static str,
    /// Whose protocol it speaks.
    pub family: Family,
    /// The number in its memory.
    pub number: u16,
    /// What its effort means.
    pub effort: Effort,
}

/// The models that are known. The torque of a volt or an ampere is the maker's stall torque over
/// its voltage or current.
///
/// | model | number from | stall torque from |
/// |---|---|---|
/// | sts3215 | LeRobot tables 7427f3180 | product page: 2.94 N m at 12 V, 1.91 N m at 7.4 V |
/// | sts3250 | the same | product page: 4.9 N m at 12 V |
/// | xl330-m077, xl330-m288 | ROBOTIS e-Manual | the same: 0.215 and 0.52 N m at 1.47 A |
/// | xl430-w250, xc430-w150 | the same | the same: 1.5 and 1.6 N m at 12 V |
/// | xm430-w350, xm540-w270 | the same | the same: 4.1 N m at 2.3 A, 10.6 N m at 4.4 A |
pub const MODELS: &[ServoModel] = &[
    feetech_model("sts3215", 777, 0.25),
    feetech_model("sts3250", 2825, 0.41),
    dynamixel_model("xl330-m077", 1190, Effort::Current { amperes: 1e-3, nm_per_ampere: 0.146 }),
    dynamixel_model("xl330-m288", 1200, Effort::Current { amperes: 1e-3, nm_per_ampere: 0.354 }),
    dynamixel_model("xl430-w250", 1060, Effort::Duty { nm_per_volt: 0.125 }),
    dynamixel_model("xc430-w150", 1070, Effort::Duty { nm_per_volt: 0.133 }),
    dynamixel_model("xm430-w350", 1020, Effort::Current { amperes: 2.69e-3, nm_per_ampere: 1.78 }),
    dynamixel_model("xm540-w270", 1120, Effort::Current { amperes: 2.69e-3, nm_per_ampere: 2.41 }),
];

const fn feetech_model(name: &'static str, number: u16, nm_per_volt: f32) -> ServoModel {
    ServoModel { name, family: Family::Feetech, number, effort: Effort::Duty { nm_per_volt } }
}

const fn dynamixel_model(name: &'static str, number: u16, effort: Effort) -> ServoModel {
    ServoModel { name, family: Family::Dynamixel, number, effort }
}

/// Counts of a turn.
const COUNTS: f32 = 4096.0;
/// The count in the middle of it.
const MIDDLE: i32 = 2048;
/// A Dynamixel's unit of speed, rad/s: 0.229 rev/min.
const DYNAMIXEL_SPEED: f32 = 0.229 * 2.0 * PI / 60.0;

impl ServoModel {
    /// The model of this name that speaks the protocol of `family`.
    #[must_use]
    pub fn named(family: Family, name: &str) -> Option<&'static Self> {
        MODELS.iter().find(|model| model.family == family && model.name == name)
    }

    /// The angle of a position, rad from the middle of the encoder.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "an encoder has 4096 counts")]
    pub fn angle(&self, counts: i32) -> f32 {
        counts.saturating_sub(MIDDLE) as f32 * (2.0 * PI / COUNTS)
    }

    /// The position nearest to an angle; the middle where the angle is no number.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "a cast of floats saturates")]
    pub fn counts(&self, angle: f32) -> i32 {
        let counts = angle * (COUNTS / (2.0 * PI));
        // Rounds half away from zero; `round` itself needs std.
        MIDDLE.saturating_add((counts + 0.5_f32.copysign(counts)) as i32)
    }

    /// A measured speed, rad/s.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "no servo is that fast")]
    pub fn speed(&self, velocity: i32) -> f32 {
        velocity as f32 * self.speed_unit()
    }

    /// The highest number of units that is not faster than `speed` rad/s; at least 1, because 0
    /// means any speed.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped before")]
    pub fn speed_units(&self, speed: f32) -> u32 {
        (speed / self.speed_unit()).clamp(1.0, 32_767.0) as u32
    }

    /// The torque at the output, N m, as far as the effort tells.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "efforts have 16 bits")]
    pub fn torque(&self, state: &ServoState) -> f32 {
        let effort = state.effort as f32;
        match self.effort {
            Effort::Duty { nm_per_volt } => 1e-3 * effort * state.voltage * nm_per_volt,
            Effort::Current { amperes, nm_per_ampere } => effort * amperes * nm_per_ampere,
        }
    }

    fn speed_unit(&self) -> f32 {
        match self.family {
            Family::Feetech => 2.0 * PI / COUNTS,
            Family::Dynamixel => DYNAMIXEL_SPEED,
        }
    }
}

/// The data of a block, by register.
struct Registers<'d> {
    first: u16,
    data: &'d [u8],
}

fn whole(reply: &Reply, block: Block) -> Option<Registers<'_>> {
    let data = reply.data();
    (data.len() == usize::from(block.bytes)).then_some(Registers { first: block.address, data })
}

impl Registers<'_> {
    fn bytes<const N: usize>(&self, address: impl Into<u16>) -> Option<[u8; N]> {
        let at = usize::from(address.into().checked_sub(self.first)?);
        self.data.get(at..at + N)?.try_into().ok()
    }

    fn u8(&self, address: impl Into<u16>) -> Option<u8> {
        self.bytes::<1>(address).map(u8::from_le_bytes)
    }

    fn u16(&self, address: impl Into<u16>) -> Option<u16> {
        self.bytes(address).map(u16::from_le_bytes)
    }

    fn i32(&self, address: impl Into<u16>) -> Option<i32> {
        self.bytes(address).map(i32::from_le_bytes)
    }
}

/// Addresses and lengths of Feetech servos have one byte.
fn byte(number: u16) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

fn cut(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(0x7FFF).min(0x7FFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn angles_and_counts_agree_over_the_turn() {
        let model = ServoModel::named(Family::Feetech, "sts3215").unwrap();
        for counts in 0..4096 {
            assert_eq!(model.counts(model.angle(counts)), counts);
        }
        assert!((model.angle(3072) - PI / 2.0).abs() < 1e-6);
        assert_eq!(model.counts(f32::NAN), MIDDLE, "what is no number moves nothing far");
        assert_eq!(model.speed_units(0.0), 1, "zero would mean any speed");
        assert!(model.speed(model.speed_units(2.0).cast_signed()) <= 2.0);
    }

    #[test]
    fn numbers_mean_what_the_makers_say() {
        let xl330 = ServoModel::named(Family::Dynamixel, "xl330-m288").unwrap();
        let speed = xl330.speed(100);
        assert!((speed - 2.398).abs() < 1e-3, "22.9 rev/min, found {speed} rad/s");
        let mut data = [0_u8; 83];
        data[0] = 1;
        data[62..64].copy_from_slice(&(-500_i16).to_le_bytes());
        data[68..72].copy_from_slice(&1024_i32.to_le_bytes());
        data[80] = 50;
        data[82] = 41;
        let reply = Reply::new(1, 0, &data).unwrap();
        let state = Family::Dynamixel.state(&reply).unwrap();
        assert!(state.torque_on && state.fault == FaultCode::NONE);
        assert!((xl330.torque(&state) + 0.177).abs() < 1e-3, "0.5 A");
        assert!((xl330.angle(state.position) + PI / 2.0).abs() < 1e-6);
        assert_eq!((state.voltage, state.temperature), (5.0, 41.0));
        assert!(Family::Dynamixel.state(&Reply::new(1, 0, &data[..82]).unwrap()).is_none());
        assert!(ServoModel::named(Family::Feetech, "xl330-m288").is_none());
    }

    #[test]
    fn the_load_is_that_of_the_frames() {
        for family in [Family::Feetech, Family::Dynamixel] {
            let ids = [1, 2, 3, 4, 5, 6];
            let mut bytes = family.sync_read(family.state_block(), &ids).unwrap().as_bytes().len();
            for block in family.goal_blocks().iter().chain([&family.torque_block()]) {
                let data = [1; GOAL_BYTES_MAX];
                let items = ids.map(|id| (id, &data[..usize::from(block.bytes)]));
                let frame = family.sync_write(*block, items.into_iter()).unwrap();
                bytes += frame.as_bytes().len();
            }
            let data = [1; 83];
            let data = &data[..usize::from(family.state_block().bytes)];
            bytes += 6 * match family {
                Family::Feetech => feetech::answer(1, 0, data).as_bytes().len(),
                Family::Dynamixel => dynamixel::answer(1, 0, data).unwrap().as_bytes().len(),
            };
            let load = family.cycle_load(6, 0.0);
            assert_eq!(load.bits as usize, 10 * bytes, "{family:?}");
        }
    }
}
