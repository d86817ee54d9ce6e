//! One turn of the loop as the journal keeps it: a fixed little-endian layout that says of itself
//! what it holds.

use signals::{
    BaseVelocity, Instant, JointId, Joints, Level, Metres, MetresPerSecond, Mode, NewtonMetres,
    Posture, Quaternion, Radians, RadiansPerSecond,
};

use crate::words;

/// One joint in one tick.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TickJoint {
    /// Position the controller wanted; NaN where it wanted none.
    pub wanted_q: Radians,
    /// Torque the controller wanted, in all (impedance and feed-forward).
    pub wanted_tau: NewtonMetres,
    /// Position the governor let through; NaN where there is none.
    pub vetted_q: Radians,
    /// Torque the governor let through.
    pub vetted_tau: NewtonMetres,
    /// Measured position.
    pub q: Radians,
    /// Measured velocity.
    pub dq: RadiansPerSecond,
    /// Measured torque.
    pub tau: NewtonMetres,
}

/// One turn of the loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tick {
    /// Number of the cycle.
    pub cycle: u64,
    /// When it was due.
    pub at: Instant,
    /// How late it began; zero on virtual time.
    pub lateness_ns: u32,
    /// Severity.
    pub level: Level,
    /// Kind of operation.
    pub mode: Mode,
    /// What the motion controller did.
    pub posture: Posture,
    /// What else was so; see the constants of [`Tick`].
    pub flags: u8,
    /// Estimated base position, odometry frame.
    pub position: [Metres; 3],
    /// Estimated base attitude.
    pub attitude: Quaternion,
    /// Estimated base velocity, base frame.
    pub velocity: [MetresPerSecond; 3],
    /// Where the base really was, world frame, if the body knows. Never read by the control loop.
    pub true_position: Option<[Metres; 3]>,
    /// What the plan asked for; absent without a plan.
    pub asked: Option<BaseVelocity>,
    /// What the governor admitted.
    pub admitted: BaseVelocity,
    /// What was measured, heading frame.
    pub measured: BaseVelocity,
    /// Sequence of the newest plan; 0 before the first.
    pub plan: u32,
    /// Ticks from the question it answers to its arrival.
    pub plan_latency: u32,
    /// The joints.
    pub joints: Joints<TickJoint>,
}

impl Default for Tick {
    fn default() -> Self {
        Self {
            cycle: 0,
            at: Instant::ZERO,
            lateness_ns: 0,
            level: Level::Nominal,
            mode: Mode::Off,
            posture: Posture::Limp,
            flags: 0,
            position: [Metres::ZERO; 3],
            attitude: Quaternion::IDENTITY,
            velocity: [MetresPerSecond::ZERO; 3],
            true_position: None,
            asked: None,
            admitted: BaseVelocity::ZERO,
            measured: BaseVelocity::ZERO,
            plan: 0,
            plan_latency: 0,
            joints: Joints::filled(TickJoint::default(), 0),
        }
    }
}

