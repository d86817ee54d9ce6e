//! What an X series servo answers and does, bus watchdog and shutdown included.

use core::time::Duration;

use motors::dynamixel::{
    ALERT, BROADCAST, LENGTH_MAX, PING, READ, REBOOT, SYNC_READ, SYNC_WRITE, WATCHDOG_FIRED,
    WATCHDOG_UNIT_MS, WRITE, answer, parts, register,
};
use motors::servo::ServoModel;

use super::{Done, EmulatedServo};

/// Where the registers begin that are lost without power.
const RAM: usize = 64;
/// Goals: read-only once the bus watchdog has fired.
const GOALS: core::ops::Range<u16> = 100..120;
/// Hotter servos shut down, degrees Celsius.
const HOT: u8 = 70;
/// Bits of the hardware error: voltage and temperature.
const ERROR_VOLTAGE: u8 = 0x01;
const ERROR_HOT: u8 = 0x04;
/// Errors of a request.
const ERROR_INSTRUCTION: u8 = 2;
const ERROR_LIMIT: u8 = 6;
const ERROR_ACCESS: u8 = 7;

/// A fresh servo's registers.
pub(super) fn memory(id: u8, model: &ServoModel) -> [u8; 256] {
    let mut memory = [0; 256];
    let mut put = |at: u16, bytes: &[u8]| {
        let at = usize::from(at);
        memory[at..at + bytes.len()].copy_from_slice(bytes);
    };
    put(register::MODEL, &model.number.to_le_bytes());
    put(register::FIRMWARE, &[52, id]);
    put(register::RETURN_DELAY, &[0]);
    put(register::MODE, &[3]);
    put(register::PWM_LIMIT, &885_u16.to_le_bytes());
    put(register::POSITION_MAX, &4095_i32.to_le_bytes());
    put(register::SHUTDOWN, &[53]);
    put(register::GOAL_PWM, &885_u16.to_le_bytes());
    put(register::GOAL, &2048_i32.to_le_bytes());
    put(register::POSITION, &2048_i32.to_le_bytes());
    memory
}

/// Sets the positions it takes goals between, counts.
pub(super) fn limit(servo: &mut EmulatedServo, low: i32, high: i32) {
    servo.put(register::POSITION_MIN, &low.to_le_bytes());
    servo.put(register::POSITION_MAX, &high.to_le_bytes());
}

/// Lets time pass for one servo.
#[expect(clippy::cast_possible_truncation, reason = "small numbers")]
pub(super) fn pass(servo: &mut EmulatedServo, step: Duration, now: Duration) {
    let hot = if servo.temperature > HOT { ERROR_HOT } else { 0 };
    let low = if servo.voltage < 35 { ERROR_VOLTAGE } else { 0 };
    // Errors stay until the program begins anew.
    servo.set_byte(register::HARDWARE_ERROR, servo.byte(register::HARDWARE_ERROR) | hot | low);
    if servo.byte(register::HARDWARE_ERROR) & servo.byte(register::SHUTDOWN) != 0 {
        servo.set_byte(register::TORQUE_ENABLE, 0);
    }
    watch(servo, now);
    let on = servo.byte(register::TORQUE_ENABLE) == 1;
    let goal = servo.model.angle(servo.i32(register::GOAL));
    let part = f32::from(servo.u16(register::GOAL_PWM).min(885)) / 885.0;
    let speed = match servo.i32(register::PROFILE_VELOCITY) {
        0 => 10.0,
        units => servo.model.speed(units),
    };
    let torque = servo.turn(step, on.then_some(goal), part, speed);
    let (position, unit) = (servo.model.counts(servo.angle), servo.model.speed(1));
    servo.put(register::POSITION, &position.to_le_bytes());
    servo.put(register::VELOCITY, &((servo.velocity / unit) as i32).to_le_bytes());
    servo.put(register::CURRENT, &((torque * 300.0) as i16).to_le_bytes());
    servo.put(register::VOLTAGE, &u16::from(servo.voltage).to_le_bytes());
    servo.set_byte(register::TEMPERATURE, servo.temperature);
}

/// The bus watchdog: with torque on and nothing heard for long enough, it stops where it is.
fn watch(servo: &mut EmulatedServo, now: Duration) {
    let units = servo.byte(register::BUS_WATCHDOG);
    let on = servo.byte(register::TORQUE_ENABLE) == 1;
    let silence = now.saturating_sub(servo.heard);
    let longest = Duration::from_millis(u64::from(u32::from(units) * WATCHDOG_UNIT_MS));
    if on && (1..=127).contains(&units) && silence > longest {
        servo.set_byte(register::BUS_WATCHDOG, WATCHDOG_FIRED);
        let here = servo.model.counts(servo.angle);
        servo.put(register::GOAL, &here.to_le_bytes());
    }
}

