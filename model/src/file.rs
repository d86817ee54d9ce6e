//! The schema of `robot.toml`, one struct a table. Parsed, not yet checked; [`crate::Robot`]
//! checks.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::board_file::BoardFile;
use crate::bus_file::BusFile;
use crate::envelope_file::{
    BalanceFile, ContactRuleFile, FenceFile, HeightFile, OverspeedFile, PersonFile,
    SelfCollisionFile,
};

macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    };
}

pub(crate) use table;

/// Which stop is safe for the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BodyClass {
    /// Stands without power: an arm with brakes, a wheeled base.
    StaticallyStable,
    /// Balances: cutting power makes it fall, so it settles first.
    ActivelyStable,
}

table! {
    /// All of `robot.toml`.
    RobotFile {
        /// `triune.robot/1`.
        schema: String,
        /// Short name for reports.
        name: String,
        /// Serial number of this one robot, for the files that are made out to it; optional.
        serial_number: Option<String>,
        /// MJCF file beside this one.
        model_file: String,
        /// Body that is the base.
        base_body: String,
        /// Which stop is safe.
        body_class: BodyClass,
        /// Damping of the joints when nothing else is safe.
        emergency_damping_nm_s_rad: f32,
        /// The loop.
        control: ControlFile,
        /// Groups of like joints.
        joints: BTreeMap<String, JointGroupFile>,
        /// Feet, in order. Of a body that walks.
        #[serde(default)]
        feet: Vec<FootFile>,
        /// Named postures; `settled` is required, and `stand` of a body that walks.
        postures: BTreeMap<String, PostureFile>,
        /// Getting up and down. Of a body that walks.
        #[serde(default)]
        motion: MotionFile,
        /// Stepping. Of a body that walks.
        #[serde(default)]
        gait: GaitFile,
        /// Ground-force planner. Of a body that walks.
        #[serde(default)]
        mpc: MpcFile,
        /// Whole-body control. Of a body that walks.
        #[serde(default)]
        whole_body: WholeBodyFile,
        /// State estimation. Of a body that walks.
        #[serde(default)]
        estimator: EstimatorFile,
        /// The board of the joints.
        #[serde(default)]
        board: BoardFile,
        /// Joint moves. Of an arm.
        #[serde(default)]
        arm: ArmFile,
        /// Envelope and profile of the governor.
        governor: GovernorFile,
        /// The planner.
        brain: BrainFile,
        /// The simulated body.
        sim: SimFile,
        /// Motors and their wires; none for a robot that is only simulated.
        #[serde(default)]
        bus: Vec<BusFile>,
    }
}

/// What turns readings into an estimate of the base's motion.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EstimatorFilter {
    /// Attitude by a complementary filter, position and velocity by a linear Kalman filter.
    #[default]
    LegOdometry,
    /// All of it, and the biases of the inertial unit, by one invariant Kalman filter.
    Invariant,
}

table! {
    /// The loop.
    ControlFile {
        /// Cycles a second.
        rate_hz: f64,
        /// How long a command stays valid at the body.
        command_validity_ms: f64,
    }
}

table! {
    /// Limits of a group of like joints.
    JointGroupFile {
        /// Joints of the model file.
        names: Vec<String>,
        /// Lowest commanded position; not below the model's range.
        position_min_rad: f32,
        /// Highest commanded position; not above the model's range.
        position_max_rad: f32,
        /// Highest speed.
        velocity_max_rad_s: f32,
        /// Highest torque.
        torque_max_nm: f32,
        /// Speed up to which the highest torque is available.
        corner_speed_rad_s: f32,
        /// Speed at which no driving torque is left.
        no_load_speed_rad_s: f32,
        /// Deceleration that can always be counted on.
        braking_rad_s2: f32,
        /// Highest stiffness of a command.
        stiffness_max_nm_rad: f32,
        /// Highest damping of a command.
        damping_max_nm_s_rad: f32,
        /// Smallest inertia the joint ever moves. Without it: a quarter of the heaviest for which
        /// `braking_rad_s2` is true.
        inertia_min_kg_m2: Option<f32>,
        /// Highest acceleration a command may cause. Without it: no limit.
        acceleration_max_rad_s2: Option<f32>,
        /// Fastest change of acceleration a command may cause. Without it: no limit.
        jerk_max_rad_s3: Option<f32>,
        /// Fastest change of torque, asked of the drive and followed by it. Without it: 1000.
        torque_rate_max_nm_s: Option<f32>,
        /// Torque the winding bears for ever. Without it: a third of `torque_max_nm`.
        torque_continuous_nm: Option<f32>,
        /// Time constant with which the winding warms up. Without it: 20.
        thermal_time_s: Option<f32>,
    }
}

