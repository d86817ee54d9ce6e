//! One line of input as it stands there: every key at most once, nothing unknown, nothing filled
//! in yet.

use std::time::Duration;

use signals::{
    BaseVelocity, Feet, FootId, JointId, Joints, LIDAR_BEAMS, ModelHash, OperatorAct, Posture,
    Role, VELOCITY_STEPS_MAX,
};

use super::json::{Fault, Json, Read};
use super::parts::{
    devices, imu, lidar, nanos, number, numbers, once, or_null, person, request, seconds, supply,
    unknown, word,
};
use crate::words;

/// A point on the robot's clock as the line gives it, ns.
pub(super) type Nanos = u64;

/// The line.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) time: Option<Nanos>,
    pub(super) cycle: Option<u64>,
    pub(super) q: Option<Joints<f32>>,
    pub(super) dq: Option<Joints<f32>>,
    pub(super) tau: Option<Joints<f32>>,
    pub(super) temperature: Option<Joints<f32>>,
    pub(super) measured_at: Option<Joints<Nanos>>,
    pub(super) imu: Option<Imu>,
    pub(super) feet: Option<FootForces>,
    pub(super) state: Option<State>,
    pub(super) wanted: Option<Wanted>,
    pub(super) valid: Option<Until>,
    pub(super) source: Option<String>,
    // What stays in force until another line says otherwise; `Some(None)` takes it away.
    pub(super) lidar: Option<Option<Lidar>>,
    pub(super) person: Option<Option<Person>>,
    pub(super) supply: Option<Option<Supply>>,
    pub(super) plan: Option<Option<Request>>,
    pub(super) devices: Devices,
}

/// A person's devices and acts.
#[derive(Debug, Default)]
pub(super) struct Devices {
    pub(super) stop: Option<bool>,
    pub(super) cut: Option<bool>,
    pub(super) act: Option<OperatorAct>,
    pub(super) role: Option<Role>,
    pub(super) stick: Option<Option<StickReading>>,
    pub(super) supervisor: Option<Option<Nanos>>,
}

impl Devices {
    pub(super) const fn is_empty(&self) -> bool {
        let pressed = self.stop.is_some() || self.cut.is_some();
        let acts = self.act.is_some() || self.role.is_some();
        !(pressed || acts || self.stick.is_some() || self.supervisor.is_some())
    }
}

#[derive(Debug, Default)]
pub(super) struct Imu {
    pub(super) angular_velocity: Option<[f32; 3]>,
    pub(super) specific_force: Option<[f32; 3]>,
    pub(super) at: Option<Nanos>,
}

#[derive(Debug, Default)]
pub(super) struct FootForces {
    pub(super) force: Option<Feet<f32>>,
    pub(super) at: Option<Feet<Nanos>>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) at: Option<Nanos>,
    pub(super) position: Option<[f32; 3]>,
    pub(super) attitude: Option<[f32; 4]>,
    pub(super) velocity: Option<[f32; 3]>,
    pub(super) angular_velocity: Option<[f32; 3]>,
    pub(super) q: Option<Joints<f32>>,
    pub(super) dq: Option<Joints<f32>>,
    pub(super) contact: Option<Feet<f32>>,
    pub(super) posture: Option<Posture>,
    pub(super) valid: Option<bool>,
}

#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) q: Option<Joints<Option<f32>>>,
    pub(super) dq: Option<Joints<Option<f32>>>,
    pub(super) kp: Option<Joints<Option<f32>>>,
    pub(super) kd: Option<Joints<Option<f32>>>,
    pub(super) tau: Option<Joints<Option<f32>>>,
}

/// An end of validity.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// At this time.
    At(Nanos),
    /// This long after the line's or the observation's time.
    For(Nanos),
}

#[derive(Debug)]
pub(super) struct Lidar {
    pub(super) ranges: [f32; LIDAR_BEAMS],
    pub(super) range_max: Option<f32>,
    pub(super) at: Option<Nanos>,
}

#[derive(Debug)]
pub(super) struct Person {
    pub(super) distance: f32,
    pub(super) approach: Option<f32>,
    pub(super) at: Option<Nanos>,
}

#[derive(Debug)]
pub(super) struct Supply {
    pub(super) voltage: f32,
    pub(super) charge: f32,
    pub(super) at: Option<Nanos>,
}

#[derive(Debug)]
pub(super) struct StickReading {
    pub(super) velocity: BaseVelocity,
    pub(super) held: bool,
    pub(super) at: Option<Nanos>,
}

/// A plan as it is asked for.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub(super) sequence: Option<u64>,
    pub(super) epoch: Option<u32>,
    pub(super) observed_at: Option<Nanos>,
    pub(super) valid: Option<Until>,
    pub(super) model: Option<ModelHash>,
    pub(super) hold: Option<bool>,
    pub(super) posture: Option<Joints<signals::Radians>>,
    pub(super) velocity: Option<BaseVelocity>,
    pub(super) steps: Option<Steps>,
    pub(super) step: Option<Duration>,
}

