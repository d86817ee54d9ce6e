//! A walk on the board in the emulator, up to and beyond the failure.

use std::time::Duration;

use body::Body;
use cerebellum::{Cerebellum, InlineForcePlanner};
use governor::{Governor, HabitRule, Profile};
use model::Robot;
use signals::{
    BaseVelocity, Cycle, DriveReading, Instant, Level, MetresPerSecond, ModelHash, Operator,
    OperatorAct, Plan, PlanRequest, RadiansPerSecond, VelocityChunk,
};
use sim::{SimBody, Yard};

use crate::wire::WiredBoard;

/// The tick in which a person starts the robot.
const START: u64 = 100;
const PLAN_EVERY: u64 = 100;
/// Speed of the walk, m/s.
const SPEED: f32 = 0.4;

/// Body, controllers and governor of one walk.
pub(crate) struct Walk {
    body: SimBody,
    cerebellum: Cerebellum,
    governor: Governor,
    number: u64,
}

/// The host's side after a tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Host {
    pub(crate) level: Level,
    pub(crate) drives: DriveReading,
    pub(crate) height: f32,
    pub(crate) fallen: bool,
}

impl Walk {
    pub(crate) fn new(robot: &Robot, board: WiredBoard) -> Self {
        let envelope = governor::Envelope::new(&robot.limits).expect("sound limits");
        // Without an opinion on how a planner behaves: here nobody listens to one.
        let profile = Profile { habits: HabitRule::default(), ..runtime::wiring::profile(robot) };
        let forces = InlineForcePlanner::new(Cerebellum::force_settings(robot));
        let body = SimBody::with_board(robot, &Yard::empty(), 1, Box::new(board));
        Self {
            body: body.expect("a body"),
            cerebellum: Cerebellum::new(robot, Box::new(forces)),
            governor: Governor::new(envelope, profile),
            number: 0,
        }
    }

    pub(crate) fn turn(&mut self) -> Host {
        let Self { body, cerebellum, governor, number, .. } = self;
        let now = Instant::from_nanos(*number * 1_000_000);
        let cycle = Cycle { number: *number, now, period: Duration::from_millis(1) };
        let frame = body.sense(&cycle);
        let state = cerebellum.estimate(&cycle, &frame);
        let asked = number.is_multiple_of(PLAN_EVERY).then(|| plan(*number, now));
        let act = (*number == START).then_some(OperatorAct::Start);
        let operator = Operator { supervisor: Some(now), ..Operator::local(act) };
        let ruling = governor.rule(&cycle, &frame, &state, asked.as_ref(), &operator);
        let wanted = cerebellum.control(&cycle, &state, &ruling);
        body.apply(governor.vet(&cycle, &state, wanted));
        while governor.next_record().is_some() {}
        *number += 1;
        let truth = body.truth();
        Host {
            level: ruling.level,
            drives: frame.drives.unwrap_or_default(),
            height: truth.position[2].0,
            fallen: truth.fallen,
        }
    }
}

fn plan(tick: u64, now: Instant) -> Plan {
    let velocity = BaseVelocity {
        forward: MetresPerSecond(SPEED),
        left: MetresPerSecond(0.0),
        yaw: RadiansPerSecond(0.0),
    };
    let step = Duration::from_millis(100);
    Plan {
        sequence: tick,
        observed_at: now,
        valid_until: now + Duration::from_millis(800),
        epoch: 1,
        model: ModelHash::default(),
        request: PlanRequest::Velocity(VelocityChunk::constant(velocity, step, 8)),
    }
}
