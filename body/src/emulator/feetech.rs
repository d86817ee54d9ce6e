//! What an STS servo answers and does.

use core::time::Duration;

use motors::feetech::{
    BROADCAST, PING, READ, SIGN_LOAD, SIGN_POSITION, SYNC_READ, SYNC_WRITE, WRITE, answer, parts,
    register, sign_magnitude, signed,
};
use motors::servo::ServoModel;

use super::{Done, EmulatedServo};

/// Where the registers begin that are lost without power.
const RAM: usize = 40;
/// Hotter servos let go, degrees Celsius.
const HOT: u8 = 70;
/// Status bits: voltage and temperature.
const STATUS_VOLTAGE: u8 = 0x01;
const STATUS_HOT: u8 = 0x04;

/// A fresh servo's registers.
pub(super) fn memory(id: u8, model: &ServoModel) -> [u8; 256] {
    let mut memory = [0; 256];
    let mut put = |at: u8, bytes: &[u8]| {
        let at = usize::from(at);
        memory[at..at + bytes.len()].copy_from_slice(bytes);
    };
    put(register::FIRMWARE, &[3, 10]);
    put(register::MODEL, &model.number.to_le_bytes());
    put(5, &[id]);
    put(register::RETURN_DELAY, &[0]);
    put(register::POSITION_MAX, &4095_u16.to_le_bytes());
    put(register::TORQUE_MAX, &1000_u16.to_le_bytes());
    put(register::TORQUE_LIMIT, &1000_u16.to_le_bytes());
    put(register::GOAL, &2048_u16.to_le_bytes());
    put(register::POSITION, &2048_u16.to_le_bytes());
    put(register::VOLTAGE, &[120, 30]);
    memory
}

/// Sets the positions it takes goals between, counts.
pub(super) fn limit(servo: &mut EmulatedServo, low: i32, high: i32) {
    servo.set_word(register::POSITION_MIN, sign_magnitude(low, SIGN_POSITION));
    servo.set_word(register::POSITION_MAX, sign_magnitude(high, SIGN_POSITION));
}

/// Lets time pass for one servo.
#[expect(clippy::cast_possible_truncation, reason = "duties are at most 1000")]
pub(super) fn pass(servo: &mut EmulatedServo, step: Duration) {
    let hot = if servo.temperature > HOT { STATUS_HOT } else { 0 };
    let low = if servo.voltage < 50 { STATUS_VOLTAGE } else { 0 };
    servo.set_byte(register::STATUS, servo.byte(register::STATUS) & !0x05 | hot | low);
    if servo.byte(register::STATUS) & !STATUS_VOLTAGE != 0 {
        servo.set_byte(register::TORQUE_ENABLE, 0);
    }
    let on = servo.byte(register::TORQUE_ENABLE) == 1;
    let goal = signed(servo.u16(register::GOAL), SIGN_POSITION);
    let goal = servo.model.angle(goal);
    let part = f32::from(servo.u16(register::TORQUE_LIMIT).min(1000)) / 1000.0;
    let speed = match servo.u16(register::GOAL_SPEED) {
        0 => 10.0,
        units => servo.model.speed(units.into()),
    };
    let torque = servo.turn(step, on.then_some(goal), part, speed);
    let (position, speed) =
        (servo.model.counts(servo.angle), servo.velocity / servo.model.speed(1));
    servo.set_word(register::POSITION, sign_magnitude(position, SIGN_POSITION));
    servo.set_word(register::SPEED, sign_magnitude(speed as i32, SIGN_POSITION));
    servo.set_word(register::LOAD, sign_magnitude((torque * 340.0) as i32, SIGN_LOAD));
    servo.set_byte(register::VOLTAGE, servo.voltage);
    servo.set_byte(register::TEMPERATURE, servo.temperature);
}

/// Does what a request says.
pub(super) fn obey(frame: &[u8], servos: &mut [EmulatedServo]) -> Done {
    let mut done = Done::default();
    let Some((id, instruction, parameters)) = parts(frame) else { return done };
    match (instruction, parameters) {
        (PING, _) => {
            for servo in servos.iter_mut().filter(|servo| servo.id == id) {
                say(&mut done, servo, &[]);
            }
        }
        (READ, &[address, count]) => {
            for servo in servos.iter_mut().filter(|servo| servo.id == id) {
                tell(&mut done, servo, address, count);
            }
        }
        (SYNC_READ, [address, count, ids @ ..]) => {
            for id in ids {
                for servo in servos.iter_mut().filter(|servo| servo.id == *id) {
                    tell(&mut done, servo, *address, *count);
                }
            }
        }
        (WRITE, [address, data @ ..]) => {
            done.wrote = true;
            for servo in servos.iter_mut().filter(|servo| servo.id == id || id == BROADCAST) {
                write(servo, *address, data);
                if id != BROADCAST {
                    say(&mut done, servo, &[]);
                }
            }
        }
        (SYNC_WRITE, [address, width, items @ ..]) => {
            done.wrote = true;
            for item in items.chunks_exact(1 + usize::from(*width)) {
                for servo in servos.iter_mut().filter(|servo| servo.id == item[0]) {
                    write(servo, *address, &item[1..]);
                }
            }
        }
        _ => {}
    }
    done
}

fn write(servo: &mut EmulatedServo, address: u8, data: &[u8]) {
    if servo.silent || usize::from(address) + data.len() > 256 {
        return;
    }
    let before = servo.byte(register::TORQUE_ENABLE);
    servo.put(address, data);
    if before != 1 && servo.byte(register::TORQUE_ENABLE) == 1 {
        servo.energised += 1;
    }
}

fn tell(done: &mut Done, servo: &EmulatedServo, address: u8, count: u8) {
    let first = usize::from(address);
    if let Some(data) = servo.memory.get(first..first + usize::from(count)) {
        say(done, servo, data);
    }
}

fn say(done: &mut Done, servo: &EmulatedServo, data: &[u8]) {
    if !servo.silent {
        let delay = 2 * u64::from(servo.byte(register::RETURN_DELAY));
        done.answers.push((delay, answer(servo.id, servo.byte(register::STATUS), data)));
    }
}

impl EmulatedServo {
    /// An STS servo loses power for a moment.
    pub fn reset_feetech(&mut self) {
        self.restart(RAM);
    }
}
