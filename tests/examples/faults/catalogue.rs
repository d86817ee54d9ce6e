//! The rows of the fault catalogue that concern brain, controller, governor, operator and the
//! simulated body, with their deadlines.

use crate::fault::{Dice, Trial};
use crate::rows::{body, brain, cycle, files, joints, operator, surroundings};

/// How a row is shown.
#[derive(Clone, Copy)]
pub(crate) enum Proof {
    /// By a run of the whole loop for each seed.
    Run(fn(&mut Dice) -> Trial),
    /// By a check that needs no robot: what was refused or shown, or what was wrong.
    Check(fn(&mut Dice) -> Result<(), String>),
}

/// What must follow, and until when.
#[derive(Clone, Copy)]
pub(crate) struct Deadline {
    /// The catalogue's word for the reaction.
    pub(crate) what: &'static str,
    /// The catalogue's number, ms.
    pub(crate) ms: u64,
    /// Where this robot cannot keep it: what it keeps instead, ms, and why.
    pub(crate) unmet: Option<(u64, &'static str)>,
}

impl Deadline {
    /// A reaction of the catalogue within so many ms.
    const fn new(what: &'static str, ms: u64) -> Self {
        Self { what, ms, unmet: None }
    }

    /// Not kept: it is `ms` instead, because of `why`.
    const fn but(self, ms: u64, why: &'static str) -> Self {
        Self { unmet: Some((ms, why)), ..self }
    }
}

/// One row of the catalogue, or one of several ways in which its fault comes.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// Its number there.
    pub(crate) number: u32,
    /// The fault, and how it comes.
    pub(crate) fault: &'static str,
    /// Its reactions.
    pub(crate) deadlines: &'static [Deadline],
    /// The end state of the catalogue.
    pub(crate) end: &'static str,
    /// How it is shown.
    pub(crate) proof: Proof,
    /// Why a part of the row or its end is not kept, whatever comes out; empty where all is.
    pub(crate) unmet: &'static str,
    /// What a reader must know to read the line right.
    pub(crate) note: &'static str,
}

impl Row {
    const fn new(
        number: u32,
        fault: &'static str,
        deadlines: &'static [Deadline],
        end: &'static str,
        make: fn(&mut Dice) -> Trial,
    ) -> Self {
        Self { number, fault, deadlines, end, proof: Proof::Run(make), unmet: "", note: "" }
    }

    const fn check(
        number: u32,
        fault: &'static str,
        end: &'static str,
        check: fn(&mut Dice) -> Result<(), String>,
    ) -> Self {
        Self { number, fault, deadlines: &[], end, proof: Proof::Check(check), unmet: "", note: "" }
    }

    const fn unmet(self, unmet: &'static str) -> Self {
        Self { unmet, ..self }
    }