#[derive(Debug)]
pub(super) struct Steps {
    pub(super) len: usize,
    pub(super) velocities: [BaseVelocity; VELOCITY_STEPS_MAX],
}

impl Line {
    /// There is more in it than a person's devices.
    pub(super) const fn is_proposal(&self) -> bool {
        let measured = self.time.is_some() || self.q.is_some() || self.dq.is_some();
        let more = self.tau.is_some() || self.temperature.is_some() || self.measured_at.is_some();
        let around = self.lidar.is_some() || self.person.is_some() || self.supply.is_some();
        let body = self.imu.is_some() || self.feet.is_some() || self.state.is_some();
        let asked = self.wanted.is_some() || self.valid.is_some() || self.plan.is_some();
        let named = self.cycle.is_some() || self.source.is_some();
        measured || more || around || body || asked || named
    }
}

/// What lines are about: names and numbers of joints and feet.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) joints: Vec<String>,
    pub(super) feet: Vec<String>,
}

impl Names {
    /// Reads one line.
    pub(super) fn read(&self, text: &[u8]) -> Read<Line> {
        let mut json = Json::new(text);
        let mut line = Line::default();
        json.object(|json, key| self.top(&mut line, json, key))?;
        json.end()?;
        Ok(line)
    }

    fn top(&self, line: &mut Line, json: &mut Json<'_>, key: &str) -> Read<()> {
        match key {
            "t" => once(&mut line.time, json, seconds),
            "t_ns" => once(&mut line.time, json, Json::u64),
            "cycle" => once(&mut line.cycle, json, Json::u64),
            "q" => once(&mut line.q, json, |json| self.every_joint(json)),
            "dq" => once(&mut line.dq, json, |json| self.every_joint(json)),
            "tau" => once(&mut line.tau, json, |json| self.every_joint(json)),
            "temperature" => once(&mut line.temperature, json, |json| self.every_joint(json)),
            "measured_at" => once(&mut line.measured_at, json, |json| self.times(json, seconds)),
            "measured_at_ns" => once(&mut line.measured_at, json, |json| self.times(json, nanos)),
            "imu" => once(&mut line.imu, json, imu),
            "feet" => once(&mut line.feet, json, |json| self.foot_forces(json)),
            "state" => once(&mut line.state, json, |json| self.state(json)),
            "wanted" => once(&mut line.wanted, json, |json| self.wanted(json)),
            "valid_for" => once(&mut line.valid, json, |json| seconds(json).map(Until::For)),
            "valid_for_ns" => once(&mut line.valid, json, |json| json.u64().map(Until::For)),
            "valid_until" => once(&mut line.valid, json, |json| seconds(json).map(Until::At)),
            "valid_until_ns" => once(&mut line.valid, json, |json| json.u64().map(Until::At)),
            "source" => once(&mut line.source, json, |json| Ok(json.string()?.into_owned())),
            "lidar" => once(&mut line.lidar, json, |json| or_null(json, lidar)),
            "person" => once(&mut line.person, json, |json| or_null(json, person)),
            "supply" => once(&mut line.supply, json, |json| or_null(json, supply)),
            "plan" => once(&mut line.plan, json, |json| or_null(json, request)),
            _ => devices(&mut line.devices, json, key),
        }
    }

    fn state(&self, json: &mut Json<'_>) -> Read<State> {
        let mut state = State::default();
        json.object(|json, key| match key {
            "at" => once(&mut state.at, json, seconds),
            "at_ns" => once(&mut state.at, json, Json::u64),
            "position" => once(&mut state.position, json, numbers),
            "attitude" => once(&mut state.attitude, json, numbers),
            "velocity" => once(&mut state.velocity, json, numbers),
            "angular_velocity" => once(&mut state.angular_velocity, json, numbers),
            "q" => once(&mut state.q, json, |json| self.every_joint(json)),
            "dq" => once(&mut state.dq, json, |json| self.every_joint(json)),
            "contact" => once(&mut state.contact, json, |json| self.every_foot(json, number)),
            "posture" => once(&mut state.posture, json, |json| {
                word(json, |word| words::posture_named(word).ok_or_else(words::posture_list))
            }),
            "valid" => once(&mut state.valid, json, Json::boolean),
            _ => Err(unknown(
                json,
                "position, attitude, velocity, angular_velocity, q, dq, contact, posture, valid, \
                 at, at_ns",
            )),
        })?;
        Ok(state)
    }

