//! How much of a bus's time its motors take.

use motors::can::WireBits;
use motors::load::{CycleLoad, PART_MAX};

use super::error::ConnectError;
use super::plan::{MotorKind, MotorPlan};
use super::robstride::CHECK_EVERY;

/// What a bus is set to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CanRate {
    /// Bits a second.
    pub bit_rate: u32,
    /// Bits a second of the fast part of CAN FD.
    pub data_rate: u32,
    /// Cycles of commands and answers a second.
    pub rate_hz: f64,
}

/// The part of the bus's time that these motors take, at worst.
///
/// # Errors
/// [`ConnectError::Load`] with the arithmetic, when that is more than may be planned.
pub fn part_of_wire(motors: &[MotorPlan], rate: &CanRate) -> Result<f64, ConnectError> {
    let CanRate { bit_rate, data_rate, rate_hz } = *rate;
    let bits = motors.iter().map(cycle).fold(WireBits::default(), |sum, each| sum + each);
    let load = CycleLoad::can(bits, bit_rate, data_rate);
    let part = load.part(bit_rate, rate_hz);
    if part <= PART_MAX {
        return Ok(part);
    }
    Err(ConnectError::Load {
        motors: motors.len(),
        bits: load.bits,
        rate_hz,
        used: f64::from(load.bits) * rate_hz,
        bit_rate,
        percent: 100.0 * part,
        percent_max: 100.0 * PART_MAX,
        rate_max_hz: load.rate_max_hz(bit_rate).floor(),
    })
}

/// Longest frame of a moteus, command or answer.
const MOTEUS_LENGTH: usize = 48;

/// A command and its answer, and what is asked now and then.
fn cycle(motor: &MotorPlan) -> WireBits {
    let eight = |extended| match motor.flexible {
        true => WireBits::flexible(extended, 8),
        false => WireBits::classic(extended, 8),
    };
    match motor.kind {
        MotorKind::Damiao { .. } => eight(false) + eight(false),
        MotorKind::RobStride { .. } => {
            let pair = eight(true) + eight(true);
            let shared = |bits: u32| bits.div_ceil(CHECK_EVERY);
            pair + WireBits { nominal: shared(pair.nominal), fast: shared(pair.fast) }
        }
        MotorKind::Moteus { .. } => {
            let frame = WireBits::flexible(true, MOTEUS_LENGTH);
            frame + frame
        }
    }
}

#[cfg(test)]
mod tests {
    use motors::moteus::{Bounds, Gains, command};
    use signals::{JointCommand, NewtonMetres};

    use super::super::tests::plans;
    use super::*;

    const RATE: CanRate = CanRate { bit_rate: 1_000_000, data_rate: 5_000_000, rate_hz: 1000.0 };

    fn part(place: usize, count: usize, rate_hz: f64) -> Result<f64, String> {
        let motors = vec![plans().swap_remove(place); count];
        part_of_wire(&motors, &CanRate { rate_hz, ..RATE }).map_err(|error| error.to_string())
    }

    /// Clauses: C1.
    #[test]
    fn an_impossible_rate_is_refused_with_its_arithmetic() {
        assert!((part(0, 3, 1000.0).unwrap() - 0.81).abs() < 1e-9);
        let error = part(0, 4, 1000.0).unwrap_err();
        assert!(error.contains("4 motors"), "{error}");
        assert!(error.contains("1080 bits a cycle x 1000 Hz = 1080000 bit/s, 108 %"), "{error}");
        assert!(error.contains("Set rate_hz to 833 or less"), "{error}");
        assert!(part(0, 4, 833.0).is_ok());
        // Extended ids are longer: three RobStride motors fit only below 1 kHz.
        assert!(part(1, 2, 1000.0).is_ok());
        let error = part(1, 3, 1000.0).unwrap_err();
        assert!(error.contains("975 bits") && error.contains("923 or less"), "{error}");
        // A moteus says more in a frame, and the fast part of CAN FD carries it in the same time.
        assert!(part(2, 2, 1000.0).is_ok());
        assert!(part(2, 3, 1000.0).unwrap_err().contains("3 motors"));
        assert!(part(2, 5, 500.0).is_ok());
    }

    /// Clauses: M4.
    #[test]
    fn the_frames_of_a_moteus_are_no_longer_than_counted() {
        let gains = Gains { kp: 1.0, kd: 1.0 };
        let bounds = Bounds { tau: NewtonMetres(1.0), watchdog: 0.1 };
        let frame = command(1, &JointCommand::LIMP, &gains, &bounds).unwrap();
        assert!(frame.data().len() <= MOTEUS_LENGTH, "{}", frame.data().len());
    }
}