    const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

const fn within(what: &'static str, ms: u64) -> Deadline {
    Deadline::new(what, ms)
}

/// All of them, in the catalogue's order.
pub(crate) const CATALOGUE: &[Row] = &[
    Row::new(1, "brain stalls", &[within("DEG", 100), within("CS", 500)], "hold", brain::stalls),
    Row::new(
        2,
        "brain killed, and started again 2 s later",
        &[within("DEG", 100), within("CS", 500)],
        "hold",
        brain::dies,
    ),
    Row::new(3, "NaN or Inf in one plan", &[within("REJ", 1)], "same", brain::one_is_not_finite),
    Row::new(3, "NaN or Inf in each plan", &[within("CS", 50)], "hold", brain::none_is_finite),
    Row::new(
        4,
        "wrong shape of each plan",
        &[within("REJ", 1), within("DEG", 100)],
        "stand",
        brain::shape_is_wrong,
    ),
    Row::new(5, "first steps of each plan past", &[within("CL", 1)], "same", brain::prefix_is_past),
    Row::new(
        5,
        "each plan too late",
        &[within("REJ", 1), within("DEG", 100)],
        "stand",
        brain::comes_too_late,
    ),
    Row::new(6, "jump between two plans", &[within("CL", 1)], "same", brain::one_jumps),
    Row::new(6, "jump in each plan", &[within("DEG", 50)], "slow", brain::all_jump),
    Row::new(7, "old or reordered plan", &[within("REJ", 1)], "same", brain::is_old),
    Row::new(
        8,
        "plan outside the speed limits",
        &[within("CL", 1)],
        "same",
        brain::asks_for_too_much,
    ),
    Row::new(
        8,
        "joint target outside its limits, below 0.1 s",
        &[within("CL", 1)],
        "same",
        brain::joint_leaves_briefly,
    ),
    Row::new(
        8,
        "joint target outside its limits for 0.2 s and more",
        &[within("CS", 1)],
        "hold",
        brain::joint_leaves,
    ),
    Row::new(
        9,
        "oscillating policy",
        &[within("DEG", 250), within("SIT", 1_000)],
        "sit",
        brain::oscillates,
    ),
    Row::new(10, "frozen output", &[within("DEG", 1_000)], "stand", brain::freezes),
    Row::check(11, "wrong model", "disarmed", files::wrong_model),
    Row::new(12, "inference overruns by 1 to 2 s", &[within("DEG", 100)], "stand", brain::overruns),
    Row::new(29, "one tick missed", &[within("HL", 1)], "same", cycle::one_overrun),
    Row::new(30, "three ticks missed", &[within("DEG", 5)], "hold", cycle::three_overruns),
    Row::new(30, "twenty ticks missed", &[within("CS", 20)], "hold", cycle::twenty_overruns),
    Row::new(31, "controller hangs", &[within("CS", 10)], "hold", cycle::controller_hangs)
        .unmet("a body without a controller cannot hold: its drives damp"),
    Row::check(33, "wall clock steps", "same", files::wall_clock),
    Row::new(
        36,
        "NaN or Inf in one command",
        &[within("REJ", 1)],
        "same",
        cycle::one_command_is_not_finite,
    ),
    Row::new(
        36,
        "NaN or Inf in 3 to 8 commands",
        &[within("CS", 20)],
        "hold",
        cycle::commands_are_not_finite,
    ),
    Row::new(
        36,
        "NaN or Inf in every command",
        &[within("CS", 20)],
        "hold",
        cycle::no_command_is_finite,
    ),
    Row::new(
        36,
        "NaN or Inf in the estimate",
        &[within("CS", 20)],
        "hold",
        cycle::estimate_is_not_finite,
    ),
    Row::new(
        37,
        "estimator diverges",
        &[within("DEG", 50), within("SIT", 500)],
        "sit",
        cycle::estimator_diverges,
    ),
    Row::new(38, "inertial unit silent", &[within("SIT", 20)], "sit", body::imu_is_silent),
    Row::new(38, "inertial unit stuck", &[within("SIT", 20)], "sit", body::imu_is_stuck),
    Row::new(38, "inertial unit saturated", &[within("SIT", 20)], "sit", body::imu_is_saturated),
    Row::new(
        39,
        "no force problem has a solution",
        &[within("HL", 1), within("SIT", 50)],
        "sit",
        cycle::forces_fail,
    ),
    Row::new(40, "slip", &[within("DEG", 50)], "stand", body::slips),
    Row::new(41, "one joint driver silent", &[within("DEG", 5)], "sit", joints::one_is_silent),
    Row::new(41, "two joint drivers silent", &[within("SIT", 50)], "sit", joints::two_are_silent),
    Row::new(42, "joint stuck", &[within("SIT", 150)], "sit", joints::is_stuck),
    Row::new(43, "wrong sign of a motor", &[within("DMP", 50)], "damped", joints::turns_wrong),
    Row::new(44, "encoder jumps once", &[within("REJ", 1)], "same", joints::reading_jumps),
    Row::new(44, "encoder jumps and stays", &[within("DMP", 5)], "damped", joints::readings_jump),
    Row::new(
        45,
        "encoders disagree",
        &[within("DEG", 50), within("SIT", 500)],
        "sit",
        joints::encoder_slips,
    ),
    Row::new(
        46,
        "winding too hot",
        &[within("DEG", 100), within("SIT", 2_000)],
        "sit",
        joints::is_hot,
    ),
    Row::new(
        47,
        "supply below what the drives need",
        &[within("DEG", 50), within("SIT", 200)],
        "sit",
        body::supply_sinks,
    ),
    Row::new(50, "drive gives too little torque", &[within("SIT", 100)], "sit", joints::is_weak),
    Row::new(
        58,
        "supervising session lost",
        &[
            within("DEG", 500).but(
                1_001,
                "a sign of life is due every 330 ms and its loss is told after 400 ms, but the \
                 robot only slows down when it stands, 1 s after the last one",
            ),
            within("CS", 1_000),
            within("SIT", 30_000),
        ],
        "sit",
        operator::supervisor_is_lost,
    ),
    Row::new(
        58,
        "link to the stick lost",
        &[within("DEG", 200), within("CS", 1_000), within("SIT", 30_000)],
        "sit",
        operator::stick_is_lost,
    ),
    Row::new(
        59,
        "stop pressed",
        &[within("CS", 2), within("still", 4_000)],
        "sit",
        operator::stop_is_pressed,
    )
    .note("the catalogue's \"still\" is 500 ms or the time of the profile: settle_timeout_s"),
    Row::new(59, "cut pressed", &[within("STO", 2)], "off", operator::cut_is_pressed),
    Row::new(
        60,
        "stop device silent",
        &[within("CS", 500)],
        "sit",
        operator::stop_device_is_silent,
    ),
    Row::new(61, "second session plans", &[within("REJ", 1)], "same", operator::second_operator),
    Row::new(61, "second person takes over", &[within("REJ", 1)], "same", operator::second_person),
    Row::new(62, "lease ends", &[within("DEG", 500)], "stand", operator::lease_ends),
    Row::new(63, "storm of plans", &[within("REJ", 1)], "same", operator::plans_storm),
    Row::new(63, "storm of acts with a stop", &[within("CS", 2)], "sit", operator::acts_storm),
    Row::new(
        64,
        "reset while the fault persists",
        &[within("REJ", 1)],
        "sit",
        operator::reset_too_early,
    ),
    Row::new(
        65,
        "person in the outer zone",
        &[within("CL", 100)],
        "slow",
        surroundings::person_comes,
    ),
    Row::new(
        65,
        "person in the inner zone",
        &[within("CS", 100)],
        "hold",
        surroundings::person_is_near,
    ),
    Row::new(
        66,
        "person sensor silent",
        &[within("DEG", 200)],
        "slow",
        surroundings::people_are_not_seen,
    ),
    Row::new(67, "collision", &[within("DEG", 10)], "hold", surroundings::collides),
    Row::new(68, "push it can take", &[], "same", surroundings::is_pushed),
    Row::new(
        69,
        "fall that nothing can stop",
        &[within("DMP", 20)],
        "damped",
        surroundings::is_thrown,
    ),
    Row::new(70, "fallen", &[within("DMP", 200)], "off", surroundings::has_fallen),
    Row::new(71, "lifted", &[within("CS", 200)], "damped", surroundings::is_lifted),
    Row::new(72, "walks to the border", &[], "same", surroundings::walks_to_the_border),
    Row::new(72, "outside the border", &[within("CS", 200)], "hold", surroundings::is_outside),
    Row::check(77, "unsafe number or combination in a file", "disarmed", files::unsafe_config),
];
