//! From a line to everything one cycle is given: what the line leaves out is filled in here, and
//! what stays in force from earlier lines is remembered.

use std::time::Duration;

use model::Robot;
use signals::{
    BaseVelocity, BodyCommand, BodyState, Celsius, Cycle, Damping, Feet, FootReading, ImuReading,
    Instant, JointCommand, JointId, JointReading, JointState, Joints, LidarScan, Metres,
    MetresPerSecond, MetresPerSecondSquared, NewtonMetres, Newtons, Operator, PersonReading, Plan,
    PlanRequest, Posture, Quaternion, Radians, RadiansPerSecond, Ruling, SensorFrame, Stick,
    Stiffness, SupplyReading, VelocityChunk, Volts,
};

use super::json::{Fault, Read};
use super::line::{Devices, Line, Names, Nanos, Request, StickReading, Until};

/// Specific force at rest, m/s^2.
const GRAVITY: f32 = 9.81;

/// What is fixed for the whole stream: numbers of the robot and of the governor's profile.
#[derive(Clone, Debug)]
pub(super) struct Fixed {
    pub(super) names: Names,
    pub(super) period: Duration,
    /// Longest validity of a command and of a plan.
    pub(super) command_validity: Duration,
    pub(super) plan_validity: Duration,
    stand_height: f32,
    weight_per_foot: f32,
    lidar_range: f32,
}

impl Fixed {
    pub(super) fn new(robot: &Robot, profile: &governor::Profile, period: Duration) -> Self {
        let feet: Vec<String> = robot.feet.iter().map(|foot| foot.name.clone()).collect();
        let weight = robot.model.mass() as f32 * GRAVITY;
        Self {
            weight_per_foot: weight / feet.len().max(1) as f32,
            names: Names { joints: robot.joint_names().map(str::to_owned).collect(), feet },
            period,
            command_validity: profile.command_validity,
            plan_validity: profile.plan_validity_max,
            stand_height: robot.stand.base_height as f32,
            lidar_range: robot.file.sim.lidar_range_m as f32,
        }
    }
}

/// The governor's clock and count of cycles, as seen from the lines: they differ when cycles went
/// before the first line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shift {
    pub(super) nanos: i128,
    pub(super) cycles: i128,
}

impl Shift {
    fn inward(self, at: Instant) -> Instant {
        Instant::from_nanos(saturated(i128::from(at.as_nanos()) + self.nanos))
    }

    pub(super) fn outward(self, at: Instant) -> i128 {
        i128::from(at.as_nanos()) - self.nanos
    }

    fn cycle_inward(self, number: u64) -> u64 {
        saturated(i128::from(number) + self.cycles)
    }

    pub(super) fn cycle_outward(self, number: u64) -> i128 {
        i128::from(number) - self.cycles
    }
}

fn saturated(number: i128) -> u64 {
    u64::try_from(number.max(0)).unwrap_or(u64::MAX)
}

/// What stays in force until another line says otherwise. All times are those of the lines.
#[derive(Debug, Default)]
pub(super) struct Memory {
    plan: Option<Plan>,
    sequence: u64,
    lidar: Option<LidarScan>,
    person: Option<PersonReading>,
    supply: Option<SupplyReading>,
    devices: Devices,
    /// Somebody watches, as long as no line says who.
    attended: bool,
}

impl Memory {
    pub(super) fn new(attended: bool) -> Self {
        Self { attended, ..Self::default() }
    }

    /// Takes a person's devices in. Acts wait for the next proposal, one at most.
    pub(super) fn press(&mut self, new: Devices) -> Read<()> {
        let kept = &mut self.devices;
        if new.act.is_some() && kept.act.is_some() {
            let rule = "an act is already waiting for the next proposal";
            return Err(Fault::new(0, rule, "send one act for each proposal"));
        }
        kept.stop = new.stop.or(kept.stop);
        kept.cut = new.cut.or(kept.cut);
        kept.act = new.act.or(kept.act);
        kept.role = new.role.or(kept.role);
        kept.supervisor = new.supervisor.or(kept.supervisor);
        if new.stick.is_some() {
            kept.stick = new.stick;
        }
        Ok(())
    }

