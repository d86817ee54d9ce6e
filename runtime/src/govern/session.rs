//! One stream of lines held against one governor.

use std::time::Duration;

use governor::{Governor, Record, Rule};
use model::Robot;
use signals::{BodyCommand, Instant, JointCommand, Joints, Level};

use super::inputs::{Before, Fixed, Memory, Proposal, Shift};
use super::json::{Fault, Out, Read};
use super::line::Line;
use super::started;
use super::verdict::Verdict;

/// What a line was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A proposal; its verdict was written.
    Verdict,
    /// Acts of a person; they are in force from the next proposal on.
    Noted,
    /// It broke a rule; it changed nothing.
    Error,
}

/// One stream of lines held against one governor.
#[derive(Debug)]
pub struct Session {
    governor: Governor,
    fixed: Fixed,
    memory: Memory,
    shift: Shift,
    before: Before,
    /// Time and cycle of the last verdict, as the lines count them.
    last: Option<(u64, u64)>,
    started: bool,
    records: Vec<Record>,
    out: Out,
}

impl Session {
    /// A session for `robot`, with a governor that has not ruled yet. With `started`, the self-test
    /// and a person's start go before the first proposal, and this person goes on watching.
    #[must_use]
    pub fn new(robot: &Robot, governor: Governor, period: Duration, started: bool) -> Self {
        let fixed = Fixed::new(robot, governor.profile(), period);
        let joints = Joints::filled(JointCommand::LIMP, fixed.names.joints.len());
        let vetted = BodyCommand { joints, valid_until: Instant::ZERO };
        Self {
            before: Before { ruling: governor.ruling(), vetted, count: 0 },
            governor,
            fixed,
            memory: Memory::new(started),
            shift: Shift::default(),
            last: None,
            started,
            records: Vec::new(),
            out: Out::default(),
        }
    }

    /// Judges line `number` (from 1); what it answers is in [`Self::written`].
    pub fn answer(&mut self, number: u64, text: &[u8]) -> Answer {
        self.out.clear();
        match self.judge(number, text) {
            Ok(answer) => answer,
            Err(fault) => {
                self.fault(number, text, &fault);
                Answer::Error
            }
        }
    }

    /// Answers a line that is too long to be read.
    pub fn refuse_length(&mut self, number: u64, most: usize) -> Answer {
        self.out.clear();
        let rule = format!("a line has at most {most} bytes");
        self.fault(number, &[], &Fault::new(0, rule, "send one cycle a line"));
        Answer::Error
    }

