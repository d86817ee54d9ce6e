//! The rows of the fault catalogue that concern brain, controller, governor, operator and the
//! simulated body, with their deadlines.

use crate::fault::{Dice, End, Trial};
use crate::rows::{body, brain, cycle, files, joints, operator, surroundings};

/// How a row is shown.
#[derive(Clone, Copy)]
pub(crate) enum Proof {
    /// By a run of the whole loop for each seed.
    Run(fn(&mut Dice) -> Trial),
    /// By a check that needs no robot: what was refused or shown, or what was wrong.
    Check(fn(&mut Dice) -> Result<(), String>),
}

/// A reaction this late does not come at all.
pub(crate) const NEVER: u64 = u64::MAX;

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

    /// What is kept, ms.
    pub(crate) fn allowed(&self) -> u64 {
        self.unmet.map_or(self.ms, |(ms, _)| ms.max(self.ms))
    }

    /// It need not come at all.
    pub(crate) fn may_stay_away(&self) -> bool {
        self.allowed() == NEVER
    }

    /// Nothing of the kind happens, because of `why`.
    const fn never(self, why: &'static str) -> Self {
        self.but(NEVER, why)
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
    pub(crate) end: End,
    /// How it is shown.
    pub(crate) proof: Proof,
    /// Why a part of the row or its end is not kept, whatever comes out; empty where all is.
    pub(crate) unmet: &'static str,
    /// Why the robot may keep more freedom than the end of the catalogue leaves it; empty where it
    /// may not.
    pub(crate) freer: &'static str,
    /// What a reader must know to read the line right.
    pub(crate) note: &'static str,
}

impl Row {
    const fn new(
        number: u32,
        fault: &'static str,
        deadlines: &'static [Deadline],
        end: End,
        make: fn(&mut Dice) -> Trial,
    ) -> Self {
        let proof = Proof::Run(make);
        Self { number, fault, deadlines, end, proof, unmet: "", freer: "", note: "" }
    }

    const fn check(
        number: u32,
        fault: &'static str,
        end: End,
        check: fn(&mut Dice) -> Result<(), String>,
    ) -> Self {
        let proof = Proof::Check(check);
        Self { number, fault, deadlines: &[], end, proof, unmet: "", freer: "", note: "" }
    }

    const fn unmet(self, unmet: &'static str) -> Self {
        Self { unmet, ..self }
    }

    const fn freer(self, freer: &'static str) -> Self {
        Self { freer, ..self }
    }

    const fn note(self, note: &'static str) -> Self {
        Self { note, ..self }
    }
}

const fn within(what: &'static str, ms: u64) -> Deadline {
    Deadline::new(what, ms)
}

/// DEG within 100 ms of the time the next plan was due, or as it is.
const SILENCE: Deadline = within("DEG", 100).but(
    110,
    "the brain takes 20 to 120 ms for a plan, and even the slowest must not count as silence: that \
     is told 325 ms after what the last plan was made of was seen, which may be 107 ms after the \
     next was due",
);

const SLOWS: &str = "LIMITED only caps the speed, and clears by itself when its cause is gone";

const REAL_TIME: &str = "with the numbers for a real-time kernel; the quadruped's file waits for 8 \
                         and 60 ticks, because desktop machines stall";

const PEOPLE: &str =
    "with the rule for people that a deployment adds: the quadruped's file has none";

const FENCE: &str = "with the fence that a deployment adds: the quadruped's file has none";

