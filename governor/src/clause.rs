//! The requirements the runtime answers to: where each comes from, what is done for it, and how far
//! that goes today. The matrix of `tests/run matrix` joins this table with the rules, the marked
//! mechanisms and the tests.
//!
//! The bases name laws and standards; they are not quoted, and what is written here is our reading
//! of them. Laws speak to people and firms, not to a robot: the runtime supports those who have to
//! answer for it. *Unchecked* marks a basis that was not read again for this table.

use core::fmt;

use Coverage::{Covered, NotYet, Partly};

/// How far the runtime meets a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Done, and shown by tests.
    Covered,
    /// Some of it is done and tested; the words say what is missing.
    Partly(&'static str),
    /// Nothing that counts; the words say which plan brings it.
    NotYet(&'static str),
}

macro_rules! clauses {
    ($($name:ident: $basis:literal, $english:literal, $chinese:literal, $does:literal,
        $coverage:expr;)*) => {
        /// A row of the traceability table. Every rule serves one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Clause {
            $(#[doc = $english] $name,)*
        }

        impl Clause {
            /// All clauses, in the order of the table.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$name),*];
            /// How many clauses there are.
            pub const COUNT: usize = [$($english),*].len();

            /// Stable id, a letter for the group and a number.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }

            /// Law, standard or practice it comes from.
            #[must_use]
            pub const fn basis(self) -> &'static str {
                match self { $(Self::$name => $basis,)* }
            }

            /// What it asks for, in English.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $english,)* }
            }

            /// What it asks for, in Chinese.
            #[must_use]
            pub const fn title_chinese(self) -> &'static str {
                match self { $(Self::$name => $chinese,)* }
            }

            /// What the runtime does for it, or where it is not yet covered, is to do.
            #[must_use]
            pub const fn does(self) -> &'static str {
                match self { $(Self::$name => $does,)* }
            }

            /// How far that goes today.
            #[must_use]
            pub const fn coverage(self) -> Coverage {
                match self { $(Self::$name => $coverage,)* }
            }
        }
    };
}

impl Clause {
    /// The clause with this id; `None` where there is none.
    #[must_use]
    pub fn with_id(id: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|clause| clause.id() == id)
    }
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