table! {
    /// One foot.
    FootFile {
        /// Short name.
        name: String,
        /// Sphere geom of the model file that touches the ground.
        geom: String,
    }
}

table! {
    /// A posture: one angle for each joint group.
    PostureFile {
        /// Height of the base above flat ground; 0 for a base that stands on it.
        #[serde(default)]
        base_height_m: f64,
        /// Angle per group.
        joints_rad: BTreeMap<String, f64>,
    }
}

table! {
    /// Getting up and down.
    #[derive(Default)]
    MotionFile {
        /// Time to get up.
        rise_s: f64,
        /// Time to get down.
        settle_s: f64,
        /// Joint stiffness on the way.
        stiffness_nm_rad: f64,
        /// Joint damping on the way.
        damping_nm_s_rad: f64,
    }
}

table! {
    /// Stepping.
    #[derive(Default)]
    GaitFile {
        /// One stride.
        period_s: f64,
        /// Share of the stride on the ground, 0.5 to 1: of a slow gait and of a fast one.
        duty: [f64; 2],
        /// Up to which speed the first holds, and from which the second.
        duty_speed_m_s: [f64; 2],
        /// Phase offset per foot, 0 to 1.
        offsets: Vec<f64>,
        /// Height of a step.
        swing_height_m: f64,
        /// Acceleration of the swinging foot per distance from its path.
        swing_stiffness_per_s2: f64,
        /// Acceleration of the swinging foot per difference from the speed of its path.
        swing_damping_per_s: f64,
        /// How much further a foot lands per velocity error.
        foothold_gain_s: f64,
        /// Farthest foothold from the hip.
        foothold_reach_m: f64,
        /// Stiffness of the joint impedance under the torques.
        joint_stiffness_nm_rad: f64,
        /// Damping of the joint impedance under the torques.
        joint_damping_nm_s_rad: f64,
    }
}

table! {
    /// Ground-force planner (convex MPC, Di Carlo 2018).
    #[derive(Default)]
    MpcFile {
        /// Solutions a second.
        rate_hz: f64,
        /// From the measurement to the moment its result takes effect.
        latency_ms: f64,
        /// Steps of the horizon.
        horizon: usize,
        /// Length of a step.
        step_s: f64,
        /// Weights on roll, pitch, yaw.
        weight_attitude: [f64; 3],
        /// Weights on x, y, z.
        weight_position: [f64; 3],
        /// Weights on angular velocity.
        weight_angular_velocity: [f64; 3],
        /// Weights on velocity.
        weight_velocity: [f64; 3],
        /// Weight on force.
        weight_force: f64,
        /// Friction coefficient counted on.
        friction: f64,
        /// Least normal force of a standing foot.
        force_min_n: f64,
        /// Highest normal force of a foot.
        force_max_n: f64,
        /// How far the reference may run ahead of the robot.
        position_clip_m: f64,
    }
}

table! {
    /// State estimation.
    #[derive(Default)]
    EstimatorFile {
        /// Accelerometer noise.
        accelerometer_noise_m_s2: f64,
        /// How fast the attitude follows gravity.
        attitude_gain_per_s: f64,
        /// Foot force that counts as contact.
        contact_force_n: f64,
        /// Noise of a foot's position.
        foot_position_noise_m: f64,
        /// Noise of a foot's velocity.
        foot_velocity_noise_m_s: f64,
        /// Noise of the ground's height under a foot.
        foot_height_noise_m: f64,
        /// `leg_odometry` or `invariant`; the first where it is not said.
        #[serde(default)]
        filter: EstimatorFilter,
    }
}

table! {
    /// What the whole body should rather miss: weights of squared errors.
    #[derive(Default)]
    WholeBodyFile {
        /// Angular acceleration of the base, (rad/s^2)^-2, and that of the centre of mass,
        /// (m/s^2)^-2.
        weight_base: f64,
        /// Force of a foot, N^-2.
        weight_force: f64,
        /// Acceleration of a swinging foot, (m/s^2)^-2.
        weight_swing: f64,
    }
}

