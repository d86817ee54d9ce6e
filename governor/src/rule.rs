//! The rules, each with its id, the clause it serves, its units and its title.

use crate::Clause;

macro_rules! rules {
    ($($name:ident: $id:literal, $clause:ident, $unit:literal, $measured:literal,
        $english:literal, $chinese:literal;)*) => {
        /// A rule of the governor. Every refusal, limiting and change of level names one.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Rule {
            $(#[doc = $english] $name,)*
        }

        impl Rule {
            /// All rules, in order.
            pub const ALL: [Self; Self::COUNT] = [$(Self::$name),*];
            /// How many rules there are.
            pub const COUNT: usize = [$($id),*].len();

            /// Stable id, as it stands in records and reports.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// The clause it serves.
            #[must_use]
            pub const fn clause(self) -> Clause {
                match self { $(Self::$name => Clause::$clause,)* }
            }

            /// Unit of what was asked and allowed; empty where no number belongs.
            #[must_use]
            pub const fn unit(self) -> &'static str {
                match self { $(Self::$name => $unit,)* }
            }

            /// Unit of what was measured and of the limit; empty where no number belongs.
            #[must_use]
            pub const fn measured_unit(self) -> &'static str {
                match self { $(Self::$name => $measured,)* }
            }

            /// What the rule found, in plain English.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $english,)* }
            }

            /// What the rule found, in plain Chinese.
            #[must_use]
            pub const fn title_chinese(self) -> &'static str {
                match self { $(Self::$name => $chinese,)* }
            }
        }
    };
}