// Name: basis, title in English, title in Chinese, what the runtime does, coverage.
clauses! {
    // O: people oversee and override.
    O1: "Hangzhou, ethics; EU 2023/1230 1.2.2; AI Act 14 (unchecked)",
        "Anyone can stop at any time", "任何人可随时停止",
        "A stop needs no lease, no plan and no working sensor, and acts in the next command.",
        Partly("from afar a stop is as good as the network; a silent stop device stops nothing");
    O2: "EU 2023/1230 1.2.2", "One control position at a time", "同一时刻只有一个控制位置",
        "Only the newest plan under the lease in force can move the body; over a network each \
         message carries a code that only the holder of the lease can make.",
        Partly("a holder is known by a key, not as a person");
    O3: "EU 2023/1230 3.2.4", "No autonomy without a supervisor", "无人监督则不得自主运行",
        "Autonomy ends when nobody supervises; from afar one may only stop, or let a hold go on.",
        Partly("supervisors on other machines, and the health of protective devices");
    O4: "EU 2023/1230 3.3", "People's commands pass the same limits", "人的指令受同样限制",
        "What a stick asks for is bounded as what the brain asks for, and more strictly.",
        Partly("recorded hostile sessions of a person");
    O5: "ISO 10218-1 manual mode (unchecked); EU 2023/1230 1.2.5",
        "Manual only while the enabling device is held", "仅在按住使能装置时可手动",
        "The stick moves the body slowly and only while held; an old reading counts as released.",
        Partly("a real enabling device with three positions");
    O6: "EU 2023/1230 1.2.3", "Motion starts by a person's act", "运动须由人启动",
        "Nothing moves from boot, reset or a change of mode; a start is an act of its own.",
        Partly("light and sound on the body for the warning before motion");
    O7: "Beijing automated driving, take-over (analogue)", "Take-over without a jump", "接管无突变",
        "A person takes the motion over as it is; the brain waits until it is handed back.",
        Partly("the tilt of a gait that is taken over, against one that is not");
    O8: "Hangzhou, ethics; IEEE humanoid study group", "The robot shows its state", "机器人显示其状态",
        "Mode, level and the reason of a limit are shown as they change.",
        Partly("shown on the terminal and in the run's page; light and sound on the body");
    // S: stops.
    S1: "IEC 60204-1 Cat 0; IEC 61800-5-2 STO", "Torque off at once", "立即切断力矩",
        "A cut takes all torque away in the same cycle and wins over every other stop.",
        Partly("a stop chain in hardware and in firmware, which no host can replace");
    S2: "IEC 60204-1 Cat 1; IEC 61800-5-2 SS1", "Controlled stop, then torque off",
        "受控停止后切断力矩",
        "The body settles; torque goes off with evidence of rest, or when the time is over.",
        Partly("shown from standing and walking, not over all phases of the gait");
    S3: "IEC 60204-1 Cat 2; EU 2023/1230 1.2.4.2", "Powered standstill is monitored",
        "带电静止受监控",
        "A body that moves although it must stand still is settled.",
        Partly("a safe stop of the drives themselves");
    S4: "EU 2023/1230 1.2.4.3; ISO 13850 (unchecked)", "A stop latches: release, reset, start",
        "停止自锁：松开、复位、启动",
        "Back to motion there are three acts of a person, each refused while a cause lasts.",
        Covered;
    S5: "EU 2023/1230 1.2.1", "Nothing cancels a stop", "任何输入不得取消停止",
        "No message, reading or plan lowers a latched level.",
        Covered;
    S6: "EU 2023/1230 1.2.1", "A held piece does not fall", "停止时不掉落所持物",
        "The grip stays closed in every stop but a fault of the hand itself.",
        NotYet("the first robot with a gripper");
    S7: "EU 2023/1230 1.2.6, 3.3.3", "Loss of the host is no hazard", "失去主机不产生危险",
        "A command carries until when it is valid; past it the joints damp by themselves.",
        Partly("only the simulated drives do so; firmware with a controlled stop of its own");
    S8: "EU 2023/1230 1.3.9", "No drift after a stop", "停止后不漂移",
        "A joint that moves although its torque is off is told.",
        Partly("nothing can hold it: a brake on the joint");
    S9: "ISO/CD 25785-1, intent", "A balancing body is not simply switched off",
        "主动平衡体不直接断电",
        "A body that needs power to stand settles first; a fall is damped; a person may cut.",
        Partly("how hard it hits a person was not compared");
    // M: limits of motion.
    M1: "IEC 61800-5-2 SLP", "Joints stay within their positions", "关节位置限制",
        "A joint may move toward its limit no faster than it can stop before it.",
        Covered;
    M2: "IEC 61800-5-2 SLS", "Speeds stay within limits", "速度限制",
        "Speeds of joints and base are bounded, and scaled by level and profile.",
        Partly("the speed of feet and tools");
    M3: "IEC 61800-5-2 SLA", "Accelerations and jumps are limited", "加速度与突变限制",
        "Accelerations of base and joints are bounded; what is no number is never passed on.",
        Partly("jumps of a target from one cycle to the next");
    M4: "IEC 61800-5-2 SLT", "Torques stay within limits", "力矩限制",
        "Gains and torque stay within what the drive can do; a stuck joint stops the robot.",
        Covered;
    M5: "EU 2023/1230 1.2.1", "The robot stays in its space", "限制运动空间",
        "The base slows down before the edge of the permitted area and keeps its band of height.",
        Partly("places are those of the odometry, which drifts");
    M6: "practice: published arm controllers", "Limbs do not hit each other", "肢体不自碰",
        "Limbs that come near to each other are braked apart.",
        Partly("limbs are capsules, and what is carried has none");
    M7: "ISO 13482, energy", "Heat, power and supply stay within limits", "热、功率与电源限制",
        "A hot winding, a bad voltage or a low charge slows the robot, then stops it in control.",
        Partly("torque reduced by the power of all joints");
    M8: "incident of a tethered humanoid, 2025", "No gait that cannot act on the ground",
        "无法对地作用则不行走",
        "A robot that tips over or hangs in the air stops its gait.",
        Partly("slipping feet, and a pull from outside against the weight");
    // H: people nearby.
    H1: "ISO/TS 15066 speed and separation; ISO 10218-2", "Slower when someone is near",
        "有人靠近则减速",
        "The speed toward what the lidar sees leaves room to stop.",
        Partly("what is seen counts as standing still; a person's own speed");
    H2: "ISO/TS 15066 power and force", "A touch does not hurt", "接触不致伤",
        "The speed is bounded so that a touch of a body region stays below its limit.",
        Partly("impacts on a dummy; limits from bought tables are the user's to supply");
    H3: "ISO 10218-1 Class I", "A harmless class needs harmless hardware", "低危等级须由硬件保证",
        "A profile of that class is refused for a robot that could do more.",
        Partly("what one joint can do where the robot stands is a bound from below");
    H4: "EU 2023/1230 3.3.3", "A blind sensor counts as a person", "传感器失效按有人处理",
        "Without a recent scan, or without a sign of the person sensor, the robot slows and holds.",
        Partly("the person sensor is simulated");
    H5: "fall zone, after ISO/CD 25785-1 (our design)", "Nobody in the fall zone", "跌倒区内无人",
        "With a small margin of balance, people are kept out of where the robot would fall.",
        NotYet("a map of which states can be stopped");
    H6: "ISO/TS 15066, clamping", "Clamping is released", "夹持自动释放",
        "A lasting contact force makes the limb give way instead of freezing.",
        NotYet("the first robot with arms");
    // A: what an AI may do.
    A1: "EU 2023/1230 1.2.1; Simplex architecture", "The brain requests, the governor commands",
        "大脑请求，安全层下令",
        "A body takes only what the governor has vetted in this cycle; the compiler sees to it.",
        Covered;
    A2: "AI Act 15 (unchecked)", "Bad input falls back at once", "异常输入立即回退",
        "Old, broken or absent plans, readings and estimates are refused or stop the robot.",
        Partly("the health of the policy: frozen, swinging, too fast, another model");
    A3: "practice: published driver assistance", "A learned residual stays small", "学习残差受限",
        "What is learnt may change the command of a controller only by a bounded part.",
        NotYet("joint-level policies");
    A4: "EU 2023/1230 1.2.1", "Learning cannot change limits", "学习不能改变限制",
        "Limits are private and only tightened; in memory they are checked each second.",
        Partly("what is computed from the limits at the start is not checked again");
    A5: "published attacks on language-driven robots", "Only permitted tasks", "只执行许可任务",
        "Physical limits hold whatever a plan asks for.",
        Partly("a list of skills per scenario");
    A6: "implicit Simplex architecture", "The stop stays possible", "始终可以停止",
        "A command is refused when no stop could follow it.",
        NotYet("a predicted stop of the whole body");
    A7: "EU 2023/1230 Annex I A", "A learned monitor only restricts", "学习监视器只能收紧",
        "Nothing in the governor is learnt; a monitor could only lower speed or raise a level.",
        NotYet("a learned monitor");
    // G: levels of intelligence and scenarios.
    G1: "Hangzhou, grading; T/CIE 298", "Limits by level and scenario", "按智能级别与场景限制",
        "The limit in force is the stricter of the level's and the scenario's.",
        Partly("the cap on the brain's residual, and tool speeds, have nothing to act on yet");
    G2: "Hangzhou, grading", "A scenario changes only at rest, by a person",
        "场景只能静止时由人切换",
        "The scenario is given once, before the first cycle; an unknown one is the strictest.",
        Partly("a change while the program runs: today it takes a restart");
    G3: "Shenzhen AI regulation, high risk", "High risk needs an assessment", "高风险需评估编号",
        "A profile of a high-risk cell without the id of its assessment is refused.",
        Covered;
    // P: observation period.
    P1: "Hangzhou, observation period", "What is new is observed first", "新事物先行观察",
        "A new model, limit or scenario, or an event, begins with reduced speed.",
        Partly("a supervisor of its own for each robot under observation");
    P2: "Hangzhou, observation period", "Observation ends by evidence", "凭证据结束观察",
        "The period ends after 30 clean hours and 200 tasks, and never earlier.",
        Covered;
    P3: "practice: shadow runs", "A candidate runs without authority", "候选策略影子运行",
        "A new policy plans beside the old one and only its disagreement is kept.",
        NotYet("the shadow run");
    // B: sandbox.
    B1: "Hangzhou, sandbox", "A permit has an area and an end", "沙盒许可有范围与期限",
        "Outside its area or time the robot settles at once, and nothing starts there.",
        Partly("places are those of the odometry, which drifts");
    B2: "Hangzhou, sandbox", "A permit relaxes no stop", "沙盒不放宽停止",
        "Experimental limits need a permit and touch neither oversight nor stops.",
        Covered;
    // W: soft measures.
    W1: "Hangzhou, soft measures (mirrored)", "Measures grow by degrees", "措施逐级加重",
        "The worst cause decides the level, and a cause that lasts raises it step by step.",
        Covered;
    W2: "practice: published flight controllers", "Levels do not toggle", "级别不反复跳变",
        "A level clears after 2 s without a cause; one that comes back too often needs a person.",
        Covered;
    W3: "Hangzhou, soft measures", "Notices from outside only tighten", "外部通知只能收紧",
        "A signed notice is recorded and shown, and may make limits stricter.",
        Partly("read from files; no way in over a network");
    // E: explanation and audit.
    E1: "Hangzhou, ethics; AI Act 12", "Each intervention is explained", "每次干预可解释",
        "Whatever the governor refuses, limits or changes leaves a record and a plain sentence.",
        Covered;
    E2: "EU 2023/1230 1.1.9, 1.2.1", "Records cannot be altered unseen", "记录不可暗改",
        "A chain of hashes with signed checkpoints runs through the journal.",
        NotYet("the signed journal");
    E3: "EU 2023/1230 1.2.1; AI Act 19, 26", "Records are kept long enough", "记录保存足够久",
        "Each kind of record is kept as long as it must be.",
        NotYet("retention of journals");
    E4: "practice: event data recorders", "The moments around a stop survive", "停止前后数据可存",
        "Every tick is kept at full rate, and a file that was cut off is read up to the cut.",
        Partly("a black box of bounded size");
    E5: "determinism (our design)", "A decision can be repeated", "决策可复现",
        "The same seed gives the same run bit for bit; the governor has no clock of its own.",
        Partly("replaying a journal");
    // D: privacy and data.
    D1: "PIPL 26, 28; Hangzhou, data", "Pictures and sound stay on the device", "音像数据留在设备",
        "Camera and microphone data are kept local and faces are blurred before storage.",
        NotYet("the first camera");
    D2: "PIPL 6, 19, 47; Network Data 24", "Personal data is deleted in time", "个人数据按时删除",
        "Data has a class and a time to live.",
        NotYet("the first camera");
    D3: "PIPL 51; DSL 27; Hangzhou, data", "Data at rest is encrypted", "静态数据加密",
        "Stored data is encrypted with a key of the device, and exports are logged.",
        NotYet("retention of journals");
    D4: "published telemetry of a humanoid, 2025", "Nothing is sent without consent",
        "未经同意不外发数据",
        "By default nothing listens beyond this machine and no packet leaves it; to open it both \
         ends show keys.",
        Partly("what is sent by whom is not told person by person");
    // N: incidents.
    N1: "Hangzhou, data; DSL 29; PIPL 57", "An incident is contained and told", "事件处置与告知",
        "An incident cuts the uplink and drafts a notice with what the law asks for.",
        NotYet("the incident notice");
    N2: "CAC reporting measures; CRA 14; AI Act 73 (unchecked)", "Deadlines of notices are tracked",
        "跟踪报告时限",
        "Each kind of notice has a clock with alarms before it ends.",
        NotYet("the incident notice");
    N3: "injury (our design)", "A collision stops and preserves evidence", "碰撞即停并保全证据",
        "A force that nothing explains slows the robot and leaves a record.",
        Partly("preserving the evidence, and calling a person");
    // U: versions and updates.
    U1: "EU 2023/1230 1.1.9", "Software and model identify themselves", "软件与模型可识别",
        "Report and journal name the version and the hash of every file a run is made from.",
        Partly("firmware, and a list of all parts");
    U2: "EU 2023/1230 1.2.1", "Updates only when stopped", "仅停止时更新",
        "An update is signed, goes back by itself, and begins a new observation period.",
        NotYet("firmware updates");
    U3: "EU 2023/1230 3(16)", "A safety change blocks until approved", "安全变更须重新批准",
        "Versions a signed profile does not name block the run; a lockout ends by a maintainer.",
        Partly("firmware");
    // C: cyber security.
    C1: "IEC 62443; ETSI EN 303 645 (unchecked)", "Input is never trusted", "不信任任何输入",
        "Robot, mission and policy files are read strictly; what is wrong is refused by name.",
        Partly("certificates cannot be called back before they end");
    C2: "EU 2023/1230 1.2.1", "Frames to the drives are authentic", "驱动帧可验真",
        "A frame with a wrong sum, sequence or age is not acted on.",
        NotYet("firmware");
    C3: "EU 2023/1230 1.2.6", "A flood does not reach the loop", "通信泛滥不影响控制环",
        "The loop waits for nobody; ticks it missed are skipped and counted.",
        Partly("a flood of messages on a target machine");
    C4: "time (our design)", "The wall clock does not matter", "不受墙上时钟影响",
        "Time in the loop is the number of the tick, paced by the monotonic clock.",
        Partly("a test that steps the wall clock");
}