    /// The answer to the last line, itself a line.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        self.out.bytes()
    }

    /// How often each rule acted, in the order of the rules; those that never did are left out.
    pub fn counts(&self) -> impl Iterator<Item = (Rule, u32)> {
        let counts = Rule::ALL.into_iter().map(|rule| (rule, self.governor.count(rule)));
        counts.filter(|(_, count)| *count > 0)
    }

    /// The highest level so far.
    #[must_use]
    pub const fn max_level(&self) -> Level {
        self.governor.max_level()
    }

    fn judge(&mut self, number: u64, text: &[u8]) -> Read<Answer> {
        let mut line = self.fixed.names.read(text)?;
        if !line.is_proposal() {
            if line.devices.is_empty() {
                let rule = "a line is a proposal or an act of a person; this one is neither";
                return Err(Fault::new(0, rule, "give `t`, `q` and `dq`, or `act`, `stop`, `cut`"));
            }
            self.memory.press(std::mem::take(&mut line.devices))?;
            self.out.open();
            self.out.key("line").value(&number);
            self.out.key("noted").value("operator");
            self.out.close();
            self.out.end_line();
            return Ok(Answer::Noted);
        }
        let (time, cycle, q, dq) = self.required(&line)?;
        self.memory.press(std::mem::take(&mut line.devices))?;
        self.memory.perceive(&mut line, time, &self.fixed);
        if std::mem::take(&mut self.started) {
            let proposal = Proposal { line: &line, time, number: cycle, q, dq };
            self.start(&proposal);
        }
        self.memory.plan(&mut line, time, &self.fixed, &self.before.ruling);
        self.last = Some((time, cycle));
        let source = line.source.take();
        let proposal = Proposal { line: &line, time, number: cycle, q, dq };
        self.turn(number, &proposal, source.as_deref());
        Ok(Answer::Verdict)
    }

    /// Time, cycle, positions and speeds, which no proposal may do without.
    fn required(&self, line: &Line) -> Read<(u64, u64, Joints<f32>, Joints<f32>)> {
        let missing = |key: &str| {
            let rule = format!("a proposal needs `{key}`");
            Fault::new(0, rule, "give `t`, `q` and `dq`; all else has a default")
        };
        let time = line.time.ok_or_else(|| missing("t"))?;
        let q = line.q.ok_or_else(|| missing("q"))?;
        let dq = line.dq.ok_or_else(|| missing("dq"))?;
        let next = self.last.map_or(0, |(_, cycle)| cycle.saturating_add(1));
        let cycle = line.cycle.unwrap_or(next);
        if let Some((last, _)) = self.last.filter(|(last, _)| time < *last) {
            let (time, last) = (time as f64 / 1e9, last as f64 / 1e9);
            let rule = format!("time may not run backwards: {time} s after {last} s");
            let fault = Fault::new(0, rule, "send the lines in their order");
            return Err(Fault { key: "t".into(), ..fault });
        }
        if cycle < next {
            let rule = format!("each cycle has a number of its own: {cycle} after {}", next - 1);
            let fault = Fault::new(0, rule, "count up, or leave `cycle` out");
            return Err(Fault { key: "cycle".into(), ..fault });
        }
        Ok((time, cycle, q, dq))
    }

    /// Puts the self-test and the start before the first proposal, on the governor's clock.
    fn start(&mut self, first: &Proposal<'_>) {
        let frame = first.frame(&self.fixed, &self.memory, &self.before, self.shift);
        let state = first.state(&self.fixed, self.shift);
        let done = started::start(&mut self.governor, &frame, &state, self.fixed.period);
        let span = self.fixed.period.as_nanos().saturating_mul(done.cycles.into());
        let span = i128::try_from(span).unwrap_or(i128::MAX);
        self.shift = Shift {
            nanos: span - i128::from(first.time),
            cycles: i128::from(done.cycles) - i128::from(first.number),
        };
        self.records = done.records;
        self.before.ruling = self.governor.ruling();
    }

    fn turn(&mut self, line: u64, proposal: &Proposal<'_>, source: Option<&str>) {
        let Self { governor, fixed, memory, shift, before, records, out, .. } = self;
        let inputs = proposal.inputs(fixed, memory, before, *shift);
        let (cycle, state) = (&inputs.cycle, &inputs.state);
        let plan = inputs.plan.as_ref();
        let ruling = governor.rule(cycle, &inputs.frame, state, plan, &inputs.operator);
        let vetted = *governor.vet(cycle, state, inputs.wanted);
        records.extend(std::iter::from_fn(|| governor.next_record()));
        let verdict = Verdict {
            line,
            shift: *shift,
            cycle,
            ruling: &ruling,
            wanted: &inputs.wanted,
            vetted: &vetted,
            records,
            source,
            joints: &fixed.names.joints,
        };
        verdict.write(out);
        records.clear();
        *before = Before { ruling, vetted, count: before.count.wrapping_add(1) };
    }

    fn fault(&mut self, number: u64, text: &[u8], fault: &Fault) {
        let before = text.get(..fault.at.min(text.len())).unwrap_or_default();
        let column = String::from_utf8_lossy(before).chars().count() + 1;
        let out = &mut self.out;
        out.clear();
        out.open();
        out.key("error").open();
        out.key("line").value(&number);
        out.key("column").value(&column);
        out.key("key").value(&fault.key);
        out.key("rule").value(&fault.rule);
        out.key("fix").value(&fault.fix);
        out.close();
        out.close();
        out.end_line();
    }
}
