//! Why motors could not be connected.

use super::dialect::Contradiction;
use crate::PortError;

/// Why motors could not be connected. Nothing was energised and no fault was cleared.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The plan of the motors breaks a rule.
    #[error("{what}: {rule}; {help}")]
    Plan {
        /// Which motor or joint.
        what: String,
        /// Which rule.
        rule: &'static str,
        /// How to fix it.
        help: &'static str,
    },
    /// A bus cannot carry its rate.
    #[error(
        "{motors} motors on one bus: at worst {bits} bits a cycle x {rate_hz} Hz = {used:.0} \
         bit/s, {percent:.0} % of {bit_rate} bit/s; more than {percent_max:.0} % is no plan. Set \
         rate_hz to {rate_max_hz:.0} or less, or put motors on another bus"
    )]
    Load {
        /// On the bus.
        motors: usize,
        /// All commands and answers of a cycle, with the stuff bits they may need.
        bits: u32,
        /// Wanted cycles a second.
        rate_hz: f64,
        /// Bits a second that makes.
        used: f64,
        /// Bits a second of the bus.
        bit_rate: u32,
        /// Of the bus that makes.
        percent: f64,
        /// Of a bus that may be planned.
        percent_max: f64,
        /// Highest cycles a second that fit.
        rate_max_hz: f64,
    },
    /// The port broke off.
    #[error("{motor}: {why}")]
    Port {
        /// Which motor was spoken to.
        motor: String,
        /// What happened.
        why: PortError,
    },
    /// A motor does not answer.
    #[error(
        "{motor}: no answer to the question for {what} in {tries} tries; check its supply, its id, \
         the wires and the terminators of its bus"
    )]
    Silent {
        /// Which.
        motor: String,
        /// What it was asked.
        what: &'static str,
        /// How often.
        tries: u32,
    },
    /// A motor is not the one the robot file describes, or did not take what it was told.
    #[error("{motor}: {contradiction}; {help}")]
    Differs {
        /// Which.
        motor: String,
        /// The two numbers.
        contradiction: Contradiction,
        /// How to fix it.
        help: &'static str,
    },
}
