//! Writes down the cycles of a run: what each was given, in the form the tool reads, and what each
//! decided, in the form the tool writes. So anyone can hold the tool against the cycle.

use std::fs::File;
use std::io::{BufWriter, Error, Write};
use std::path::{Path, PathBuf};

use governor::Record;
use model::Robot;
use signals::{
    BodyState, Cycle, Instant, LidarScan, Operator, PersonReading, Plan, PlanRequest, SensorFrame,
    SupplyReading,
};

use super::inputs::Shift;
use super::json::Out;
use super::verdict::{Verdict, commands};
use crate::cycle::Turn;
use crate::words;

/// Writes down the cycles of a run.
#[derive(Debug)]
pub struct Tap {
    joints: Vec<String>,
    proposals: Option<Sink>,
    verdicts: Option<Sink>,
    /// What was written last of what stays in force.
    plan: Option<Plan>,
    lidar: Option<LidarScan>,
    person: Option<PersonReading>,
    supply: Option<SupplyReading>,
    records: Vec<Record>,
    lines: u64,
    out: Out,
}

#[derive(Debug)]
struct Sink {
    path: PathBuf,
    file: BufWriter<File>,
    /// The first thing that went wrong; after it nothing more is written.
    error: Option<Error>,
}

impl Tap {
    /// A tap on a run of `robot` into the files that are named.
    ///
    /// # Errors
    /// A file that cannot be made, with its path.
    pub fn open(
        robot: &Robot,
        proposals: Option<&Path>,
        verdicts: Option<&Path>,
    ) -> Result<Self, (PathBuf, Error)> {
        Ok(Self {
            joints: robot.joint_names().map(str::to_owned).collect(),
            proposals: proposals.map(Sink::open).transpose()?,
            verdicts: verdicts.map(Sink::open).transpose()?,
            plan: None,
            lidar: None,
            person: None,
            supply: None,
            records: Vec::new(),
            lines: 0,
            out: Out::default(),
        })
    }

    /// Takes a record of this cycle in.
    pub fn hear(&mut self, record: &Record) {
        self.records.push(*record);
    }

    /// Writes one cycle down: its inputs, and what came of them.
    pub fn turn(&mut self, cycle: &Cycle, plan: Option<&Plan>, operator: &Operator, turn: &Turn) {
        self.lines += 1;
        self.out.clear();
        self.proposal(cycle, plan, operator, turn);
        self.proposals.iter_mut().for_each(|sink| sink.write(self.out.bytes()));
        self.out.clear();
        let verdict = Verdict {
            line: self.lines,
            shift: Shift::default(),
            cycle,
            ruling: &turn.ruling,
            wanted: &turn.wanted,
            vetted: &turn.vetted,
            records: &self.records,
            source: None,
            joints: &self.joints,
        };
        verdict.write(&mut self.out);
        self.verdicts.iter_mut().for_each(|sink| sink.write(self.out.bytes()));
        self.records.clear();
    }

    /// Ends both files.
    ///
    /// # Errors
    /// The first thing that could not be written, with its path.
    pub fn close(self) -> Result<(), (PathBuf, Error)> {
        [self.proposals, self.verdicts].into_iter().flatten().try_for_each(Sink::close)
    }

    fn proposal(&mut self, cycle: &Cycle, plan: Option<&Plan>, operator: &Operator, turn: &Turn) {
        self.out.open();
        self.out.key("t_ns").value(&cycle.now.as_nanos());
        self.out.key("cycle").value(&cycle.number);
        devices(&mut self.out, operator);
        self.changed_plan(plan);
        self.surroundings(&turn.frame);
        let out = &mut self.out;
        readings(out, &turn.frame);
        state(out, &turn.state);
        out.key("wanted").open();
        commands(out, turn.wanted.joints.iter().copied());
        out.close();
        out.key("valid_until_ns").value(&turn.wanted.valid_until.as_nanos());
        out.close();
        out.end_line();
    }

    fn changed_plan(&mut self, plan: Option<&Plan>) {
        if self.plan.as_ref() == plan {
            return;
        }
        self.plan = plan.copied();
        let out = self.out.key("plan");
        let Some(plan) = plan else { return out.value(&()) };
        out.open();
        out.key("sequence").value(&plan.sequence);
        out.key("epoch").value(&plan.epoch);
        out.key("observed_at_ns").value(&plan.observed_at.as_nanos());
        out.key("valid_until_ns").value(&plan.valid_until.as_nanos());
        let model = format!("{:016x}", u64::from_be_bytes(plan.model.0));
        out.key("model").value(&model);
        match &plan.request {
            PlanRequest::Hold => out.key("hold").value(&true),
            PlanRequest::Posture(goal) => {
                out.key("posture").numbers(goal.iter().map(|angle| angle.0));
            }
            PlanRequest::Velocity(chunk) => {
                let step = u64::try_from(chunk.step.as_nanos()).unwrap_or(u64::MAX);
                out.key("step_ns").value(&step);
                out.key("steps").list(chunk.steps(), |out, velocity| {
                    out.numbers([velocity.forward.0, velocity.left.0, velocity.yaw.0]);
                });
            }
        }
        out.close();
    }