    fn wanted(&self, json: &mut Json<'_>) -> Read<Wanted> {
        let mut wanted = Wanted::default();
        let part = |json: &mut Json<'_>| self.joints(json, number);
        let gain = |json: &mut Json<'_>| match json.peek().0 {
            Some(b'[' | b'{') => self.joints(json, number),
            _ => Ok(Joints::filled(Some(json.f32()?), self.joints.len())),
        };
        json.object(|json, key| match key {
            "q" => once(&mut wanted.q, json, part),
            "dq" => once(&mut wanted.dq, json, part),
            "kp" => once(&mut wanted.kp, json, gain),
            "kd" => once(&mut wanted.kd, json, gain),
            "tau" => once(&mut wanted.tau, json, part),
            _ => Err(unknown(json, "q, dq, kp, kd, tau")),
        })?;
        Ok(wanted)
    }

    fn foot_forces(&self, json: &mut Json<'_>) -> Read<FootForces> {
        let mut feet = FootForces::default();
        let at = |json: &mut Json<'_>, read: fn(&mut Json<'_>) -> Read<Nanos>| {
            if json.peek().0 == Some(b'[') {
                return self.every_foot(json, read);
            }
            Ok(Feet::filled(read(json)?, self.feet.len()))
        };
        json.object(|json, key| match key {
            "force" => once(&mut feet.force, json, |json| self.every_foot(json, number)),
            "at" => once(&mut feet.at, json, |json| at(json, seconds)),
            "at_ns" => once(&mut feet.at, json, |json| at(json, nanos)),
            _ => Err(unknown(json, "force, at, at_ns")),
        })?;
        Ok(feet)
    }

    /// One time for all joints, or one for each.
    fn times(
        &self,
        json: &mut Json<'_>,
        read: fn(&mut Json<'_>) -> Read<Nanos>,
    ) -> Read<Joints<Nanos>> {
        match json.peek().0 {
            Some(b'[' | b'{') => self.complete(json, read),
            _ => Ok(Joints::filled(read(json)?, self.joints.len())),
        }
    }

    /// A number for each joint: none may be missing.
    fn every_joint(&self, json: &mut Json<'_>) -> Read<Joints<f32>> {
        self.complete(json, number)
    }

    fn complete<T: Copy + Default>(
        &self,
        json: &mut Json<'_>,
        read: impl FnMut(&mut Json<'_>) -> Read<T>,
    ) -> Read<Joints<T>> {
        let (_, start) = json.peek();
        let values = self.joints(json, read)?;
        if let Some(missing) = values.ids().find(|id| values[*id].is_none()) {
            let name = &self.joints[missing.index()];
            let rule = format!("every joint needs a number, {name:?} has none");
            return Err(Fault::new(start, rule, "name all joints of the robot"));
        }
        Ok(values.map(Option::unwrap_or_default))
    }

    /// An array in the robot file's order, or an object by joint name, which may leave some out.
    fn joints<T: Copy>(
        &self,
        json: &mut Json<'_>,
        mut read: impl FnMut(&mut Json<'_>) -> Read<T>,
    ) -> Read<Joints<Option<T>>> {
        let mut values = Joints::filled(None, self.joints.len());
        let (first, start) = json.peek();
        if first == Some(b'{') {
            json.object(|json, name| {
                let index = self.joints.iter().position(|known| known == name);
                let Some(id) = index.and_then(JointId::new) else {
                    let (_, at) = json.peek();
                    let rule = format!("{name:?} is not a joint of the robot");
                    let fix = format!("its joints are {}", self.joints.join(", "));
                    return Err(Fault::new(at, rule, fix));
                };
                once(&mut values[id], json, &mut read)
            })?;
            return Ok(values);
        }
        if first != Some(b'[') {
            return Err(json.expected("an array, or an object by joint name"));
        }
        let count = json.array(|json, index| {
            let value = read(json)?;
            if let Some(id) = JointId::new(index) {
                values[id] = Some(value);
            }
            Ok(())
        })?;
        self.counted(start, count, &self.joints, "joint").map(|()| values)
    }

    fn every_foot<T: Copy + Default>(
        &self,
        json: &mut Json<'_>,
        mut read: impl FnMut(&mut Json<'_>) -> Read<T>,
    ) -> Read<Feet<T>> {
        let mut values = Feet::filled(T::default(), self.feet.len());
        let (_, start) = json.peek();
        let count = json.array(|json, index| {
            let value = read(json)?;
            if let Some(id) = FootId::new(index) {
                values[id] = value;
            }
            Ok(())
        })?;
        self.counted(start, count, &self.feet, "foot").map(|()| values)
    }

    fn counted(&self, start: usize, count: usize, names: &[String], of: &str) -> Read<()> {
        if count == names.len() {
            return Ok(());
        }
        let most = names.len();
        let rule = format!("here must be {most} numbers, one for each {of}, found {count}");
        Err(Fault::new(start, rule, format!("the order is {}", names.join(", "))))
    }
}