/// All of them, in the catalogue's order.
pub(crate) const CATALOGUE: &[Row] = &[
    Row::new(1, "brain stalls", &[SILENCE, within("CS", 500)], End::Hold, brain::stalls),
    Row::new(
        2,
        "brain killed, and started again 2 s later",
        &[SILENCE, within("CS", 500)],
        End::Hold,
        brain::dies,
    ),
    Row::new(3, "NaN or Inf in one plan", &[within("REJ", 1)], End::Same, brain::one_is_not_finite),
    Row::new(3, "NaN or Inf in each plan", &[within("CS", 50)], End::Hold, brain::none_is_finite),
    Row::new(
        4,
        "wrong shape of each plan",
        &[within("REJ", 1), within("DEG", 100)],
        End::Stand,
        brain::shape_is_wrong,
    ),
    Row::new(
        5,
        "first steps of each plan past",
        &[within("CL", 1)],
        End::Same,
        brain::prefix_is_past,
    ),
    Row::new(
        5,
        "each plan too late",
        &[within("REJ", 1), within("DEG", 100)],
        End::Stand,
        brain::comes_too_late,
    ),
    Row::new(6, "jump between two plans", &[within("CL", 1)], End::Same, brain::one_jumps),
    Row::new(6, "jump in each plan", &[within("DEG", 50)], End::Slow, brain::all_jump),
    Row::new(7, "old or reordered plan", &[within("REJ", 1)], End::Same, brain::is_old),
    Row::new(
        8,
        "plan outside the speed limits",
        &[within("CL", 1)],
        End::Same,
        brain::asks_for_too_much,
    ),
    Row::new(
        8,
        "joint target outside its limits, below 0.1 s",
        &[within("CL", 1)],
        End::Same,
        brain::joint_leaves_briefly,
    ),
    Row::new(
        8,
        "joint target outside its limits for 0.2 s and more",
        &[within("CS", 1)],
        End::Hold,
        brain::joint_leaves,
    )
    .unmet(
        "it is the controller that brings the robot to a hold, and while it keeps one joint at the \
         end of its range the robot may drift, and be lowered, or fall",
    ),
    Row::new(
        9,
        "oscillating policy",
        &[
            within("DEG", 250).but(
                320,
                "a swing shows in the third plan, and with the brain's latency three plans may \
                 take 300 ms",
            ),
            within("SIT", 1_000),
        ],
        End::Sit,
        brain::oscillates,
    ),
    Row::new(10, "frozen output", &[within("DEG", 1_000)], End::Stand, brain::freezes).freer(SLOWS),
    Row::check(11, "wrong model", End::Disarmed, files::wrong_model),
    Row::new(12, "inference overruns by 1 to 2 s", &[SILENCE], End::Stand, brain::overruns),
    Row::new(
        13,
        "forbidden skill asked for",
        &[within("REJ", 1)],
        End::Same,
        brain::asks_for_a_forbidden_skill,
    )
    .note("a robot that may only walk ahead and turn: the quadruped's file permits all"),
    Row::new(29, "one tick missed", &[within("HL", 1)], End::Same, cycle::one_overrun),
    Row::new(30, "three ticks missed", &[within("DEG", 5)], End::Hold, cycle::three_overruns)
        .freer(SLOWS)
        .note(REAL_TIME),
    Row::new(30, "twenty ticks missed", &[within("CS", 20)], End::Hold, cycle::twenty_overruns)
        .note(REAL_TIME),
    Row::new(31, "controller hangs", &[within("CS", 10)], End::Hold, cycle::controller_hangs)
        .unmet("a body without a controller cannot hold: its drives damp"),
    Row::check(33, "wall clock steps", End::Same, files::wall_clock).unmet(
        "nothing in the loop reads the wall clock, so that its steps change nothing, and are not \
         logged within 1 s either",
    ),
    Row::new(
        36,
        "NaN or Inf in one command",
        &[within("REJ", 1)],
        End::Same,
        cycle::one_command_is_not_finite,
    ),
    Row::new(
        36,
        "NaN or Inf in 3 to 8 commands",
        &[within("CS", 20)],
        End::Hold,
        cycle::commands_are_not_finite,
    ),
    Row::new(
        36,
        "NaN or Inf in every command",
        &[within("CS", 20)],
        End::Hold,
        cycle::no_command_is_finite,
    ),
    Row::new(
        36,
        "NaN or Inf in one or two estimates",
        &[within("REJ", 1)],
        End::Same,
        cycle::estimate_is_not_finite_once,
    ),
    Row::new(
        36,
        "NaN or Inf in 3 to 12 estimates",
        &[within("CS", 20)],
        End::Hold,
        cycle::estimate_is_not_finite,
    )
    .note("a stop without an estimate is a damped one, and ends without torque"),
    Row::new(
        37,
        "estimator diverges",
        &[
            within("DEG", 50).but(
                350,
                "the slowest turns away by 57 deg a second, and less than 0.3 rad from the \
                 vertical is not told from the accelerations of a gait",
            ),
            within("SIT", 500).but(720, "the slowest is off by 0.3 rad only after 300 ms"),
        ],
        End::Sit,
        cycle::estimator_diverges,
    )
    .unmet(
        "an estimate that tilts by 35 deg counts as a fall: the joints are damped, and a robot in \
         the middle of a step may fall indeed",
    ),
    Row::new(38, "inertial unit silent", &[within("SIT", 20)], End::Sit, body::imu_is_silent),
    Row::new(38, "inertial unit stuck", &[within("SIT", 20)], End::Sit, body::imu_is_stuck),
    Row::new(38, "inertial unit saturated", &[within("SIT", 20)], End::Sit, body::imu_is_saturated),
    Row::new(
        39,
        "no solution for the forces, 5 times in a row",
        &[within("SIT", 5)],
        End::Sit,
        cycle::forces_fail,
    ),
    Row::new(
        40,
        "slip",
        &[within("DEG", 50).never(
            "no rule finds a slipping foot: the governor does not know how fast the feet are",
        )],
        End::Stand,
        body::slips,
    )
    .freer("what is not found is not answered")
    .note("ice: above a friction of 0.08 the feet of this gait hardly slip"),
    Row::new(41, "one joint driver silent", &[within("DEG", 5)], End::Sit, joints::one_is_silent),
    Row::new(
        41,
        "two joint drivers silent",
        &[within("SIT", 50)],
        End::Sit,
        joints::two_are_silent,
    ),
    Row::new(
        42,
        "joint stuck",
        &[within("SIT", 150).but(
            6_000,
            "only a swinging leg asks its joints to move: 60 ms of asking need a stride or two, \
             and a dozen of a calf that swings little",
        )],
        End::Sit,
        joints::is_stuck,
    )
    .unmet("a body that cannot bend one leg may roll over while it is lowered"),
    Row::new(
        43,
        "wrong sign of a motor",
        &[within("DMP", 50).but(
            2_000,
            "the sign shows when the joint runs away against its torque, which takes a standing \
             leg up to two seconds; 28 ms of that are counted, so that a blow is not taken for it",
        )],
        End::Damped,
        joints::turns_wrong,
    ),
    Row::new(44, "encoder jumps once", &[within("REJ", 1)], End::Same, joints::reading_jumps),
    Row::new(
        44,
        "encoder jumps and stays",
        &[within("DMP", 5)],
        End::Damped,
        joints::readings_jump,
    )
    .note(
        "eleven good joints lower the robot more gently than damping would. A reading that jumps \
         back is a second jump: for two ticks the drive then holds the joint where it was believed \
         to be, and only its own limits bound that torque",
    ),
    Row::new(
        45,
        "encoders disagree",
        &[within("DEG", 50), within("SIT", 500)],
        End::Sit,
        joints::encoder_slips,
    )
    .note(
        "the slip comes at once and shows as a jump: each joint has one encoder; one that slips \
         little by little is not tried",
    ),
    Row::new(
        46,
        "winding too hot",
        &[within("DEG", 100), within("SIT", 2_000)],
        End::Sit,
        joints::is_hot,
    ),
    Row::new(
        47,
        "supply below what the drives need",
        &[within("DEG", 50), within("SIT", 200)],
        End::Sit,
        body::supply_sinks,
    ),
    Row::new(
        50,
        "drive gives too little torque",
        &[within("SIT", 100).but(
            120,
            "50 ms are counted in looks 4 ms apart, and anew when one of them shows less",
        )],
        End::Sit,
        joints::is_weak,
    )
    .unmet("a robot without the torque of one knee may roll over while it is lowered"),
    Row::new(
        58,
        "supervising session lost",
        &[
            within("DEG", 500).but(
                1_001,
                "the times are those of clause O3: its loss is told after 400 ms, and the robot \
                 stands 1 s after the last sign of life without having slowed down before",
            ),
            within("CS", 1_000),
            within("SIT", 30_000),
        ],
        End::Sit,
        operator::supervisor_is_lost,
    ),
    Row::new(
        58,
        "link to the stick lost",
        &[within("DEG", 200), within("CS", 1_000), within("SIT", 30_000)],
        End::Sit,
        operator::stick_is_lost,
    ),
    Row::new(
        59,
        "stop pressed",
        &[within("CS", 2), within("still", 4_000)],
        End::Sit,
        operator::stop_is_pressed,
    )
    .note("the catalogue's \"still\" is 500 ms or the time of the profile: settle_timeout_s"),
    Row::new(59, "cut pressed", &[within("STO", 2)], End::Off, operator::cut_is_pressed),
    Row::new(
        60,
        "stop device silent",
        &[within("CS", 500)],
        End::Sit,
        operator::stop_device_is_silent,
    )
    .note(
        "the supervising session stands for the device, with times for one: the quadruped's file \
         gives a session 3 s",
    ),
    Row::new(61, "second session plans", &[within("REJ", 1)], End::Same, operator::second_operator),
    Row::new(
        61,
        "second person takes over",
        &[within("REJ", 1)],
        End::Same,
        operator::second_person,
    ),
    Row::new(62, "lease ends", &[within("DEG", 500)], End::Stand, operator::lease_ends),
    Row::new(63, "storm of plans", &[within("REJ", 1)], End::Same, operator::plans_storm).note(
        "four plans at once are let in; plans that contradict each other swing, too, and 7 swings \
         in a second settle the robot",
    ),
    Row::new(63, "storm of acts with a stop", &[within("CS", 2)], End::Sit, operator::acts_storm),
    Row::new(
        64,
        "reset while the fault persists",
        &[within("REJ", 1)],
        End::Sit,
        operator::reset_too_early,
    ),
    Row::new(
        65,
        "person in the outer zone",
        &[within("CL", 100)],
        End::Slow,
        surroundings::person_comes,
    )
    .note(PEOPLE),
    Row::new(
        65,
        "person in the inner zone",
        &[within("CS", 100)],
        End::Hold,
        surroundings::person_is_near,
    )
    .note(PEOPLE),
    Row::new(
        66,
        "person sensor silent",
        &[within("DEG", 200)],
        End::Slow,
        surroundings::people_are_not_seen,
    )
    .note(PEOPLE),
    Row::new(67, "collision", &[within("DEG", 20)], End::Hold, surroundings::collides).freer(SLOWS),
    Row::new(68, "push it can take", &[], End::Same, surroundings::is_pushed)
        .note("it steps, and walks on; the catalogue's \"stand\" is: on its feet"),
    Row::new(
        69,
        "fall that nothing can stop",
        &[within("DMP", 20)],
        End::Damped,
        surroundings::is_thrown,
    ),
    Row::new(70, "fallen", &[within("DMP", 200)], End::Off, surroundings::has_fallen),
    Row::new(71, "lifted", &[within("CS", 200)], End::Damped, surroundings::is_lifted),
    Row::new(72, "walks to the border", &[], End::Slow, surroundings::walks_to_the_border)
        .note(FENCE),
    Row::new(72, "outside the border", &[within("CS", 200)], End::Hold, surroundings::is_outside)
        .note(FENCE),
    Row::check(77, "unsafe number or combination in a file", End::Disarmed, files::unsafe_config)
        .note("refused by their values alone; the catalogue's 2 s of simulation are not run"),
];