    /// What is seen of the surroundings, where it has changed.
    fn surroundings(&mut self, frame: &SensorFrame) {
        let out = &mut self.out;
        if self.lidar != frame.lidar {
            self.lidar = frame.lidar;
            or_null(out.key("lidar"), frame.lidar.as_ref(), |out, scan| {
                out.key("ranges").numbers(scan.ranges.iter().map(|range| range.0));
                out.key("range_max").number(scan.range_max.0);
                out.key("at_ns").value(&scan.at.as_nanos());
            });
        }
        if self.person != frame.person {
            self.person = frame.person;
            or_null(out.key("person"), frame.person.as_ref(), |out, person| {
                out.key("distance").number(person.distance.0);
                if let Some(approach) = person.approach {
                    out.key("approach").number(approach.0);
                }
                out.key("at_ns").value(&person.at.as_nanos());
            });
        }
        if self.supply != frame.supply {
            self.supply = frame.supply;
            or_null(out.key("supply"), frame.supply.as_ref(), |out, supply| {
                out.key("voltage").number(supply.voltage.0);
                out.key("charge").number(supply.charge);
                out.key("at_ns").value(&supply.at.as_nanos());
            });
        }
    }
}

impl Sink {
    fn open(path: &Path) -> Result<Self, (PathBuf, Error)> {
        let file = File::create(path).map_err(|error| (path.to_path_buf(), error))?;
        Ok(Self { path: path.to_path_buf(), file: BufWriter::new(file), error: None })
    }

    fn write(&mut self, bytes: &[u8]) {
        if self.error.is_none() {
            self.error = self.file.write_all(bytes).err();
        }
    }

    fn close(mut self) -> Result<(), (PathBuf, Error)> {
        let ended = self.error.take().map_or_else(|| self.file.flush(), Err);
        ended.map_err(|error| (self.path, error))
    }
}

fn devices(out: &mut Out, operator: &Operator) {
    out.key("stop").value(&operator.stop);
    out.key("cut").value(&operator.cut);
    if let Some(act) = &operator.act {
        out.key("act").value(act);
    }
    out.key("role").value(&operator.role);
    or_null(out.key("stick"), operator.stick.as_ref(), |out, stick| {
        let velocity = stick.velocity;
        out.key("velocity").numbers([velocity.forward.0, velocity.left.0, velocity.yaw.0]);
        out.key("held").value(&stick.held);
        out.key("at_ns").value(&stick.at.as_nanos());
    });
    out.key("supervisor_ns").value(&operator.supervisor.map(Instant::as_nanos));
}

fn readings(out: &mut Out, frame: &SensorFrame) {
    let joints = frame.joints.iter();
    out.key("q").numbers(joints.clone().map(|joint| joint.q.0));
    out.key("dq").numbers(joints.clone().map(|joint| joint.dq.0));
    out.key("tau").numbers(joints.clone().map(|joint| joint.tau.0));
    out.key("temperature").numbers(joints.clone().map(|joint| joint.temperature.0));
    times(out.key("measured_at_ns"), joints.map(|joint| joint.at));
    let imu = &frame.imu;
    out.key("imu").open();
    out.key("angular_velocity").numbers(imu.angular_velocity.map(|rate| rate.0));
    out.key("specific_force").numbers(imu.specific_force.map(|force| force.0));
    out.key("at_ns").value(&imu.at.as_nanos());
    out.close();
    out.key("feet").open();
    out.key("force").numbers(frame.feet.iter().map(|foot| foot.force.0));
    times(out.key("at_ns"), frame.feet.iter().map(|foot| foot.at));
    out.close();
}

fn state(out: &mut Out, state: &BodyState) {
    let attitude = state.attitude;
    out.key("state").open();
    out.key("at_ns").value(&state.at.as_nanos());
    out.key("position").numbers(state.position.map(|part| part.0));
    out.key("attitude").numbers([attitude.w, attitude.x, attitude.y, attitude.z]);
    out.key("velocity").numbers(state.velocity.map(|part| part.0));
    out.key("angular_velocity").numbers(state.angular_velocity.map(|part| part.0));
    out.key("q").numbers(state.joints.iter().map(|joint| joint.q.0));
    out.key("dq").numbers(state.joints.iter().map(|joint| joint.dq.0));
    out.key("contact").numbers(state.contact.iter().copied());
    out.key("posture").value(words::posture(state.posture));
    out.key("valid").value(&state.valid);
    out.close();
}

/// One time when all are the same, else one for each.
fn times(out: &mut Out, times: impl Iterator<Item = Instant> + Clone) {
    let mut rest = times.clone();
    let first = rest.next();
    match first.filter(|first| rest.all(|time| time == *first)) {
        Some(same) => out.value(&same.as_nanos()),
        None => out.list(times, |out, time| out.value(&time.as_nanos())),
    }
}

fn or_null<T>(out: &mut Out, value: Option<&T>, write: impl FnOnce(&mut Out, &T)) {
    let Some(value) = value else { return out.value(&()) };
    out.open();
    write(out, value);
    out.close();
}
