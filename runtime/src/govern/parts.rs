//! The small objects of a line, and what all of them share.

use std::time::Duration;

use serde::de::value::{Error as Unknown, StrDeserializer};
use serde::de::{DeserializeOwned, IntoDeserializer};
use signals::{
    BaseVelocity, JOINTS_MAX, Joints, MetresPerSecond, Mode, ModelHash, OperatorAct, Radians,
    RadiansPerSecond, Role, VELOCITY_STEPS_MAX,
};

use super::json::{Fault, Json, Read};
use super::line::{
    Devices, Imu, Lidar, Nanos, Person, Request, Steps, StickReading, Supply, Until,
};

pub(super) fn devices(devices: &mut Devices, json: &mut Json<'_>, key: &str) -> Read<()> {
    match key {
        "stop" => once(&mut devices.stop, json, Json::boolean),
        "cut" => once(&mut devices.cut, json, Json::boolean),
        "act" => once(&mut devices.act, json, act),
        "role" => once(&mut devices.role, json, |json| word(json, named::<Role>)),
        "stick" => once(&mut devices.stick, json, |json| or_null(json, stick)),
        "supervisor" => once(&mut devices.supervisor, json, |json| or_null(json, seconds)),
        "supervisor_ns" => once(&mut devices.supervisor, json, |json| or_null(json, Json::u64)),
        _ => Err(unknown(
            json,
            "t, t_ns, cycle, q, dq, tau, temperature, measured_at, measured_at_ns, imu, feet, \
             lidar, person, supply, state, wanted, valid_for, valid_for_ns, valid_until, \
             valid_until_ns, source, plan, stop, cut, act, role, stick, supervisor, supervisor_ns",
        )),
    }
}

/// `"start"` and the like, or `{"select": "manual"}`.
fn act(json: &mut Json<'_>) -> Read<OperatorAct> {
    if json.peek().0 != Some(b'{') {
        return word(json, named::<OperatorAct>);
    }
    let mut mode = None;
    let (_, start) = json.peek();
    json.object(|json, key| match key {
        "select" => once(&mut mode, json, |json| word(json, named::<Mode>)),
        _ => Err(unknown(json, "select")),
    })?;
    let missing = || Fault::new(start, "a mode must be named", "write {\"select\": \"auto\"}");
    mode.map(OperatorAct::Select).ok_or_else(missing)
}

fn stick(json: &mut Json<'_>) -> Read<StickReading> {
    let (mut velocity, mut held, mut at) = (None, None, None);
    let (_, start) = json.peek();
    json.object(|json, key| match key {
        "velocity" => once(&mut velocity, json, base_velocity),
        "held" => once(&mut held, json, Json::boolean),
        "at" => once(&mut at, json, seconds),
        "at_ns" => once(&mut at, json, Json::u64),
        _ => Err(unknown(json, "velocity, held, at, at_ns")),
    })?;
    let velocity = velocity.unwrap_or_default();
    Ok(StickReading { velocity, held: needed(held, start, "held")?, at })
}

pub(super) fn imu(json: &mut Json<'_>) -> Read<Imu> {
    let mut imu = Imu::default();
    json.object(|json, key| match key {
        "angular_velocity" => once(&mut imu.angular_velocity, json, numbers),
        "specific_force" => once(&mut imu.specific_force, json, numbers),
        "at" => once(&mut imu.at, json, seconds),
        "at_ns" => once(&mut imu.at, json, Json::u64),
        _ => Err(unknown(json, "angular_velocity, specific_force, at, at_ns")),
    })?;
    Ok(imu)
}

pub(super) fn lidar(json: &mut Json<'_>) -> Read<Lidar> {
    let (mut ranges, mut range_max, mut at) = (None, None, None);
    let (_, start) = json.peek();
    json.object(|json, key| match key {
        "ranges" => once(&mut ranges, json, numbers),
        "range_max" => once(&mut range_max, json, Json::f32),
        "at" => once(&mut at, json, seconds),
        "at_ns" => once(&mut at, json, Json::u64),
        _ => Err(unknown(json, "ranges, range_max, at, at_ns")),
    })?;
    Ok(Lidar { ranges: needed(ranges, start, "ranges")?, range_max, at })
}

