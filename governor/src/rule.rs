//! The rules, each with its id, the clause it serves, its units and its title.

macro_rules! rules {
    ($($name:ident: $id:literal, $clause:literal, $unit:literal, $measured:literal,
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

            /// Id of the clause it serves, from the traceability table.
            #[must_use]
            pub const fn clause(self) -> &'static str {
                match self { $(Self::$name => $clause,)* }
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
    PlanFinite: "PLAN-FINITE", "A2", "", "", "a number of the plan is not finite", "计划含非有限数";
    PlanShape: "PLAN-SHAPE", "A2", "", "", "the plan's steps make no time grid", "计划的时间网格无效";
    PlanOrder: "PLAN-ORDER", "O2", "", "", "the plan is not newer than the one admitted before",
        "计划不比已采纳的更新";
    PlanAge: "PLAN-AGE", "A2", "", "s", "the plan's observation is too old or in the future",
        "计划所依据的观测过旧或在未来";
    PlanValidity: "PLAN-VALIDITY", "A2", "", "s", "the plan asks to be valid for too long",
        "计划要求的有效期过长";
    PlanExpired: "PLAN-EXPIRED", "A2", "", "s", "the plan has expired", "计划已过期";
    PlanRange: "PLAN-RANGE", "M2", "m/s", "m/s", "the plan asks for too much speed",
        "计划要求的速度过高";
    PlanTurn: "PLAN-TURN", "M2", "rad/s", "rad/s", "the plan asks to turn too fast",
        "计划要求的转速过高";
    LidarBrake: "LIDAR-BRAKE", "H1", "m/s", "m", "something is too near for this speed",
        "以此速度距物体过近";
    LidarStale: "LIDAR-STALE", "H4", "m/s", "s", "there is no recent lidar scan",
        "没有新近的激光扫描";
    BaseAccel: "BASE-ACCEL", "M3", "m/s", "m/s^2", "the base's speed would change too fast",
        "机体加速度过大";
    BaseTurn: "BASE-TURN", "M3", "rad/s", "rad/s^2", "the base's turning would change too fast",
        "机体转动加速度过大";
    FrameFinite: "FRAME-FINITE", "A2", "", "ticks", "a sensor reading is not a finite number",
        "传感器读数非有限数";
    FrameShape: "FRAME-SHAPE", "A2", "", "joints", "the frame has the wrong number of joints",
        "传感器帧的关节数不符";
    JointStale: "JOINT-STALE", "A2", "", "s", "a joint's reading is too old", "关节读数过旧";
    JointStuck: "JOINT-STUCK", "M4", "", "ticks", "a joint's reading does not change any more",
        "关节读数不再变化";
    JointOutside: "JOINT-OUTSIDE", "M1", "", "rad", "a joint is outside its limits",
        "关节超出限位";
    ImuStale: "IMU-STALE", "A2", "", "s", "the inertial reading is too old", "惯性读数过旧";
    StateInvalid: "STATE-INVALID", "A2", "", "", "the estimate of the robot's state is not usable",
        "机器人状态估计不可用";
    Tilt: "TILT", "M8", "", "rad", "the body tilts too far", "机体倾斜过大";
    CommandFinite: "COMMAND-FINITE", "M3", "", "ticks", "a joint command is not a finite number",
        "关节指令非有限数";
    CommandShape: "COMMAND-SHAPE", "A1", "", "joints", "the command has the wrong number of joints",
        "指令的关节数不符";
    CycleUnruled: "CYCLE-UNRULED", "A1", "", "", "a command came in a cycle without a ruling",
        "未经裁决的周期出现指令";
    // From here to JOINT-TORQUE: the rules that limit one joint; the ledger relies on their order.
    JointGain: "JOINT-GAIN", "M4", "N m/rad", "N m/rad", "the stiffness is outside its limit",
        "要求的刚度超限";
    JointDamping: "JOINT-DAMPING", "M4", "N m s/rad", "N m s/rad",
        "the damping asked for is outside its limit", "要求的阻尼超限";
    JointPosition: "JOINT-POSITION", "M1", "rad", "rad", "the target is beyond the joint's limit",
        "目标位置超出关节限位";
    JointRate: "JOINT-RATE", "M2", "rad/s", "rad/s", "the target speed is above the joint's limit",
        "目标速度超出关节限速";
    JointBrake: "JOINT-BRAKE", "M1", "N m", "rad/s",
        "the joint is too fast to stop before its limit", "关节过快，无法在限位前停住";
    JointVelocity: "JOINT-VELOCITY", "M2", "N m", "rad/s", "the joint is at its speed limit",
        "关节已达限速";
    JointTorque: "JOINT-TORQUE", "M4", "N m", "N m", "the drive may not give this torque",
        "驱动器不能或不得输出此力矩";
    AtRest: "AT-REST", "S4", "", "s", "the body is not yet at rest", "机体尚未静止";
    SettleStatic: "SETTLE-STATIC", "S2", "", "s", "the body stands by itself, torque goes off",
        "机体已静止自立，切断力矩";
    SettleTimeout: "SETTLE-TIMEOUT", "S2", "", "s", "the controlled stop took too long",
        "受控停止超时";
    LevelClear: "LEVEL-CLEAR", "W2", "", "s", "no cause was seen for long enough",
        "足够长时间未见原因";
    OperatorStop: "OPERATOR-STOP", "O1", "", "", "a person pressed stop", "操作员按下停止";
    OperatorCut: "OPERATOR-CUT", "S1", "", "", "a person cut the torque", "操作员切断力矩";
    OperatorReset: "OPERATOR-RESET", "S4", "", "", "a person asked for a reset", "操作员请求复位";
    OperatorStart: "OPERATOR-START", "O6", "", "", "a person asked to start", "操作员请求启动";
    SelfTest: "SELF-TEST", "O6", "", "ticks", "sensors and limits are being checked",
        "正在检查传感器与限位";
    ProfileInvalid: "PROFILE-INVALID", "A4", "", "", "the profile breaks its own rules",
        "配置不符合自身规则";
}

const _: () = assert!(Rule::COUNT <= 64, "one bit a rule in a u64");