/// Does what a request says.
pub(super) fn obey(frame: &[u8], servos: &mut [EmulatedServo]) -> Done {
    let mut done = Done::default();
    let mut plain = [0; LENGTH_MAX];
    let Some((id, instruction, parameters)) = parts(frame, &mut plain) else { return done };
    let word = |at: usize| u16::from_le_bytes([parameters[at], parameters[at + 1]]);
    match (instruction, parameters) {
        (PING, _) => {
            for servo in find(servos, id) {
                let number = servo.model.number.to_le_bytes();
                say(&mut done, servo, 0, &[number[0], number[1], servo.byte(register::FIRMWARE)]);
            }
        }
        (READ, [_, _, _, _]) => {
            find(servos, id).for_each(|servo| tell(&mut done, servo, word(0), word(2)));
        }
        (SYNC_READ, [_, _, _, _, ids @ ..]) => {
            for id in ids {
                find(servos, *id).for_each(|servo| tell(&mut done, servo, word(0), word(2)));
            }
        }
        (WRITE, [_, _, data @ ..]) => {
            done.wrote = true;
            for servo in find(servos, id) {
                let error = write(servo, word(0), data);
                say(&mut done, servo, error, &[]);
            }
        }
        (SYNC_WRITE, [_, _, _, _, items @ ..]) => {
            done.wrote = true;
            for item in items.chunks_exact(1 + usize::from(word(2))) {
                find(servos, item[0]).for_each(|servo| {
                    write(servo, word(0), &item[1..]);
                });
            }
        }
        (REBOOT, _) => {
            done.wrote = true;
            for servo in find(servos, id) {
                servo.cleared += u32::from(servo.byte(register::HARDWARE_ERROR) != 0);
                servo.restart(RAM);
                say(&mut done, servo, 0, &[]);
            }
        }
        _ if id != BROADCAST => {
            find(servos, id).for_each(|servo| say(&mut done, servo, ERROR_INSTRUCTION, &[]));
        }
        _ => {}
    }
    done
}

fn find(servos: &mut [EmulatedServo], id: u8) -> impl Iterator<Item = &mut EmulatedServo> {
    servos.iter_mut().filter(move |servo| servo.id == id && !servo.silent)
}

/// Writes registers; the number of what is against it, else 0.
fn write(servo: &mut EmulatedServo, address: u16, data: &[u8]) -> u8 {
    let end = usize::from(address) + data.len();
    let on = servo.byte(register::TORQUE_ENABLE) == 1;
    let fired = servo.byte(register::BUS_WATCHDOG) == WATCHDOG_FIRED;
    let shut = servo.byte(register::HARDWARE_ERROR) & servo.byte(register::SHUTDOWN) != 0;
    let enables = address == register::TORQUE_ENABLE && data.first() == Some(&1);
    if end > 256
        || (on && usize::from(address) < RAM)
        || (fired && GOALS.contains(&address))
        || (shut && enables)
    {
        return ERROR_ACCESS;
    }
    if address <= register::GOAL && end >= usize::from(register::GOAL) + 4 {
        let at = usize::from(register::GOAL - address);
        let goal = i32::from_le_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
        let (low, high) = (servo.i32(register::POSITION_MIN), servo.i32(register::POSITION_MAX));
        if !(low..=high).contains(&goal) {
            return ERROR_LIMIT;
        }
    }
    if fired && address == register::BUS_WATCHDOG {
        servo.cleared += 1;
    }
    servo.put(address, data);
    if !on && servo.byte(register::TORQUE_ENABLE) == 1 {
        servo.energised += 1;
    }
    0
}

fn tell(done: &mut Done, servo: &EmulatedServo, address: u16, count: u16) {
    let first = usize::from(address);
    match servo.memory.get(first..first + usize::from(count)) {
        Some(data) => say(done, servo, 0, data),
        None => say(done, servo, ERROR_ACCESS, &[]),
    }
}

fn say(done: &mut Done, servo: &EmulatedServo, error: u8, data: &[u8]) {
    let alert = if servo.byte(register::HARDWARE_ERROR) == 0 { 0 } else { ALERT };
    let delay = 2 * u64::from(servo.byte(register::RETURN_DELAY));
    done.answers.extend(answer(servo.id, error | alert, data).map(|frame| (delay, frame)));
}

impl EmulatedServo {
    /// An X series servo loses power for a moment.
    pub fn reset_dynamixel(&mut self) {
        self.restart(RAM);
    }
}