/// A field of the layout: name, byte offset, how many, type, unit.
type Field = (&'static str, usize, usize, &'static str, &'static str);

/// Bytes before the joints.
const HEAD: usize = 124;
/// Numbers a joint.
const OF_JOINT: usize = 7;
/// Bytes a joint.
const JOINT: usize = 4 * OF_JOINT;

const FIELDS: [Field; 17] = [
    ("cycle", 0, 1, "u64", ""),
    ("at", 8, 1, "u64", "ns"),
    ("lateness", 16, 1, "u32", "ns"),
    ("level", 20, 1, "u8", "0 NOMINAL to 9 FALLING"),
    ("mode", 21, 1, "u8", "0 OFF to 7 LOCKOUT"),
    ("posture", 22, 1, "u8", "0 limp to 7 moving"),
    ("flags", 23, 1, "u8", "bit 0 ticks skipped before, 1 plan used, 2 estimate not usable"),
    ("position", 24, 3, "f32", "m, odometry frame"),
    ("attitude", 36, 4, "f32", "quaternion w x y z"),
    ("velocity", 52, 3, "f32", "m/s, base frame"),
    ("true_position", 64, 3, "f32", "m, world frame; NaN where unknown"),
    ("asked", 76, 3, "f32", "forward m/s, left m/s, yaw rad/s; NaN without a plan"),
    ("admitted", 88, 3, "f32", "forward m/s, left m/s, yaw rad/s"),
    ("measured", 100, 3, "f32", "forward m/s, left m/s, yaw rad/s"),
    ("plan", 112, 1, "u32", "sequence of the newest plan; 0 before the first"),
    ("plan_latency", 116, 1, "u32", "ticks from its observation's question to its arrival"),
    ("joint_count", 120, 1, "u32", "then the joints, see joint_fields"),
];

const JOINT_FIELDS: [Field; OF_JOINT] = [
    ("wanted_q", 0, 1, "f32", "rad"),
    ("wanted_tau", 4, 1, "f32", "N m"),
    ("vetted_q", 8, 1, "f32", "rad"),
    ("vetted_tau", 12, 1, "f32", "N m"),
    ("q", 16, 1, "f32", "rad"),
    ("dq", 20, 1, "f32", "rad/s"),
    ("tau", 24, 1, "f32", "N m"),
];

impl Tick {
    /// Flag: ticks were skipped just before this one.
    pub const SKIPPED: u8 = 1;
    /// Flag: a plan was in force.
    pub const PLANNED: u8 = 2;
    /// Flag: the estimate was not usable.
    pub const STATE_INVALID: u8 = 4;

    /// Name of the layout.
    pub const SCHEMA: &'static str = "triune.tick/1";

    /// The layout as JSON text, for whoever reads the journal without this program.
    #[must_use]
    pub fn schema_text() -> String {
        let list = |fields: &[Field]| -> Vec<serde_json::Value> {
            fields
                .iter()
                .map(|(name, offset, count, kind, unit)| {
                    serde_json::json!({
                        "name": name, "offset": offset, "count": count, "type": kind, "unit": unit
                    })
                })
                .collect()
        };
        serde_json::json!({
            "schema": Self::SCHEMA,
            "byte_order": "little",
            "fields": list(&FIELDS),
            "joints_offset": HEAD,
            "joint_bytes": JOINT,
            "joint_fields": list(&JOINT_FIELDS),
            "joint_names": "metadata of the channel, key joints, separated by commas",
        })
        .to_string()
    }

    /// Appends the layout's bytes to `out`.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend(self.cycle.to_le_bytes());
        out.extend(self.at.as_nanos().to_le_bytes());
        out.extend(self.lateness_ns.to_le_bytes());
        out.extend([self.level as u8, self.mode as u8, self.posture as u8, self.flags]);
        let mut put = |number: f32| out.extend(number.to_le_bytes());
        self.position.iter().for_each(|p| put(p.0));
        let Quaternion { w, x, y, z } = self.attitude;
        [w, x, y, z].into_iter().for_each(&mut put);
        self.velocity.iter().for_each(|v| put(v.0));
        let truth = self.true_position.unwrap_or([Metres(f32::NAN); 3]);
        truth.iter().for_each(|p| put(p.0));
        self.asked.map_or([f32::NAN; 3], numbers).into_iter().for_each(&mut put);
        numbers(self.admitted).into_iter().for_each(&mut put);
        numbers(self.measured).into_iter().for_each(&mut put);
        out.extend(self.plan.to_le_bytes());
        out.extend(self.plan_latency.to_le_bytes());
        out.extend((self.joints.len() as u32).to_le_bytes());
        for joint in self.joints.iter() {
            let TickJoint { wanted_q, wanted_tau, vetted_q, vetted_tau, q, dq, tau } = *joint;
            for number in [wanted_q.0, wanted_tau.0, vetted_q.0, vetted_tau.0, q.0, dq.0, tau.0] {
                out.extend(number.to_le_bytes());
            }
        }
    }

    /// Reads the layout; `None` when `bytes` is not one.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut read = Reading(bytes);
        let (cycle, at) = (u64::from_le_bytes(read.take()?), u64::from_le_bytes(read.take()?));
        let lateness_ns = u32::from_le_bytes(read.take()?);
        let [level, mode, posture, flags] = read.take()?;
        let position = read.floats::<3>()?.map(Metres);
        let [w, x, y, z] = read.floats()?;
        let velocity = read.floats::<3>()?.map(MetresPerSecond);
        let truth: [f32; 3] = read.floats()?;
        let asked: [f32; 3] = read.floats()?;
        let (admitted, measured) = (velocity_of(read.floats()?), velocity_of(read.floats()?));
        let plan = u32::from_le_bytes(read.take()?);
        let plan_latency = u32::from_le_bytes(read.take()?);
        let count = u32::from_le_bytes(read.take()?) as usize;
        let mut joints = Joints::filled(TickJoint::default(), count);
        for id in (0..count).map_while(JointId::new) {
            joints[id] = joint_of(read.floats()?);
        }
        Some(Self {
            cycle,
            at: Instant::from_nanos(at),
            lateness_ns,
            level: words::level_numbered(level)?,
            mode: words::mode_numbered(mode)?,
            posture: words::posture_numbered(posture)?,
            flags,
            position,
            attitude: Quaternion { w, x, y, z },
            velocity,
            true_position: truth.iter().all(|p| p.is_finite()).then_some(truth.map(Metres)),
            asked: (!asked.iter().all(|v| v.is_nan())).then_some(velocity_of(asked)),
            admitted,
            measured,
            plan,
            plan_latency,
            joints,
        })
    }
}