pub(super) fn person(json: &mut Json<'_>) -> Read<Person> {
    let (mut distance, mut approach, mut at) = (None, None, None);
    let (_, start) = json.peek();
    json.object(|json, key| match key {
        "distance" => once(&mut distance, json, Json::f32),
        "approach" => once(&mut approach, json, Json::f32),
        "at" => once(&mut at, json, seconds),
        "at_ns" => once(&mut at, json, Json::u64),
        _ => Err(unknown(json, "distance, approach, at, at_ns")),
    })?;
    Ok(Person { distance: needed(distance, start, "distance")?, approach, at })
}

pub(super) fn supply(json: &mut Json<'_>) -> Read<Supply> {
    let (mut voltage, mut charge, mut at) = (None, None, None);
    let (_, start) = json.peek();
    json.object(|json, key| match key {
        "voltage" => once(&mut voltage, json, Json::f32),
        "charge" => once(&mut charge, json, Json::f32),
        "at" => once(&mut at, json, seconds),
        "at_ns" => once(&mut at, json, Json::u64),
        _ => Err(unknown(json, "voltage, charge, at, at_ns")),
    })?;
    let voltage = needed(voltage, start, "voltage")?;
    Ok(Supply { voltage, charge: needed(charge, start, "charge")?, at })
}

pub(super) fn request(json: &mut Json<'_>) -> Read<Request> {
    let mut plan = Request::default();
    let (_, start) = json.peek();
    json.object(|json, key| match key {
        "sequence" => once(&mut plan.sequence, json, Json::u64),
        "epoch" => once(&mut plan.epoch, json, |json| {
            let (_, at) = json.peek();
            let wide = || Fault::new(at, "an epoch has 32 bits", "take it from a verdict");
            u32::try_from(json.u64()?).map_err(|_| wide())
        }),
        "observed_at" => once(&mut plan.observed_at, json, seconds),
        "observed_at_ns" => once(&mut plan.observed_at, json, Json::u64),
        "valid_for" => once(&mut plan.valid, json, |json| seconds(json).map(Until::For)),
        "valid_for_ns" => once(&mut plan.valid, json, |json| json.u64().map(Until::For)),
        "valid_until" => once(&mut plan.valid, json, |json| seconds(json).map(Until::At)),
        "valid_until_ns" => once(&mut plan.valid, json, |json| json.u64().map(Until::At)),
        "model" => once(&mut plan.model, json, model_hash),
        "hold" => once(&mut plan.hold, json, Json::boolean),
        "velocity" => once(&mut plan.velocity, json, base_velocity),
        "posture" => once(&mut plan.posture, json, posture),
        "steps" => once(&mut plan.steps, json, steps),
        "step" => once(&mut plan.step, json, |json| seconds(json).map(Duration::from_nanos)),
        "step_ns" => once(&mut plan.step, json, |json| json.u64().map(Duration::from_nanos)),
        _ => Err(unknown(
            json,
            "sequence, epoch, observed_at, observed_at_ns, valid_for, valid_for_ns, valid_until, \
             valid_until_ns, model, hold, velocity, posture, steps, step, step_ns",
        )),
    })?;
    let asked = [
        plan.hold == Some(true),
        plan.velocity.is_some(),
        plan.posture.is_some(),
        plan.steps.is_some(),
    ];
    if asked.iter().filter(|asked| **asked).count() == 1 {
        return Ok(plan);
    }
    let rule = "a plan asks for one thing: `hold`, `velocity`, `posture` or `steps`";
    Err(Fault::new(start, rule, "write {\"hold\": true} or {\"velocity\": [0.5, 0, 0]}"))
}

/// One angle for each joint, in the robot's order; the governor judges how many there are.
fn posture(json: &mut Json<'_>) -> Read<Joints<Radians>> {
    let mut angles = Joints::filled(Radians(0.0), JOINTS_MAX);
    let (_, start) = json.peek();
    let len = json.array(|json, index| {
        let angle = json.f32()?;
        angles.iter_mut().skip(index).take(1).for_each(|at| *at = Radians(angle));
        Ok(())
    })?;
    if len > JOINTS_MAX {
        let rule = format!("a posture has at most {JOINTS_MAX} angles, found {len}");
        return Err(Fault::new(start, rule, "give one angle for each joint of the robot"));
    }
    Ok(Joints::from_fn(len, |joint| angles[joint]))
}