    /// Takes in what the line says of the surroundings.
    pub(super) fn perceive(&mut self, line: &mut Line, time: Nanos, fixed: &Fixed) {
        let at = |at: Option<Nanos>| Instant::from_nanos(at.unwrap_or(time));
        if let Some(lidar) = line.lidar.take() {
            self.lidar = lidar.map(|lidar| LidarScan {
                ranges: lidar.ranges.map(Metres),
                range_max: Metres(lidar.range_max.unwrap_or(fixed.lidar_range)),
                at: at(lidar.at),
            });
        }
        if let Some(person) = line.person.take() {
            self.person = person.map(|person| PersonReading {
                distance: Metres(person.distance),
                approach: person.approach.map(MetresPerSecond),
                at: at(person.at),
            });
        }
        if let Some(supply) = line.supply.take() {
            self.supply = supply.map(|supply| SupplyReading {
                voltage: Volts(supply.voltage),
                charge: supply.charge,
                at: at(supply.at),
            });
        }
    }

    /// Takes the line's plan in, if it brings one; without an epoch it counts as made under the
    /// lease in force.
    pub(super) fn plan(&mut self, line: &mut Line, time: Nanos, fixed: &Fixed, ruling: &Ruling) {
        let Some(asked) = line.plan.take() else { return };
        self.plan = asked.map(|asked| {
            let observed_at = Instant::from_nanos(asked.observed_at.unwrap_or(time));
            let sequence = asked.sequence.unwrap_or(self.sequence.saturating_add(1));
            self.sequence = sequence;
            Plan {
                sequence,
                epoch: asked.epoch.unwrap_or(ruling.epoch),
                observed_at,
                valid_until: until(asked.valid, observed_at, fixed.plan_validity),
                model: asked.model.unwrap_or_default(),
                request: wish(&asked, fixed),
            }
        });
    }

    /// The devices in the cycle of this line; its act is used up by it.
    fn operator(&mut self, time: Nanos, shift: Shift) -> Operator {
        let kept = &mut self.devices;
        let stick = kept.stick.as_mut().and_then(Option::as_mut).map(|stick| {
            let StickReading { velocity, held, at } = stick;
            let at = Instant::from_nanos(*at.get_or_insert(time));
            Stick { velocity: *velocity, held: *held, at: shift.inward(at) }
        });
        let unsaid = self.attended.then_some(time);
        let supervisor = kept.supervisor.unwrap_or(unsaid).map(Instant::from_nanos);
        Operator {
            stop: kept.stop.unwrap_or_default(),
            cut: kept.cut.unwrap_or_default(),
            act: kept.act.take(),
            role: kept.role.take().unwrap_or_default(),
            stick,
            supervisor: supervisor.map(|at| shift.inward(at)),
        }
    }
}

fn until(asked: Option<Until>, from: Instant, without: Duration) -> Instant {
    match asked {
        Some(Until::At(at)) => Instant::from_nanos(at),
        Some(Until::For(span)) => from + Duration::from_nanos(span),
        None => from + without,
    }
}

fn wish(asked: &Request, fixed: &Fixed) -> PlanRequest {
    if let Some(steps) = &asked.steps {
        let step = asked.step.unwrap_or(Duration::from_millis(100));
        let (len, velocities) = (steps.len, steps.velocities);
        return PlanRequest::Velocity(VelocityChunk { step, len, velocities });
    }
    if let Some(goal) = asked.posture {
        return PlanRequest::Posture(goal);
    }
    // One velocity is due for as long as a plan may be.
    asked.velocity.map_or(PlanRequest::Hold, |velocity: BaseVelocity| {
        let step = asked.step.unwrap_or(fixed.plan_validity);
        PlanRequest::Velocity(VelocityChunk::constant(velocity, step, 1))
    })
}

/// What the verdict before has left behind.
#[derive(Clone, Copy, Debug)]
pub(super) struct Before {
    pub(super) ruling: Ruling,
    pub(super) vetted: BodyCommand,
    /// Verdicts so far.
    pub(super) count: u64,
}