// Name: id, clause, unit of asked and allowed, unit of measured and limit, English, Chinese.
rules! {
    PlanFinite: "PLAN-FINITE", A2, "", "", "a number of the plan is not finite", "计划含非有限数";
    PlanShape: "PLAN-SHAPE", A2, "", "", "the plan's steps make no time grid", "计划的时间网格无效";
    PlanOrder: "PLAN-ORDER", O2, "", "", "the plan is not newer than the one admitted before",
        "计划不比已采纳的更新";
    PlanAge: "PLAN-AGE", A2, "", "s", "the plan's observation is too old or in the future",
        "计划所依据的观测过旧或在未来";
    PlanValidity: "PLAN-VALIDITY", A2, "", "s", "the plan asks to be valid for too long",
        "计划要求的有效期过长";
    PlanExpired: "PLAN-EXPIRED", A2, "", "s", "the plan has expired", "计划已过期";
    PlanRange: "PLAN-RANGE", M2, "m/s", "m/s", "the plan asks for too much speed",
        "计划要求的速度过高";
    PlanTurn: "PLAN-TURN", M2, "rad/s", "rad/s", "the plan asks to turn too fast",
        "计划要求的转速过高";
    PlanPosture: "PLAN-POSTURE", M1, "", "rad",
        "the plan asks for a posture beyond a joint's limit",
        "计划要求的姿态超出关节限位";
    PlanLease: "PLAN-LEASE", O2, "", "", "the plan was made under a lease that has ended",
        "计划所依据的控制权租约已失效";
    PlanModel: "PLAN-MODEL", A2, "", "", "the plan comes from another model than the checked one",
        "计划来自未经检查的模型";
    PlanSkill: "PLAN-SKILL", A5, "", "", "this deployment does not permit the brain this skill",
        "本部署不允许大脑使用此技能";
    PlanSilent: "PLAN-SILENT", A2, "", "s", "no new plan has come for too long",
        "过久没有新计划";
    PlanRate: "PLAN-RATE", A2, "", "1/s", "plans come faster than the planner may send them",
        "计划到达过快";
    PlanFaulty: "PLAN-FAULTY", A2, "", "plans", "too many plans in a row could not be used",
        "连续多个计划不可用";
    PlanJump: "PLAN-JUMP", M3, "m/s", "m/s", "the plan jumps away from the one before",
        "计划相对上一个突变";
    PlanOscillates: "PLAN-OSCILLATES", A2, "", "1/s", "the plans swing to and fro",
        "计划来回振荡";
    PlanFrozen: "PLAN-FROZEN", A2, "", "s", "the plans do not change although the robot does",
        "机器人在变化而计划不变";
    StickStale: "STICK-STALE", O5, "m/s", "s",
        "the stick's reading is too old: it counts as released",
        "操纵杆读数过旧，视为松开";
    StickReleased: "STICK-RELEASED", O5, "m/s", "", "the enabling device is not held",
        "未按住使能装置";
    StickRange: "STICK-RANGE", O5, "m/s", "m/s", "the stick asks for more than the manual speed",
        "操纵杆要求的速度超过手动限速";
    LidarBrake: "LIDAR-BRAKE", H1, "m/s", "m", "something is too near for this speed",
        "以此速度距物体过近";
    LidarStale: "LIDAR-STALE", H4, "m/s", "s", "there is no recent lidar scan",
        "没有新近的激光扫描";
    PersonNear: "PERSON-NEAR", H1, "m/s", "m", "a person is too near for this speed",
        "以此速度距人过近";
    PersonStale: "PERSON-STALE", H4, "", "s", "the person sensor is silent: a person is assumed",
        "人员传感器无响应，按有人处理";
    ContactSpeed: "CONTACT-SPEED", H2, "m/s", "m/s", "touching a person at this speed would hurt",
        "以此速度接触人会造成伤害";
    Geofence: "GEOFENCE", M5, "m/s", "m", "the permitted area ends too near for this speed",
        "以此速度距允许区域边界过近";
    GeofenceLeft: "GEOFENCE-LEFT", M5, "", "m", "the robot is outside its permitted area",
        "机器人在允许区域之外";
    BaseHeight: "BASE-HEIGHT", M5, "", "m", "the base is outside its band of height",
        "机体高度超出范围";
    BaseSpeed: "BASE-SPEED", M2, "", "m/s", "the base is faster than it may be",
        "机体速度超限";
    BaseAccel: "BASE-ACCEL", M3, "m/s", "m/s^2", "the base's speed would change too fast",
        "机体加速度过大";
    BaseTurn: "BASE-TURN", M3, "rad/s", "rad/s^2", "the base's turning would change too fast",
        "机体转动加速度过大";
    FrameFinite: "FRAME-FINITE", A2, "", "ticks", "a sensor reading is not a finite number",
        "传感器读数非有限数";
    FrameShape: "FRAME-SHAPE", A2, "", "joints", "the frame has the wrong number of joints",
        "传感器帧的关节数不符";
    JointStale: "JOINT-STALE", A2, "", "s", "a joint's reading is too old", "关节读数过旧";
    JointStuck: "JOINT-STUCK", M4, "", "ticks", "a joint's reading does not change any more",
        "关节读数不再变化";
    JointOutside: "JOINT-OUTSIDE", M1, "", "rad", "a joint is outside its limits",
        "关节超出限位";
    ImuStale: "IMU-STALE", A2, "", "s", "the inertial reading is too old", "惯性读数过旧";
    StateInvalid: "STATE-INVALID", A2, "", "", "the estimate of the robot's state is not usable",
        "机器人状态估计不可用";
    Tilt: "TILT", M8, "", "rad", "the body tilts too far", "机体倾斜过大";
    TiltRate: "TILT-RATE", M8, "", "rad", "the body tips over too fast to be caught",
        "机体倾倒过快，无法恢复";
    CapturePoint: "CAPTURE-POINT", M8, "", "m", "the capture point leaves what a step can reach",
        "捕获点超出一步可及范围";
    Lifted: "LIFTED", M8, "", "s", "no foot carries weight", "所有足端均不承重";
    FootSlip: "FOOT-SLIP", M8, "", "m/s", "a standing foot slips", "支撑足打滑";
    HoldDrift: "HOLD-DRIFT", S3, "", "m", "the body moves although it must stand still",
        "机体应静止却在移动";
    BackDrive: "BACK-DRIVE", S8, "", "rad/s", "a joint moves although its torque is off",
        "关节已断力矩仍在运动";
    StateDiverged: "STATE-DIVERGED", A2, "", "rad", "estimate and sensors contradict each other",
        "估计与传感器相互矛盾";
    ImuStuck: "IMU-STUCK", A2, "", "ticks", "the inertial reading does not change any more",
        "惯性读数不再变化";
    ImuRange: "IMU-RANGE", A2, "", "", "the inertial reading is outside its range",
        "惯性读数超出量程";
    JointJump: "JOINT-JUMP", A2, "", "rad", "a joint's reading jumps further than it can move",
        "关节读数跳变超出可能";
    JointBlocked: "JOINT-BLOCKED", M4, "", "s", "a joint gives torque and does not move",
        "关节出力却不运动";
    JointSign: "JOINT-SIGN", M4, "", "s", "a joint moves against its torque",
        "关节运动方向与力矩相反";
    TorqueError: "TORQUE-ERROR", M4, "", "N m", "a drive does not give the torque it was told",
        "驱动器未输出所要求的力矩";
    DriveOff: "DRIVE-OFF", S7, "", "", "the drives do not follow: they damp or give no torque",
        "驱动器不跟随指令：正在阻尼或已断力矩";
    JointHot: "JOINT-HOT", M7, "", "degC", "a winding is too hot", "绕组过热";
    SupplyVoltage: "SUPPLY-VOLTAGE", M7, "", "V", "the supply is outside its range",
        "电源电压超出范围";
    SupplyCharge: "SUPPLY-CHARGE", M7, "", "of full", "little charge is left", "电量不足";
    Collision: "COLLISION", N3, "", "N m", "a joint meets a force that nothing explains",
        "关节遇到无法解释的外力";
    SelfCollision: "SELF-COLLISION", M6, "N m", "m", "two limbs would come too near to each other",
        "两肢体将过于接近";
    CycleLate: "CYCLE-LATE", C3, "", "s", "the control loop skipped ticks", "控制环丢失周期";
    FilterBusy: "FILTER-BUSY", W1, "", "", "limits had to act in too many ticks",
        "限制动作过于频繁";
    CommandFinite: "COMMAND-FINITE", M3, "", "ticks", "a joint command is not a finite number",
        "关节指令非有限数";
    CommandShape: "COMMAND-SHAPE", A1, "", "joints", "the command has the wrong number of joints",
        "指令的关节数不符";
    CommandStale: "COMMAND-STALE", M3, "", "s", "the command's validity is over already",
        "指令已过有效期";
    CycleUnruled: "CYCLE-UNRULED", A1, "", "", "a command came in a cycle without a ruling",
        "未经裁决的周期出现指令";
    // From here to JOINT-TORQUE: the rules that limit one joint; the ledger relies on their order.
    JointGain: "JOINT-GAIN", M4, "N m/rad", "N m/rad", "the stiffness is outside its limit",
        "要求的刚度超限";
    JointDamping: "JOINT-DAMPING", M4, "N m s/rad", "N m s/rad",
        "the damping asked for is outside its limit", "要求的阻尼超限";
    JointPosition: "JOINT-POSITION", M1, "rad", "rad", "the target is beyond the joint's limit",
        "目标位置超出关节限位";
    JointRate: "JOINT-RATE", M2, "rad/s", "rad/s", "the target speed is above the joint's limit",
        "目标速度超出关节限速";
    JointBrake: "JOINT-BRAKE", M1, "N m", "rad/s",
        "the joint is too fast to stop before its limit", "关节过快，无法在限位前停住";
    JointVelocity: "JOINT-VELOCITY", M2, "N m", "rad/s", "the joint is at its speed limit",
        "关节已达限速";
    JointJerk: "JOINT-JERK", M3, "N m", "rad/s^2", "the joint's acceleration would change too fast",
        "关节加速度变化过快";
    JointAccel: "JOINT-ACCEL", M3, "N m", "rad/s^2", "the joint would accelerate too hard",
        "关节加速度过大";
    JointTorqueRate: "JOINT-TORQUE-RATE", M4, "N m", "N m/s", "the torque would change too fast",
        "力矩变化过快";
    JointThermal: "JOINT-THERMAL", M7, "N m", "", "the winding's heat permits less torque",
        "绕组热量只允许较小力矩";
    JointPower: "JOINT-POWER", M7, "N m", "W", "all joints together would take too much power",
        "全部关节总功率超限";
    JointEnergy: "JOINT-ENERGY", M7, "N m", "J", "the energy tank is empty", "能量罐已空";
    CommandJump: "COMMAND-JUMP", M3, "rad", "rad", "the target jumps from one cycle to the next",
        "目标在相邻周期间突变";
    JointTorque: "JOINT-TORQUE", M4, "N m", "N m", "the drive may not give this torque",
        "驱动器不能或不得输出此力矩";
    AtRest: "AT-REST", S4, "", "s", "the body is not yet at rest", "机体尚未静止";
    SettleStatic: "SETTLE-STATIC", S2, "", "s", "the body stands by itself, torque goes off",
        "机体已静止自立，切断力矩";
    SettleTimeout: "SETTLE-TIMEOUT", S2, "", "s", "the controlled stop took too long",
        "受控停止超时";
    LevelClear: "LEVEL-CLEAR", W2, "", "s", "no cause was seen for long enough",
        "足够长时间未见原因";
    OperatorStop: "OPERATOR-STOP", O1, "", "", "a person pressed stop", "操作员按下停止";
    OperatorCut: "OPERATOR-CUT", S1, "", "", "a person cut the torque", "操作员切断力矩";
    OperatorReset: "OPERATOR-RESET", S4, "", "", "a person asked for a reset", "操作员请求复位";
    OperatorStart: "OPERATOR-START", O6, "", "", "a person asked to start", "操作员请求启动";
    SelfTest: "SELF-TEST", O6, "", "ticks", "sensors and limits are being checked",
        "正在检查传感器与限位";
    OperatorAck: "OPERATOR-ACK", W1, "", "", "a person acknowledged", "操作员确认";
    GoSafe: "GO-SAFE", O3, "", "", "a person sent the robot to safety", "操作员令机器人进入安全状态";
    TakeOver: "TAKE-OVER", O7, "", "", "a person took over", "操作员接管";
    HandBack: "HAND-BACK", O7, "", "", "a person handed back to the brain", "操作员交还给大脑";
    ModeSelect: "MODE-SELECT", G2, "", "", "a person selected a mode", "操作员选择模式";
    RoleForbidden: "ROLE-FORBIDDEN", O3, "", "", "this role may not do that", "此角色无权执行";
    Unlock: "UNLOCK", U3, "", "", "a maintainer ended the lockout", "维护员解除锁定";
    SupervisorLost: "SUPERVISOR-LOST", O3, "", "s", "nobody supervises the robot", "无人监督机器人";
    PreMotion: "PRE-MOTION", O6, "", "s", "motion begins after the warning", "预警后开始运动";
    Escalated: "ESCALATED", W1, "", "s", "a cause has lasted too long for its level",
        "原因持续过久，级别上升";
    Recurred: "RECURRED", W2, "", "times", "the same level came back too often",
        "同一级别反复出现";
    Strikes: "STRIKES", S4, "", "times", "a second cut or fall within a day", "一天内第二次断电或跌倒";
    Observation: "OBSERVATION", P1, "", "h", "the observation period permits less speed",
        "观察期限速";
    Permit: "PERMIT", B1, "", "m", "the robot is outside its sandbox permit", "机器人超出沙盒许可范围";
    PermitEnded: "PERMIT-ENDED", B1, "", "s", "the sandbox permit is not in force",
        "沙盒许可未生效或已到期";
    PermitClock: "PERMIT-CLOCK", B1, "", "s", "the clock was set back under a permit",
        "许可期内时钟被回拨";
    Notice: "NOTICE", W3, "", "", "a notice from outside tightens the limits", "外部通知收紧限制";
    LimitsChanged: "LIMITS-CHANGED", A4, "", "",
        "the limits in memory are not those that were loaded",
        "内存中的限制与加载时不一致";
    ProfileInvalid: "PROFILE-INVALID", A4, "", "", "the profile breaks its own rules",
        "配置不符合自身规则";
}
