//! A robot that walks in the simulator, turned tick by tick: what the tests of locomotion, contact
//! and estimators and the example `locomotion` have in common.

use std::time::Duration;

use body::Body;
use cerebellum::{Cerebellum, ForcePlanner, InlineForcePlanner};
use governor::{Envelope, Governor, HabitRule, Profile};
use model::Robot;
use signals::{
    BaseVelocity, BodyState, Cycle, Instant, MetresPerSecond, ModelHash, Operator, OperatorAct,
    Plan, PlanRequest, RadiansPerSecond, SensorFrame, VelocityChunk,
};
use sim::{SimBody, Yard};

/// The tick in which a person starts the robot, and the ticks between two plans.
const START: u64 = 100;
const PLAN_EVERY: u64 = 100;

/// Body, controllers and governor of one walk.
pub(crate) struct Walker {
    pub(crate) body: SimBody,
    pub(crate) cerebellum: Cerebellum,
    pub(crate) governor: Governor,
}

impl Walker {
    /// The robot `real` in `yard` with the noise of `seed`, under controllers made for `known`.
    pub(crate) fn new(
        (known, real): (&Robot, &Robot),
        (yard, seed): (&Yard, u64),
        planner: Box<dyn ForcePlanner>,
        profile: Profile,
    ) -> Self {
        let envelope = Envelope::new(&known.limits).expect("sound limits");
        Self {
            body: SimBody::new(real, yard, seed).expect("a body"),
            cerebellum: Cerebellum::new(known, planner),
            governor: Governor::new(envelope, profile),
        }
    }

    /// Tick `number`: with a wish (forward m/s, left m/s, yaw rad/s) the brain asks for it from
    /// time to time; somebody watches, and presses stop or not.
    pub(crate) fn turn(
        &mut self,
        number: u64,
        wish: Option<[f32; 3]>,
        stop: bool,
    ) -> (SensorFrame, BodyState) {
        let Self { body, cerebellum, governor } = self;
        let now = Instant::from_nanos(number * 1_000_000);
        let cycle = Cycle { number, now, period: Duration::from_millis(1) };
        let frame = body.sense(&cycle);
        let state = cerebellum.estimate(&cycle, &frame);
        let due = wish.filter(|_| number.is_multiple_of(PLAN_EVERY));
        let asked = due.map(|wish| plan(number, now, wish));
        let act = (number == START).then_some(OperatorAct::Start);
        let operator = Operator { stop, supervisor: Some(now), ..Operator::local(act) };
        let ruling = governor.rule(&cycle, &frame, &state, asked.as_ref(), &operator);
        let wanted = cerebellum.control(&cycle, &state, &ruling);
        body.apply(governor.vet(&cycle, &state, wanted));
        while governor.next_record().is_some() {}
        (frame, state)
    }
}

/// The robot's profile without an opinion on how a planner behaves: what is seen is what stays when
/// a planner keeps on.
pub(crate) fn patient(robot: &Robot) -> Profile {
    Profile { habits: HabitRule::default(), ..runtime::wiring::profile(robot) }
}

/// Forces are planned in place.
pub(crate) fn inline(robot: &Robot) -> Box<dyn ForcePlanner> {
    Box::new(InlineForcePlanner::new(Cerebellum::force_settings(robot)))
}

fn plan(tick: u64, now: Instant, [forward, left, yaw]: [f32; 3]) -> Plan {
    let velocity = BaseVelocity {
        forward: MetresPerSecond(forward),
        left: MetresPerSecond(left),
        yaw: RadiansPerSecond(yaw),
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