table! {
    /// How an arm moves from posture to posture: by a path whose acceleration never jumps, with a
    /// spring and a damper in each joint under the torques of its own weight and motion.
    #[derive(Default)]
    ArmFile {
        /// Fastest a joint moves; a joint whose own limit is lower keeps that.
        velocity_rad_s: f64,
        /// Hardest it speeds up and slows down.
        acceleration_rad_s2: f64,
        /// Fastest change of that.
        jerk_rad_s3: f64,
        /// Joint stiffness on the way and at rest.
        stiffness_nm_rad: f64,
        /// Joint damping on the way and at rest.
        damping_nm_s_rad: f64,
        /// A joint this near its goal has arrived.
        tolerance_rad: f64,
    }
}

table! {
    /// Ages of the supervising session's last sign of life.
    SupervisionFile {
        /// It is recorded.
        notice_ms: f64,
        /// The robot holds.
        hold_ms: f64,
        /// The robot settles.
        settle_ms: f64,
    }
}

table! {
    /// The stick of a person who drives: ages of its last reading, and the manual speed.
    StickFile {
        /// An older reading counts as released.
        age_max_ms: f64,
        /// The speed is scaled down.
        limited_ms: f64,
        /// The robot holds.
        hold_ms: f64,
        /// The robot settles.
        settle_ms: f64,
        /// Highest planar speed of a person who drives.
        speed_max_m_s: f32,
        /// Highest turning speed of a person who drives.
        yaw_max_rad_s: f32,
    }
}

impl Default for StickFile {
    /// As the governor's notes have it: 0.25 m/s, and released after 100 ms.
    fn default() -> Self {
        Self {
            age_max_ms: 100.0,
            limited_ms: 200.0,
            hold_ms: 1000.0,
            settle_ms: 30_000.0,
            speed_max_m_s: 0.25,
            yaw_max_rad_s: 0.5,
        }
    }
}

table! {
    /// Envelope and profile of the governor.
    GovernorFile {
        /// Highest forward speed, either way.
        #[serde(default)]
        forward_max_m_s: f32,
        /// Highest sideways speed, either way.
        #[serde(default)]
        left_max_m_s: f32,
        /// Highest turning speed, either way.
        #[serde(default)]
        yaw_max_rad_s: f32,
        /// Highest change of the admitted velocity.
        #[serde(default)]
        acceleration_max_m_s2: f32,
        /// Highest change of the admitted turning speed.
        #[serde(default)]
        yaw_acceleration_max_rad_s2: f32,
        /// Oldest observation a plan may come from.
        plan_age_max_ms: f64,
        /// Longest validity a plan may claim.
        plan_validity_max_ms: f64,
        /// Beyond it the robot is falling.
        tilt_max_deg: f32,
        /// Older readings limit the speed.
        reading_age_limited_ms: f64,
        /// Older readings settle the robot.
        reading_age_settle_ms: f64,
        /// Speed scale at level LIMITED.
        limited_scale: f32,
        /// Who must watch the robot; nobody must without it.
        #[serde(default)]
        supervision: Option<SupervisionFile>,
        /// The stick of a person who drives.
        #[serde(default)]
        stick: StickFile,
        /// The body sinks when its joints carry no torque: a stop holds it under power where it
        /// came to rest, until it lies in its settled posture.
        #[serde(default)]
        sinks_without_power: bool,
        /// Equal readings of a joint in a row that mean a broken encoder; zero for encoders so
        /// coarse that a joint at rest always reads the same. Without it: 100.
        stuck_readings: Option<u32>,
        /// The firmware can settle the body by itself.
        #[serde(default)]
        firmware_settle: bool,
        /// A settling robot that is not down by then loses power.
        settle_timeout_s: f64,
        /// Kept free before each position limit.
        position_margin_rad: f32,
        /// From a command to its torque.
        actuation_delay_ms: f64,
        /// Radius of the robot's footprint.
        #[serde(default)]
        lidar_radius_m: f32,
        /// Kept free around it.
        #[serde(default)]
        lidar_margin_m: f32,
        /// Deceleration of the base that can be counted on.
        #[serde(default)]
        lidar_braking_m_s2: f32,
        /// From an obstacle in the scan to the first slowing.
        #[serde(default)]
        lidar_reaction_ms: f64,
        /// Older scans stop the robot.
        #[serde(default)]
        lidar_age_max_ms: f64,
        /// Where the base may be.
        fence: Option<FenceFile>,
        /// Heights the base may have.
        height: Option<HeightFile>,
        /// How much faster than permitted the base may be measured.
        overspeed: Option<OverspeedFile>,
        /// Distance to people.
        person: Option<PersonFile>,
        /// How the body keeps its balance.
        balance: Option<BalanceFile>,
        /// How far the limbs keep apart.
        self_collision: Option<SelfCollisionFile>,
        /// Contact with people.
        contact: Option<ContactRuleFile>,
        /// What makes the body sick.
        health: HealthFile,
        /// What the planner may do over time.
        habits: HabitsFile,
    }
}

