//! What boards say in numbers, in words.

use firmware::{Mismatch, Refusal, ResetCause};
use signals::{FaultCode, Lifecycle};

/// A lifecycle in words, with the name that CiA 402 has for it.
#[must_use]
pub const fn lifecycle(lifecycle: Lifecycle) -> &'static str {
    match lifecycle {
        Lifecycle::Boot => "boot: it starts and tests itself",
        Lifecycle::Standby => "standby: it listens, the torque gate is shut",
        Lifecycle::Armed => "armed: the torque gate is open, the torque is zero",
        Lifecycle::Active => "active: it follows commands",
        Lifecycle::Damping => "damping: it brings its joints to rest by itself",
        Lifecycle::SafeTorqueOff => "safe torque off: the gate is shut until somebody clears it",
        Lifecycle::Fault => "fault: the gate is shut until somebody clears it",
    }
}

/// A fault in words: what it is; where the code is not one of ours, its class.
#[must_use]
pub const fn fault(code: FaultCode) -> &'static str {
    match code {
        FaultCode::NONE => "none",
        FaultCode::OVERVOLTAGE => "the voltage of the supply is too high",
        FaultCode::UNDERVOLTAGE => "the voltage of the supply is too low",
        FaultCode::TEMPERATURE => "the drive is too hot",
        FaultCode::MOTOR_TEMPERATURE => "a motor is too hot",
        FaultCode::PARAMETERS => "limits changed by themselves, or contradict each other",
        FaultCode::SOFTWARE_RESET => "the drive's program broke off and began again",
        FaultCode::RESET_STORM => "too many resets in a short time",
        FaultCode::OVERLOAD => "a motor is blocked or overloaded",
        FaultCode::ENCODER => "an encoder says nothing usable",
        FaultCode::OVERRUN => "messages were lost for lack of room",
        FaultCode::COMMAND_LOST => "no valid command came in time",
        FaultCode::GOVERNOR_LOST => "the governor gave no sign of life in time",
        FaultCode::TICK_LATE => "the tick of the drive came late or took too long",
        FaultCode::POSITION => "a joint left its limits",
        FaultCode(other) => match other >> 12 {
            2 => "too much current",
            3 => "the voltage of the supply is out of its range",
            4 => "too hot",
            5 => "hardware of the drive",
            6 => "software of the drive",
            7 => "a sensor or another module",
            8 => "a time or a range that is watched",
            _ => "something the maker does not name",
        },
    }
}

/// Why a board was reset, in words.
#[must_use]
pub const fn reset(cause: ResetCause) -> &'static str {
    match cause {
        ResetCause::Power => "it was switched on",
        ResetCause::Panic => "its program panicked",
        ResetCause::HardFault => "its processor faulted",
        ResetCause::StackOverflow => "its stack ran over",
        ResetCause::Hang => "one of its tasks hung",
        ResetCause::Request => "it was asked to, after it was provisioned",
    }
}

/// Why a board does not do what it is asked, and what to do about it.
#[must_use]
pub fn refusal(refusal: Refusal) -> String {
    match refusal {
        Refusal::Version => {
            "it speaks other versions of the protocol; update its firmware or this program".into()
        }
        Refusal::Energised => {
            "its joints have torque, and under way no session is changed; end the program that \
             drives it and wait for a second"
                .into()
        }
        Refusal::NotInStandby => {
            "it is not in standby; end what drives it, clear its faults".into()
        }
        Refusal::Configuration { own } => {
            format!("it counts on other limits, {own:016x}; provision it")
        }
        Refusal::GovernorSilent => "the governor has given no sign of life in time".into(),
        Refusal::ClockUnknown => "too few commands have come to know the host's clock".into(),
        Refusal::FaultPresent { id } => format!("its fault {id} is not cleared"),
        Refusal::Unfit { code } => format!("a reading forbids it: {}", fault(FaultCode(code))),
        Refusal::NotCleared => "no fault has this id, or it is still damping".into(),
        Refusal::Missing => "it has no such joint, fault or thing".into(),
        Refusal::Limits => "such limits are none, or leave no room; correct the robot file".into(),
    }
}

/// Why a board is not the one that was meant, and what to do about it.
#[must_use]
pub fn mismatch(mismatch: &Mismatch) -> String {
    match mismatch {
        Mismatch::Version { board: [oldest, newest] } => format!(
            "it speaks versions {oldest} to {newest} of the protocol, this program version {}; \
             update one of them",
            firmware::frame::VERSION
        ),
        Mismatch::Joints { own, board } => {
            format!("it drives {board} joints, the robot file has {own}; check which board it is")
        }
        Mismatch::Configuration { own, board: 0 } => format!(
            "nobody has told it its limits yet; provision it, so that it has configuration \
             {own:016x}"
        ),
        Mismatch::Configuration { own, board } => format!(
            "it was provisioned with configuration {board:016x}, the robot file makes {own:016x}; \
             check which board it is, or provision it"
        ),
        Mismatch::Settings { own, board } => format!(
            "its hash is right and what it reads back is not: {board:?} instead of {own:?}; do \
             not use this board"
        ),
    }
}