fn steps(json: &mut Json<'_>) -> Read<Steps> {
    let mut velocities = [BaseVelocity::ZERO; VELOCITY_STEPS_MAX];
    let (_, start) = json.peek();
    let len = json.array(|json, index| {
        let velocity = base_velocity(json)?;
        velocities.iter_mut().skip(index).take(1).for_each(|step| *step = velocity);
        Ok(())
    })?;
    if len > VELOCITY_STEPS_MAX {
        let rule = format!("a plan has at most {VELOCITY_STEPS_MAX} steps, found {len}");
        return Err(Fault::new(start, rule, "send the first ones, and the rest later"));
    }
    Ok(Steps { len, velocities })
}

/// Forward, left, yaw.
fn base_velocity(json: &mut Json<'_>) -> Read<BaseVelocity> {
    let [forward, left, yaw] = numbers(json)?;
    Ok(BaseVelocity {
        forward: MetresPerSecond(forward),
        left: MetresPerSecond(left),
        yaw: RadiansPerSecond(yaw),
    })
}

/// Sixteen hexadecimal digits.
fn model_hash(json: &mut Json<'_>) -> Read<ModelHash> {
    word(json, |word| {
        let number = (word.len() == 16).then(|| u64::from_str_radix(word, 16).ok()).flatten();
        let hash = number.map(|number| ModelHash(number.to_be_bytes()));
        hash.ok_or_else(|| "the first 16 hexadecimal digits of the model's SHA-256".to_owned())
    })
}

pub(super) fn number(json: &mut Json<'_>) -> Read<f32> {
    json.f32()
}

/// A point on the robot's clock.
pub(super) fn nanos(json: &mut Json<'_>) -> Read<Nanos> {
    json.u64()
}

/// Exactly `N` numbers.
pub(super) fn numbers<const N: usize>(json: &mut Json<'_>) -> Read<[f32; N]> {
    let mut values = [0.0; N];
    let (_, start) = json.peek();
    let count = json.array(|json, index| {
        let value = json.f32()?;
        values.iter_mut().skip(index).take(1).for_each(|slot| *slot = value);
        Ok(())
    })?;
    if count == N {
        return Ok(values);
    }
    let rule = format!("here must be {N} numbers, found {count}");
    Err(Fault::new(start, rule, "give exactly that many"))
}

/// Seconds on the robot's clock, to the nearest ns.
pub(super) fn seconds(json: &mut Json<'_>) -> Read<Nanos> {
    let (_, at) = json.peek();
    let seconds = json.f64()?;
    let nanos = (seconds * 1e9).round();
    // Above 2^63 ns, 292 years, a typing error is likelier than such a clock.
    if (0.0..9.223e18).contains(&nanos) {
        return Ok(nanos as u64);
    }
    let rule = format!("seconds must be 0 to 9.2e9, found {seconds}");
    Err(Fault::new(at, rule, "count from the start of the clock"))
}

/// A word that `known` knows; its error lists what there is.
pub(super) fn word<T>(
    json: &mut Json<'_>,
    known: impl FnOnce(&str) -> Result<T, String>,
) -> Read<T> {
    let (_, at) = json.peek();
    let word = json.string()?;
    known(&word).map_err(|fix| Fault::new(at, format!("{word:?} is not known here"), fix))
}

/// A word of an enum of the signals.
fn named<T: DeserializeOwned>(word: &str) -> Result<T, String> {
    let word: StrDeserializer<'_, Unknown> = word.into_deserializer();
    T::deserialize(word).map_err(|error| {
        let error = error.to_string();
        error.split_once("expected ").map_or(error.clone(), |(_, known)| known.to_owned())
    })
}

pub(super) fn once<'t, T>(
    slot: &mut Option<T>,
    json: &mut Json<'t>,
    read: impl FnOnce(&mut Json<'t>) -> Read<T>,
) -> Read<()> {
    let (_, at) = json.peek();
    if slot.is_some() {
        let rule = "the same is said twice in this object";
        return Err(Fault::new(at, rule, "keep one of the two"));
    }
    *slot = Some(read(json)?);
    Ok(())
}

pub(super) fn or_null<'t, T>(
    json: &mut Json<'t>,
    read: impl FnOnce(&mut Json<'t>) -> Read<T>,
) -> Read<Option<T>> {
    if json.null() { Ok(None) } else { read(json).map(Some) }
}

fn needed<T>(value: Option<T>, start: usize, key: &str) -> Read<T> {
    let missing = || Fault::new(start, format!("`{key}` is missing"), format!("give `{key}`"));
    value.ok_or_else(missing)
}

pub(super) fn unknown(json: &mut Json<'_>, known: &str) -> Fault {
    let (_, at) = json.peek();
    Fault::new(at, "this key is not known", format!("known here are {known}"))
}