/// What a planner may ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SkillFile {
    /// To stand.
    Hold,
    /// To walk ahead.
    Forward,
    /// To walk backwards.
    Backward,
    /// To walk sideways.
    Sideways,
    /// To turn.
    Turn,
    /// To move the joints to a posture.
    Posture,
}

table! {
    /// What the planner may do over time; a zero turns its check off.
    HabitsFile {
        /// What it may ask for.
        skills: Vec<SkillFile>,
        /// Older observations behind the newest plan limit the speed.
        silent_limited_ms: f64,
        /// Older observations behind the admitted plan stop the robot.
        silent_hold_ms: f64,
        /// Plans a second.
        rate_hz: f32,
        /// How far a plan's speed may be from what the one before asks for.
        jump_m_s: f32,
        /// How far its turning speed may be.
        jump_rad_s: f32,
        /// Time of equal plans that counts as frozen.
        frozen_ms: f64,
        /// It answers each observation anew, so that equal plans of a moving robot are frozen.
        reactive: bool,
    }
}

table! {
    /// What makes the body sick. The rest of these thresholds has its defaults in the governor.
    HealthFile {
        /// What a joint's reading may jump beyond its highest speed.
        jump_noise_rad: f32,
        /// Difference of measured and commanded torque that is an error, in parts of the highest;
        /// zero for drives that measure none.
        torque_error_part: f32,
        /// The same for a collision.
        collision_part: f32,
        /// A joint that gives torque this far from its target and stands is blocked. Without it: as
        /// for a stiff leg, 0.2.
        blocked_error_rad: Option<f32>,
        /// Hotter windings limit the speed.
        temperature_warn_c: f32,
        /// Still hotter ones settle the robot.
        temperature_trip_c: f32,
        /// Lowest voltage of the supply.
        voltage_min_v: f32,
        /// Highest voltage of the supply.
        voltage_max_v: f32,
        /// Less force on all feet together means that the robot was lifted; zero for no check.
        feet_load_min_n: f32,
        /// How far a joint of a holding robot may turn.
        hold_joint_deg: f32,
        /// Skipped among 10 ticks, at which the robot slows down.
        late_limited_ticks: u32,
        /// Skipped among 100 ticks, at which it stands.
        late_hold_ticks: u32,
        /// Gap between two ticks at which it stands.
        late_gap_ms: f64,
    }
}

table! {
    /// The planner: a learnt policy, or a script of postures.
    BrainFile {
        /// Policy card beside this file.
        policy: Option<String>,
        /// Postures of this file that are asked for in turn, each until it is reached.
        script: Option<ScriptFile>,
        /// Least inference latency drawn on virtual time.
        latency_min_ms: f64,
        /// Highest inference latency drawn on virtual time.
        latency_max_ms: f64,
    }
}

table! {
    /// Postures in turn, as a person taught them.
    ScriptFile {
        /// Names of [`RobotFile::postures`], in order.
        postures: Vec<String>,
        /// How long the robot stays in each.
        dwell_s: f64,
        /// Plans a second.
        rate_hz: f64,
        /// How long a plan is valid after its observation.
        validity_ms: f64,
    }
}

table! {
    /// The simulated body.
    SimFile {
        /// Solver steps per tick.
        substeps: usize,
        /// Friction of the ground.
        #[serde(default)]
        ground_friction: f64,
        /// Noise of the joint positions.
        encoder_noise_rad: f64,
        /// Noise of the joint velocities.
        velocity_noise_rad_s: f64,
        /// Noise of the gyroscope.
        #[serde(default)]
        gyro_noise_rad_s: f64,
        /// Noise of the accelerometer.
        #[serde(default)]
        accelerometer_noise_m_s2: f64,
        /// Time constant of the foot force filter.
        #[serde(default)]
        foot_force_filter_ms: f64,
        /// Ticks from a measurement to its frame.
        sensor_delay_ticks: usize,
        /// Ticks from a command to its torque.
        actuation_delay_ticks: usize,
        /// Scans a second.
        #[serde(default)]
        lidar_rate_hz: f64,
        /// Farthest return.
        #[serde(default)]
        lidar_range_m: f64,
        /// Noise of a return.
        #[serde(default)]
        lidar_noise_m: f64,
    }
}
