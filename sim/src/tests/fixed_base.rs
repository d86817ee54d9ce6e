//! An arm on a base that is fixed to the world.

use super::*;
use crate::world::World;
use crate::{Disturbance, SimTruth};
use model::{BaseMotion, Dynamics, Kinematics};
use nalgebra::{DMatrix, DVector, Matrix3};
use signals::{Damping, JointId, NewtonMetres};

const GRAVITY: [f32; 3] = [0.0, 0.0, -9.81];
const PERIOD: f64 = 0.005;

fn arm() -> Robot {
    Robot::load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../robots/so101"))).unwrap()
}

fn base_of(truth: &SimTruth) -> ([f32; 3], [f32; 3], f32) {
    let position = truth.position.map(|at| at.0);
    (position, truth.velocity_world.map(|v| v.0), truth.attitude.tilt().0)
}

/// The arm in the robot's own terms: its joints' accelerations under these torques, without dry
/// friction.
struct Reference {
    robot: Robot,
    kinematics: Kinematics,
    dynamics: Dynamics,
    q: Vec<f64>,
    dq: Vec<f64>,
}

impl Reference {
    fn bias(&mut self) -> Vec<f64> {
        let (model, base) = (&self.robot.model, BaseMotion::at_rest(Matrix3::identity()));
        self.kinematics.update(model, &self.q);
        self.kinematics.update_velocities(model, &base, &self.dq);
        let mut bias = vec![0.0; self.q.len()];
        self.dynamics.bias(model, &base, [&self.q, &self.dq], &mut bias);
        bias
    }

    fn step(&mut self, torque: &[f64], dt: f64) {
        let bias = self.bias();
        let count = self.q.len();
        let mut mass = DMatrix::zeros(count, count);
        self.dynamics.crba(&self.robot.model, &self.q, &mut mass);
        let joints = &self.robot.model.joints;
        let force =
            DVector::from_fn(count, |k, _| torque[k] - bias[k] - joints[k].damping * self.dq[k]);
        let acceleration = mass.lu().solve(&force).unwrap();
        for (k, acceleration) in acceleration.iter().enumerate() {
            self.dq[k] += acceleration * dt;
            self.q[k] += self.dq[k] * dt;
        }
    }
}

fn reference(robot: &Robot) -> Reference {
    Reference {
        kinematics: Kinematics::new(&robot.model),
        dynamics: Dynamics::new(&robot.model),
        q: robot.settled.joints.clone(),
        dq: vec![0.0; robot.model.joint_count()],
        robot: robot.clone(),
    }
}

/// Nothing to touch and no dry friction: gravity, inertia, armature and damping are those of the
/// model file, as another integrator has them.
#[test]
fn an_arm_in_free_swing_agrees_with_the_equations_of_motion() {
    let mut robot = arm();
    robot.settled = robot.postures["ready"].clone();
    let mut world = World::new(&robot, &Yard::empty()).unwrap();
    world.set_free(GRAVITY, [0.0; 3]);
    let mut known = reference(&robot);
    let torque = [0.2, -0.1, 0.1, 0.05, 0.05, -0.02];
    let given = Joints::from_fn(6, |id| NewtonMetres(torque[id.index()] as f32));
    for _ in 0..100 {
        world.step(&given, [0.0; 3]);
        (0..500).for_each(|_| known.step(&torque, PERIOD / 500.0));
    }
    let (mut swung, mut off) = (0.0_f64, 0.0_f64);
    for ((state, q), from) in world.joint_states().iter().zip(&known.q).zip(&robot.settled.joints) {
        swung = swung.max((q - from).abs());
        off = off.max((f64::from(state.q.0) - q).abs());
    }
    println!("swung {swung:.3} rad, off by {off:.1e} rad");
    assert!(swung > 0.3 && off < 0.02, "swung {swung} rad, off by {off} rad");
}

/// The torques of its weight hold it where it is.
#[test]
fn its_own_weight_carried_it_stays_where_it_is() {
    let mut robot = arm();
    robot.settled = robot.postures["carry"].clone();
    let mut world = World::new(&robot, &Yard::empty()).unwrap();
    world.set_free(GRAVITY, [0.0; 3]);
    let weight = reference(&robot).bias();
    let given = Joints::from_fn(6, |id| NewtonMetres(weight[id.index()] as f32));
    (0..200).for_each(|_| world.step(&given, [0.0; 3]));
    for (state, q) in world.joint_states().iter().zip(&robot.settled.joints) {
        assert!((f64::from(state.q.0) - q).abs() < 2e-3, "{state:?}: {q}");
    }
}

/// Limp it sinks onto the table and no further than its stops; the base never moves, and there is
/// neither an inertial reading nor a scan.
#[test]
fn a_limp_arm_sinks_and_its_base_stays() {
    let robot = arm();
    let mut raised = robot.clone();
    raised.settled = robot.postures["carry"].clone();
    let mut body = SimBody::new(&raised, &Yard::empty(), 1).unwrap();
    let base = base_of(&body.truth());
    for tick in 0..600_u32 {
        let now = Instant::from_nanos(u64::from(tick) * 5_000_000);
        let frame = body.sense(&Cycle { number: u64::from(tick), now, period: TICK * 5 });
        assert_eq!(frame.imu, signals::ImuReading::default());
        assert!(frame.lidar.is_none() && frame.feet.is_empty());
        assert_eq!(base_of(&body.truth()), base, "at {now:?}");
    }
    let (truth, lift) = (body.truth(), JointId::new(1).unwrap());
    assert!(truth.joints[lift].q.0 > -0.1, "it leans forward from -0.3: {:?}", truth.joints[lift]);
    assert!(!truth.fallen && truth.joints.iter().all(|joint| joint.dq.0.abs() < 0.05));
    for (state, joint) in truth.joints.iter().zip(&robot.model.joints) {
        let [low, high] = joint.range.unwrap();
        assert!((low - 0.02..high + 0.02).contains(&f64::from(state.q.0)), "{}", joint.name);
    }
}

/// Damped it sinks no faster than the file of the robot says: 0.2 rad/s.
#[test]
fn a_damped_arm_sinks_slowly_and_a_jammed_joint_not_at_all() {
    let mut robot = arm();
    robot.settled = robot.postures["reach"].clone();
    let mut body = SimBody::new(&robot, &Yard::empty(), 1).unwrap();
    let pan = JointId::new(0).unwrap();
    body.disturb(Disturbance::JamJoint(pan, true));
    let damped = JointCommand::damped(Damping(4.0));
    let mut fastest = 0.0_f32;
    for tick in 0..100_u32 {
        let now = Instant::from_nanos(u64::from(tick) * 5_000_000);
        body.sense(&Cycle { number: u64::from(tick), now, period: TICK * 5 });
        let mut joints = Joints::filled(damped, 6);
        joints[pan].tau = NewtonMetres(2.0);
        body.take(&BodyCommand { joints, valid_until: now + TICK * 20 }, u64::from(tick), now);
        // Before its board is armed it falls freely.
        if tick < 50 {
            continue;
        }
        fastest = body.truth().joints.iter().map(|j| j.dq.0.abs()).fold(fastest, f32::max);
    }
    assert!((0.05..0.2).contains(&fastest), "{fastest} rad/s");
    let jammed = body.truth().joints[pan];
    assert!((jammed.q.0 - 0.8).abs() < 1e-3, "{jammed:?}");
}
