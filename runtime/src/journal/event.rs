//! What happened in a mission: fixed-size events, and the sentences they make for people.

use std::fmt;

use signals::Instant;

/// A short text of fixed size, at most 32 bytes of UTF-8; what is longer is cut at a character.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Label {
    bytes: [u8; Self::MAX],
    len: u8,
}

impl Label {
    /// Most bytes.
    pub const MAX: usize = 32;
    /// No text.
    pub const EMPTY: Self = Self { bytes: [0; Self::MAX], len: 0 };

    /// The beginning of `text`, as much as fits.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let mut len = text.len().min(Self::MAX);
        while !text.is_char_boundary(len) {
            len -= 1;
        }
        let mut label = Self { len: len as u8, ..Self::EMPTY };
        for (to, from) in label.bytes.iter_mut().zip(text.bytes().take(len)) {
            *to = from;
        }
        label
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl fmt::Debug for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident: $id:literal, $english:literal, $chinese:literal;)*) => {
        /// What kind of thing happened. Each line says what `values` mean; unused ones are zero.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum EventKind {
            $($(#[$doc])* $name,)*
        }

        impl EventKind {
            /// Stable id, as it stands in the journal.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// What happened, in plain English.
            #[must_use]
            pub const fn english(self) -> &'static str {
                match self { $(Self::$name => $english,)* }
            }

            /// What happened, in plain Chinese.
            #[must_use]
            pub const fn chinese(self) -> &'static str {
                match self { $(Self::$name => $chinese,)* }
            }

            /// The kind with this id.
            #[must_use]
            pub fn with_id(id: &str) -> Option<Self> {
                match id { $($id => Some(Self::$name),)* _ => None }
            }
        }
    };
}

kinds! {
    /// The mission enters the phase the label names.
    Phase: "phase", "Phase", "阶段";
    /// The goal is reached: x, y of the base, m, and distance to the goal, m.
    GoalReached: "goal_reached", "Goal reached", "到达目标";
    /// The body is pushed from outside: force x, y, N, and length, s.
    Shove: "shove", "Shoved", "受到推力";
    /// Something pushes the link of the joint that the label names: torque, N m, and length, s.
    JointPushed: "joint_pushed", "A joint is pushed", "关节受到推力";
    /// The joint that the label names jams.
    JointJammed: "joint_jammed", "A joint jams", "关节卡死";
    /// It moves again.
    JointFreed: "joint_freed", "The joint moves again", "关节恢复活动";
    /// The brain is made to ask for something forbidden, which the label names.
    ForbiddenPlan: "forbidden_plan", "The brain asks for something forbidden", "大脑提出被禁止的请求";
    /// The brain thread ends.
    BrainKilled: "brain_killed", "The brain is killed", "大脑线程被终止";
    /// The brain thread is running again.
    BrainBack: "brain_back", "The brain is back", "大脑线程恢复";
    /// A sensor begins to lie; the label names it.
    SensorFault: "sensor_fault", "A sensor fails", "传感器故障";
    /// The sensor is well again.
    SensorCleared: "sensor_cleared", "The sensor is well again", "传感器恢复";
    /// The drives have a fault, which the label names: its code, joint (NaN for all), the maker's
    /// code, and its id.
    DriveFault: "drive_fault", "A drive has a fault", "驱动器故障";
    /// The drives stop by themselves; the label says how.
    DrivesStopped: "drives_stopped", "The drives stop by themselves", "驱动器自行停止";
    /// A person presses stop.
    StopPressed: "stop_pressed", "Stop pressed", "按下停止";
    /// A person releases stop.
    StopReleased: "stop_released", "Stop released", "松开停止";
    /// A person asks for a reset.
    ResetAsked: "reset_asked", "Reset asked", "请求复位";
    /// A person asks to start.
    StartAsked: "start_asked", "Start asked", "请求启动";
    /// A person takes over with the stick.
    TakenOver: "taken_over", "A person takes over", "操作员接管";
    /// The person hands back to the brain.
    HandedBack: "handed_back", "Handed back to the brain", "交还给大脑";
    /// The body touches something it should not: x, y, m.
    Collision: "collision", "Collision", "碰撞";
    /// The body falls.
    Fall: "fall", "Fall", "跌倒";
    /// Ticks were skipped: how many.
    Overrun: "overrun", "Ticks skipped", "错过周期";
    /// A check of the mission: first value 1 passed, 0 failed; the label names it.
    Check: "check", "Check", "检查";
    /// A person interrupts the run.
    Interrupted: "interrupted", "Interrupted by a person", "被人中断";
    /// The run ends.
    Finished: "finished", "The run ends", "运行结束";
    /// Something about profile, permit, notices or memory; the label says it.
    Deployment: "deployment", "Deployment", "部署";
    /// Anything else; the label says it.
    Note: "note", "Note", "备注";
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: Instant,
    /// In which cycle.
    pub cycle: u64,
    /// What kind.
    pub kind: EventKind,
    /// Numbers; see the kind.
    pub values: [f32; 4],
    /// A short text; see the kind.
    pub label: Label,
}