/// Everything one cycle is given.
#[derive(Debug)]
pub(super) struct Inputs {
    pub(super) cycle: Cycle,
    pub(super) frame: SensorFrame,
    pub(super) state: BodyState,
    pub(super) plan: Option<Plan>,
    pub(super) operator: Operator,
    pub(super) wanted: BodyCommand,
}

/// A proposal whose required keys are all there.
#[derive(Debug)]
pub(super) struct Proposal<'l> {
    pub(super) line: &'l Line,
    pub(super) time: Nanos,
    pub(super) number: u64,
    pub(super) q: Joints<f32>,
    pub(super) dq: Joints<f32>,
}

impl Proposal<'_> {
    /// What the body is taken to have measured. A reading that is made up here changes its last bit
    /// from line to line, so that it does not look like a frozen sensor.
    pub(super) fn frame(
        &self,
        fixed: &Fixed,
        memory: &Memory,
        before: &Before,
        shift: Shift,
    ) -> SensorFrame {
        let line = self.line;
        let inward = |nanos: Nanos| shift.inward(Instant::from_nanos(nanos));
        let joint = |id: JointId| {
            let measured = JointState { q: Radians(self.q[id]), dq: RadiansPerSecond(self.dq[id]) };
            // Without a measured torque the drives are taken to do what they were told.
            let told = || before.vetted.joints[id].torque(measured);
            let tau = line.tau.as_ref().map_or_else(told, |tau| NewtonMetres(tau[id]));
            JointReading {
                q: measured.q,
                dq: measured.dq,
                tau,
                temperature: Celsius(line.temperature.as_ref().map_or(0.0, |all| all[id])),
                at: inward(line.measured_at.as_ref().map_or(self.time, |all| all[id])),
            }
        };
        let at = |at: &Instant| shift.inward(*at);
        SensorFrame {
            joints: Joints::from_fn(fixed.names.joints.len(), joint),
            imu: self.imu(before, inward),
            feet: self.feet(fixed, inward),
            lidar: memory.lidar.map(|scan| LidarScan { at: at(&scan.at), ..scan }),
            person: memory.person.map(|seen| PersonReading { at: at(&seen.at), ..seen }),
            supply: memory.supply.map(|supply| SupplyReading { at: at(&supply.at), ..supply }),
            drives: None,
        }
    }

    fn imu(&self, before: &Before, inward: impl Fn(Nanos) -> Instant) -> ImuReading {
        let given = self.line.imu.as_ref();
        let state = self.line.state.as_ref();
        let turning = state.and_then(|state| state.angular_velocity).unwrap_or_default();
        let angular_velocity = given.and_then(|imu| imu.angular_velocity).unwrap_or(turning);
        let force = given.and_then(|imu| imu.specific_force).unwrap_or_else(|| {
            let attitude = state.and_then(|state| state.attitude).map(quaternion);
            let up = up_in_base(attitude.filter(|q| q.is_unit()).unwrap_or_default());
            up.map(|part| flickering(part * GRAVITY, before.count))
        });
        ImuReading {
            angular_velocity: angular_velocity.map(RadiansPerSecond),
            specific_force: force.map(MetresPerSecondSquared),
            at: inward(given.and_then(|imu| imu.at).unwrap_or(self.time)),
        }
    }

    fn feet(&self, fixed: &Fixed, inward: impl Fn(Nanos) -> Instant) -> Feet<FootReading> {
        let given = self.line.feet.as_ref();
        Feet::from_fn(fixed.names.feet.len(), |foot| {
            let force = given.and_then(|feet| feet.force.as_ref()).map(|all| all[foot]);
            let at = given.and_then(|feet| feet.at.as_ref()).map_or(self.time, |all| all[foot]);
            let force = Newtons(force.unwrap_or(fixed.weight_per_foot));
            FootReading { force, at: inward(at) }
        })
    }

    /// Where the robot is taken to be; without a word of it: upright, in place, at what is
    /// measured.
    pub(super) fn state(&self, fixed: &Fixed, shift: Shift) -> BodyState {
        let given = self.line.state.as_ref();
        let of = |triple: Option<[f32; 3]>| triple.unwrap_or_default();
        let (q, dq) = given.map_or((None, None), |state| (state.q.as_ref(), state.dq.as_ref()));
        let joint = |id: JointId| JointState {
            q: Radians(q.map_or(self.q[id], |q| q[id])),
            dq: RadiansPerSecond(dq.map_or(self.dq[id], |dq| dq[id])),
        };
        let at = given.and_then(|state| state.at).unwrap_or(self.time);
        let position = given.and_then(|state| state.position);
        BodyState {
            at: shift.inward(Instant::from_nanos(at)),
            position: position.unwrap_or([0.0, 0.0, fixed.stand_height]).map(Metres),
            attitude: given.and_then(|state| state.attitude).map(quaternion).unwrap_or_default(),
            velocity: of(given.and_then(|state| state.velocity)).map(MetresPerSecond),
            angular_velocity: of(given.and_then(|state| state.angular_velocity))
                .map(RadiansPerSecond),
            joints: Joints::from_fn(fixed.names.joints.len(), joint),
            contact: given
                .and_then(|state| state.contact)
                .unwrap_or_else(|| Feet::filled(1.0, fixed.names.feet.len())),
            posture: given.and_then(|state| state.posture).unwrap_or(Posture::Standing),
            valid: given.and_then(|state| state.valid).unwrap_or(true),
        }
    }

    /// What is wanted of the joints; what is left out asks for nothing.
    fn wanted(&self, fixed: &Fixed, shift: Shift) -> BodyCommand {
        let given = self.line.wanted.as_ref();
        let joint = |id: JointId| {
            let part = |part: Option<&Joints<Option<f32>>>| part.and_then(|all| all[id]);
            let Some(given) = given else { return JointCommand { q: Radians(self.q[id]), ..LIMP } };
            JointCommand {
                q: Radians(part(given.q.as_ref()).unwrap_or(self.q[id])),
                dq: RadiansPerSecond(part(given.dq.as_ref()).unwrap_or_default()),
                kp: Stiffness(part(given.kp.as_ref()).unwrap_or_default()),
                kd: Damping(part(given.kd.as_ref()).unwrap_or_default()),
                tau: NewtonMetres(part(given.tau.as_ref()).unwrap_or_default()),
            }
        };
        let now = Instant::from_nanos(self.time);
        BodyCommand {
            joints: Joints::from_fn(fixed.names.joints.len(), joint),
            valid_until: shift.inward(until(self.line.valid, now, fixed.command_validity)),
        }
    }

    /// Everything the cycle of this line is given.
    pub(super) fn inputs(
        &self,
        fixed: &Fixed,
        memory: &mut Memory,
        before: &Before,
        shift: Shift,
    ) -> Inputs {
        let now = shift.inward(Instant::from_nanos(self.time));
        Inputs {
            cycle: Cycle { number: shift.cycle_inward(self.number), now, period: fixed.period },
            frame: self.frame(fixed, memory, before, shift),
            state: self.state(fixed, shift),
            plan: memory.plan.map(|plan| Plan {
                observed_at: shift.inward(plan.observed_at),
                valid_until: shift.inward(plan.valid_until),
                ..plan
            }),
            operator: memory.operator(self.time, shift),
            wanted: self.wanted(fixed, shift),
        }
    }
}

const LIMP: JointCommand = JointCommand::LIMP;

const fn quaternion([w, x, y, z]: [f32; 4]) -> Quaternion {
    Quaternion { w, x, y, z }
}

/// The world's vertical in base coordinates.
fn up_in_base(Quaternion { w, x, y, z }: Quaternion) -> [f32; 3] {
    [2.0 * (x * z - w * y), 2.0 * (y * z + w * x), 1.0 - 2.0 * (x * x + y * y)]
}

/// The same number with its last bit going to and fro.
pub(super) fn flickering(number: f32, count: u64) -> f32 {
    if number.is_finite() { f32::from_bits(number.to_bits() ^ (count as u32 & 1)) } else { number }
}
