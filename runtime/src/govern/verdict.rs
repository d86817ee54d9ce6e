//! A verdict as a line of JSON. The tool and the recorder of a run write through the same code, so
//! that two equal files mean equal decisions, bit by bit.

use governor::{Language, Record};
use signals::{BodyCommand, Cycle, Instant, JointCommand, Motion, Ruling};

use super::inputs::Shift;
use super::json::Out;
use crate::journal::RecordLine;

/// What one cycle decided.
#[derive(Debug)]
pub(super) struct Verdict<'a> {
    /// Line of the proposal, from 1.
    pub(super) line: u64,
    pub(super) shift: Shift,
    pub(super) cycle: &'a Cycle,
    pub(super) ruling: &'a Ruling,
    pub(super) wanted: &'a BodyCommand,
    pub(super) vetted: &'a BodyCommand,
    pub(super) records: &'a [Record],
    pub(super) source: Option<&'a str>,
    pub(super) joints: &'a [String],
}

impl Verdict<'_> {
    pub(super) fn write(&self, out: &mut Out) {
        let Self { line, shift, cycle, ruling, vetted, .. } = self;
        out.open();
        out.key("line").value(line);
        out.key("cycle").value(&shift.cycle_outward(cycle.number));
        time(out, "t", "t_ns", *shift, cycle.now);
        out.key("mode").value(ruling.mode.name());
        out.key("authority").value(&ruling.authority);
        out.key("level").value(ruling.level.name());
        out.key("scale").number(ruling.scale);
        motion(out, &ruling.motion);
        out.key("epoch").value(&ruling.epoch);
        out.key("warning").value(&ruling.warning);
        if let Some(source) = self.source {
            out.key("source").value(source);
        }
        out.key("passed").value(&passed(self.wanted, vetted));
        out.key("command").open();
        commands(out, vetted.joints.iter().copied());
        time(out, "valid_until", "valid_until_ns", *shift, vetted.valid_until);
        out.close();
        out.key("records").list(self.records, |out, record| self.record(out, record));
        out.close();
        out.end_line();
    }

    /// With the names and the words of the journal, but no number left out.
    fn record(&self, out: &mut Out, record: &Record) {
        let line = RecordLine::of(record, self.joints);
        out.open();
        out.key("rule").value(&line.rule);
        out.key("clause").value(&line.clause);
        out.key("kind").value(&line.kind);
        out.key("actor").value(&line.actor);
        out.key("joint").value(&line.joint);
        out.key("sequence").value(&line.sequence);
        out.key("cause").value(&line.cause);
        out.key("asked").number(record.asked);
        out.key("allowed").number(record.allowed);
        out.key("unit").value(&line.unit);
        out.key("measured").number(record.measured);
        out.key("limit").number(record.limit);
        out.key("measured_unit").value(&line.measured_unit);
        out.key("from").value(&line.from);
        out.key("to").value(&line.to);
        out.key("from_mode").value(&line.from_mode);
        out.key("to_mode").value(&line.to_mode);
        out.key("ticks").value(&record.ticks);
        out.key("envelope").value(&line.envelope);
        out.key("profile").value(&line.profile);
        out.key("model").value(&line.model);
        out.key("cycle").value(&self.shift.cycle_outward(record.cycle));
        out.key("at_ns").value(&self.shift.outward(record.at));
        out.key("sentence").value(&record.sentence(Language::English).to_string());
        out.key("sentence_zh").value(&record.sentence(Language::Chinese).to_string());
        out.close();
    }
}

/// A point in time twice: in s for people, in ns for programs.
fn time(out: &mut Out, seconds: &str, exact: &str, shift: Shift, at: Instant) {
    let nanos = shift.outward(at);
    // Divided, not multiplied: so 20 ms are 0.02 s to the last digit.
    out.key(seconds).value(&(nanos as f64 / 1e9));
    out.key(exact).value(&nanos);
}

fn motion(out: &mut Out, motion: &Motion) {
    out.key("motion");
    // What carries numbers says them beside its word, so that the word stays a word.
    if let Motion::Move(goal) = motion {
        out.value("move");
        return out.key("goal").numbers(goal.iter().map(|angle| angle.0));
    }
    let Motion::Walk(velocity) = motion else { return out.value(motion) };
    out.value("walk");
    out.key("velocity").numbers([velocity.forward.0, velocity.left.0, velocity.yaw.0]);
}

/// The keys q, dq, kp, kd and tau, each with one number for each joint.
pub(super) fn commands(out: &mut Out, joints: impl Iterator<Item = JointCommand> + Clone) {
    out.key("q").numbers(joints.clone().map(|joint| joint.q.0));
    out.key("dq").numbers(joints.clone().map(|joint| joint.dq.0));
    out.key("kp").numbers(joints.clone().map(|joint| joint.kp.0));
    out.key("kd").numbers(joints.clone().map(|joint| joint.kd.0));
    out.key("tau").numbers(joints.map(|joint| joint.tau.0));
}

/// The joints may do exactly what was wanted of them.
fn passed(wanted: &BodyCommand, vetted: &BodyCommand) -> bool {
    let bits = |c: &JointCommand| [c.q.0, c.dq.0, c.kp.0, c.kd.0, c.tau.0].map(f32::to_bits);
    wanted.joints.len() == vetted.joints.len()
        && wanted.joints.iter().zip(vetted.joints.iter()).all(|(one, two)| bits(one) == bits(two))
}