impl Event {
    /// An event without numbers.
    #[must_use]
    pub fn new(at: Instant, cycle: u64, kind: EventKind, label: &str) -> Self {
        Self { at, cycle, kind, values: [0.0; 4], label: Label::new(label) }
    }

    /// The same event with numbers.
    #[must_use]
    pub const fn with(self, values: [f32; 4]) -> Self {
        Self { values, ..self }
    }

    /// The event in plain English.
    #[must_use]
    pub fn english(&self) -> String {
        self.sentence(self.kind.english(), ": ", ["for", "at"])
    }

    /// The event in plain Chinese.
    #[must_use]
    pub fn chinese(&self) -> String {
        self.sentence(self.kind.chinese(), "：", ["持续", "位于"])
    }

    fn sentence(&self, what: &str, colon: &str, [during, place]: [&str; 2]) -> String {
        let [a, b, c, _] = self.values;
        let label = self.label.as_str();
        let detail = match self.kind {
            EventKind::Shove => format!("{:.0} N {during} {c:.1} s", a.hypot(b)),
            EventKind::JointPushed => format!("{a:.1} N m {during} {b:.1} s"),
            EventKind::GoalReached | EventKind::Collision => format!("{place} ({a:.2}, {b:.2}) m"),
            EventKind::Overrun => format!("{a:.0}"),
            EventKind::Check => {
                format!("{label}{colon}{}", if a > 0.5 { "ok" } else { "FAILED" })
            }
            _ => String::new(),
        };
        match (detail.is_empty(), label.is_empty() || self.kind == EventKind::Check) {
            (true, true) => what.to_owned(),
            (true, false) => format!("{what}{colon}{label}"),
            (false, true) => format!("{what}{colon}{detail}"),
            (false, false) => format!("{what}{colon}{detail}, {label}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_cut_at_a_character() {
        assert_eq!(Label::new("stand up").as_str(), "stand up");
        let long = Label::new(&"停".repeat(20));
        assert_eq!(long.as_str(), "停".repeat(10));
    }

    #[test]
    fn events_read_as_sentences() {
        let event = |kind, label| Event::new(Instant::ZERO, 0, kind, label);
        let shove = event(EventKind::Shove, "").with([0.0, 60.0, 0.2, 0.0]);
        assert_eq!(shove.english(), "Shoved: 60 N for 0.2 s");
        assert_eq!(shove.chinese(), "受到推力：60 N 持续 0.2 s");
        assert_eq!(event(EventKind::Phase, "walk").english(), "Phase: walk");
        let check = event(EventKind::Check, "no fall").with([1.0, 0.0, 0.0, 0.0]);
        assert_eq!(check.english(), "Check: no fall: ok");
        assert_eq!(EventKind::with_id("shove"), Some(EventKind::Shove));
        assert_eq!(EventKind::with_id("x"), None);
    }
}