fn numbers(velocity: BaseVelocity) -> [f32; 3] {
    [velocity.forward.0, velocity.left.0, velocity.yaw.0]
}

const fn velocity_of([forward, left, yaw]: [f32; 3]) -> BaseVelocity {
    BaseVelocity {
        forward: MetresPerSecond(forward),
        left: MetresPerSecond(left),
        yaw: RadiansPerSecond(yaw),
    }
}

const fn joint_of(numbers: [f32; OF_JOINT]) -> TickJoint {
    let [wanted_q, wanted_tau, vetted_q, vetted_tau, q, dq, tau] = numbers;
    TickJoint {
        wanted_q: Radians(wanted_q),
        wanted_tau: NewtonMetres(wanted_tau),
        vetted_q: Radians(vetted_q),
        vetted_tau: NewtonMetres(vetted_tau),
        q: Radians(q),
        dq: RadiansPerSecond(dq),
        tau: NewtonMetres(tau),
    }
}

/// The bytes not read yet.
struct Reading<'a>(&'a [u8]);

impl Reading<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    fn floats<const N: usize>(&mut self) -> Option<[f32; N]> {
        let mut all = [0.0; N];
        for number in &mut all {
            *number = f32::from_le_bytes(self.take()?);
        }
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Tick {
        let joints = Joints::from_fn(12, |id| joint_of([id.index() as f32; OF_JOINT]));
        Tick {
            cycle: 7,
            at: Instant::from_nanos(7_000_000),
            level: Level::Limited,
            mode: Mode::Auto,
            posture: Posture::Walking,
            flags: Tick::PLANNED,
            plan: 41,
            plan_latency: 77,
            true_position: Some([Metres(1.0), Metres(2.0), Metres(3.0)]),
            asked: Some(velocity_of([5.0, f32::NAN, 0.0])),
            joints,
            ..Tick::default()
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let mut bytes = Vec::new();
        let tick = Tick { asked: None, true_position: None, ..sample() };
        tick.encode(&mut bytes);
        assert_eq!(Tick::decode(&bytes), Some(tick));
        assert_eq!(Tick::decode(&bytes[..bytes.len() - 1]), None);
        bytes.clear();
        sample().encode(&mut bytes);
        let back = Tick::decode(&bytes).unwrap();
        assert_eq!(back.true_position, sample().true_position);
        assert!(back.asked.is_some_and(|asked| asked.left.0.is_nan() && asked.forward.0 == 5.0));
    }

    #[test]
    fn the_schema_names_every_byte() {
        let size = |kind: &str| match kind {
            "u64" => 8,
            "f32" | "u32" => 4,
            _ => 1,
        };
        let end = |fields: &[Field]| {
            fields.iter().fold(0, |offset, (name, at, count, kind, _)| {
                assert_eq!(offset, *at, "{name}");
                offset + count * size(kind)
            })
        };
        assert_eq!(end(&FIELDS), HEAD);
        assert_eq!(end(&JOINT_FIELDS), JOINT);
        let mut bytes = Vec::new();
        sample().encode(&mut bytes);
        assert_eq!(bytes.len(), HEAD + 12 * JOINT);
        assert_eq!(bytes[20], Level::Limited as u8);
        assert!(Tick::schema_text().contains("\"true_position\""));
    }
}
