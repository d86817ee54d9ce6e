//! What must hold for any robot, whatever its numbers are: no reference is needed.
#![allow(clippy::unwrap_used, reason = "a failed test says where")]

use model::{
    Axes, BaseMotion, Dynamics, Frame, FrameKind, Inertia, Joint, JointKind, Kinematics,
    MassFactor, Pose, RobotModel, Wrench, centroidal_matrix, difference, integrate,
};
use nalgebra::{DMatrix, Matrix3, Rotation3, UnitQuaternion, Vector3};

/// Numbers at random, the same ones in every run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn part(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let bits = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 12;
        bits as f64 / (1_u64 << 51) as f64 - 1.0
    }

    fn vector(&mut self) -> Vector3<f64> {
        Vector3::from_fn(|_, _| self.part())
    }

    fn list(&mut self, len: usize) -> Vec<f64> {
        (0..len).map(|_| self.part()).collect()
    }

    fn turn(&mut self) -> Matrix3<f64> {
        Rotation3::from_scaled_axis(self.vector() * 2.0).into_inner()
    }

    fn body(&mut self) -> Inertia {
        // A sum of points is always physical.
        let mut about_com = Matrix3::zeros();
        for _ in 0..4 {
            let at = self.vector() * 0.1;
            about_com += Matrix3::identity() * at.norm_squared() - at * at.transpose();
        }
        Inertia { mass: 1.5 + self.part(), com: self.vector() * 0.2, about_com }
    }

    /// A tree of `joints` joints of both kinds, with branches.
    fn robot(&mut self, joints: usize, floating: bool) -> RobotModel {
        let mut model = RobotModel::empty("random".into(), floating);
        model.base = self.body();
        for k in 0..joints {
            let back = ((self.part() + 1.0) * 1.5) as usize;
            let (x, y) = (self.part(), self.part());
            // Some axes take the short way through the rotation.
            let axis =
                if x > 0.0 { Vector3::ith((k % 3).min(2), 1.0) } else { self.vector().normalize() };
            model.joints.push(Joint {
                name: format!("joint{k}"),
                parent: k.saturating_sub(back),
                rotation: self.turn(),
                position: self.vector() * 0.3,
                axis,
                kind: if y > 0.5 { JointKind::Prismatic } else { JointKind::Revolute },
                inertia: self.body(),
                link: format!("link{k}"),
                armature: 0.02 * (1.0 + self.part()),
                damping: 0.0,
                friction: 0.0,
                range: None,
                effort: None,
                speed: None,
            });
            model.frames.push(Frame {
                name: format!("tip{k}"),
                kind: FrameKind::Site,
                link: k + 1,
                position: self.vector() * 0.2,
                rotation: self.turn(),
                radius: 0.0,
            });
        }
        model
    }

    fn motion(&mut self) -> BaseMotion {
        BaseMotion {
            rotation: self.turn(),
            linear: self.vector(),
            angular: self.vector(),
            linear_acceleration: self.vector(),
            angular_acceleration: self.vector(),
        }
    }
}

/// Both kinds of base, small and large.
fn robots() -> impl Iterator<Item = (RobotModel, Dice)> {
    (0..24_u64).map(|seed| {
        let mut dice = Dice(0x9E37_79B9_7F4A_7C15 ^ (seed + 1).wrapping_mul(0xD1B5_4A32_D192_ED03));
        let joints = 1 + usize::try_from(seed).unwrap() * 36 / 23;
        (dice.robot(joints, seed % 2 == 0), dice)
    })
}

fn stacked(
    model: &RobotModel,
    first: &Vector3<f64>,
    second: &Vector3<f64>,
    joints: &[f64],
) -> Vec<f64> {
    let base = first.iter().chain(second.iter()).take(if model.floating { 6 } else { 0 });
    base.chain(joints).copied().collect()
}

fn near(one: &[f64], other: &[f64], tolerance: f64) {
    assert_eq!(one.len(), other.len());
    let scale = other.iter().fold(1.0_f64, |most, x| most.max(x.abs()));
    for (a, b) in one.iter().zip(other) {
        assert!((a - b).abs() <= tolerance * scale, "{a} {b} of {scale}");
    }
}

#[test]
fn torques_are_mass_times_acceleration_and_bias() {
    for (model, mut dice) in robots() {
        let (n, nv) = (model.joint_count(), model.velocity_count());
        let (q, v, a, base) = (dice.list(n), dice.list(n), dice.list(n), dice.motion());
        let mut dynamics = Dynamics::new(&model);
        let (mut tau, mut bias) = (vec![0.0; n], vec![0.0; n]);
        let wrench = dynamics.rnea(&model, &base, [&q, &v, &a], &mut tau);
        let held = dynamics.bias(&model, &base, [&q, &v], &mut bias);
        let mut mass = DMatrix::zeros(nv, nv);
        dynamics.crba(&model, &q, &mut mass);
        assert!((&mass - mass.transpose()).abs().max() < 1e-12);
        let all = stacked(&model, &base.linear_acceleration, &base.angular_acceleration, &a);
        let mut product = &mass * nalgebra::DVector::from_vec(all);
        let bias = stacked(&model, &held.force, &held.moment, &bias);
        product += nalgebra::DVector::from_vec(bias);
        let expected = stacked(&model, &wrench.force, &wrench.moment, &tau);
        near(product.as_slice(), &expected, 1e-12);
    }
}

#[test]
fn forward_dynamics_undoes_inverse_dynamics() {
    for (model, mut dice) in robots() {
        let (n, nv) = (model.joint_count(), model.velocity_count());
        let (q, v, a, base) = (dice.list(n), dice.list(n), dice.list(n), dice.motion());
        let (mut dynamics, mut tau, mut found) =
            (Dynamics::new(&model), vec![0.0; n], vec![0.0; n]);
        let wrench = dynamics.rnea(&model, &base, [&q, &v, &a], &mut tau);
        let of_base = dynamics.aba(&model, &base, [&q, &v, &tau], &wrench, &mut found);
        let wanted = stacked(&model, &base.linear_acceleration, &base.angular_acceleration, &a);
        near(&stacked(&model, &of_base.linear, &of_base.angular, &found), &wanted, 1e-10);
        // And through the factors of the mass matrix.
        let mut mass = DMatrix::zeros(nv, nv);
        dynamics.crba(&model, &q, &mut mass);
        let mut factor = MassFactor::new(&model);
        assert!(factor.update(&mass));
        let mut inverse = DMatrix::zeros(nv, nv);
        factor.inverse(&mut inverse);
        near((&mass * &inverse).as_slice(), DMatrix::identity(nv, nv).as_slice(), 1e-10);
        for none in [f64::NAN, f64::INFINITY, -1.0, 0.0, f64::MIN_POSITIVE / 1e10] {
            let mut mass = mass.clone();
            mass[(nv - 1, nv - 1)] = none;
            assert!(!factor.update(&mass), "{none} is no mass");
        }
    }
}

#[test]
fn what_has_no_mass_does_not_move_and_does_not_disturb() {
    for (mut model, mut dice) in robots() {
        let n = model.joint_count();
        let (q, v, tau, base) = (dice.list(n), dice.list(n), dice.list(n), dice.motion());
        let fall = |model: &RobotModel, joints: [&[f64]; 3]| {
            let mut found = vec![0.0; model.joint_count()];
            let base = Dynamics::new(model).aba(model, &base, joints, &Wrench::ZERO, &mut found);
            stacked(model, &base.linear, &base.angular, &found)
        };
        let mut expected = fall(&model, [&q, &v, &tau]);
        expected.push(0.0);
        let mut tip = model.joints[n - 1].clone();
        (tip.parent, tip.inertia, tip.armature) = (n, Inertia::ZERO, 0.0);
        model.joints.push(tip);
        let longer = |list: &[f64]| [list, &[0.7]].concat();
        let found = fall(&model, [&longer(&q), &longer(&v), &longer(&tau)]);
        near(&found, &expected, 1e-12);
    }
}

#[test]
fn a_force_on_a_link_is_felt_through_its_jacobian() {
    for (model, mut dice) in robots() {
        let (n, nv) = (model.joint_count(), model.velocity_count());
        let (q, v, a, base) = (dice.list(n), dice.list(n), dice.list(n), dice.motion());
        let mut dynamics = Dynamics::new(&model);
        let frame = n - 1;
        let at = &model.frames[frame];
        let (force, moment) = (dice.vector() * 10.0, dice.vector());
        // At the frame's origin in its own axes, moved to the link's origin.
        let mut outside = vec![Wrench::ZERO; n + 1];
        let turned = at.rotation * force;
        outside[at.link] =
            Wrench { force: turned, moment: at.rotation * moment + at.position.cross(&turned) };
        let (mut free, mut pushed) = (vec![0.0; n], vec![0.0; n]);
        let one = dynamics.rnea(&model, &base, [&q, &v, &a], &mut free);
        let other = dynamics.rnea_under(&model, &base, [&q, &v, &a], &outside, &mut pushed);
        let mut kinematics = Kinematics::new(&model);
        kinematics.update(&model, &q);
        let place =
            Pose { position: dice.vector(), rotation: UnitQuaternion::from_matrix(&base.rotation) };
        let mut jacobian = DMatrix::zeros(6, nv);
        kinematics.jacobian(&model, frame, Axes::Local, &place, &mut jacobian);
        let felt = jacobian.transpose()
            * nalgebra::DVector::from_iterator(6, force.iter().chain(moment.iter()).copied());
        let less = nalgebra::DVector::from_vec(stacked(&model, &one.force, &one.moment, &free))
            - nalgebra::DVector::from_vec(stacked(&model, &other.force, &other.moment, &pushed));
        near(less.as_slice(), felt.as_slice(), 1e-11);
    }
}

/// Where the frame is in the world.
fn placed(model: &RobotModel, base: &Pose, q: &[f64], frame: usize) -> Pose {
    let mut kinematics = Kinematics::new(model);
    kinematics.update(model, q);
    let rotation = base.matrix() * kinematics.attitude(model, frame);
    Pose {
        position: base.position + base.matrix() * kinematics.point(model, frame),
        rotation: UnitQuaternion::from_rotation_matrix(&Rotation3::from_matrix_unchecked(rotation)),
    }
}

#[test]
fn a_jacobian_is_the_velocity_of_its_frame() {
    let step = 1e-6;
    for (model, mut dice) in robots() {
        let (n, nv, frame) = (model.joint_count(), model.velocity_count(), model.joint_count() - 1);
        let (q, v) = (dice.list(n), dice.list(n));
        let (linear, angular) = if model.floating {
            (dice.vector(), dice.vector())
        } else {
            (Vector3::zeros(), Vector3::zeros())
        };
        let base = if model.floating {
            Pose { position: dice.vector(), rotation: UnitQuaternion::from_matrix(&dice.turn()) }
        } else {
            Pose { position: Vector3::zeros(), rotation: UnitQuaternion::identity() }
        };
        let at = |time: f64| {
            let base = integrate(&base, &(linear * time), &(angular * time));
            let q: Vec<f64> = q.iter().zip(&v).map(|(q, v)| q + v * time).collect();
            placed(&model, &base, &q, frame)
        };
        let (before, now, after) = (at(-step), at(0.0), at(step));
        let (along, around) = difference(&before, &after);
        let (along, around) = (along / (2.0 * step), around / (2.0 * step));
        let all = nalgebra::DVector::from_vec(stacked(&model, &linear, &angular, &v));
        let mut kinematics = Kinematics::new(&model);
        kinematics.update(&model, &q);
        let mut jacobian = DMatrix::zeros(6, nv);
        for (axes, expected) in [
            (Axes::Local, (along, around)),
            (Axes::LocalWorldAligned, (now.rotation * along, now.rotation * around)),
            (Axes::World, {
                let (linear, angular) = (now.rotation * along, now.rotation * around);
                (linear + now.position.cross(&angular), angular)
            }),
        ] {
            kinematics.jacobian(&model, frame, axes, &base, &mut jacobian);
            let found = &jacobian * &all;
            let expected: Vec<f64> = expected.0.iter().chain(expected.1.iter()).copied().collect();
            near(found.as_slice(), &expected, 1e-7);
        }
    }
}

#[test]
fn the_bias_acceleration_is_how_the_velocity_changes_by_itself() {
    let step = 1e-5;
    for (model, mut dice) in robots() {
        let (n, nv) = (model.joint_count(), model.velocity_count());
        let (q, v, motion) = (dice.list(n), dice.list(n), dice.motion());
        let base =
            Pose { position: dice.vector(), rotation: UnitQuaternion::from_matrix(&dice.turn()) };
        let all = nalgebra::DVector::from_vec(stacked(&model, &motion.linear, &motion.angular, &v));
        let mut kinematics = Kinematics::new(&model);
        let mut jacobian = DMatrix::zeros(6, nv);
        for frame in [0, n / 2, n - 1] {
            for axes in [Axes::Local, Axes::LocalWorldAligned, Axes::World] {
                // Of the local axes the classical acceleration is asked, which is that of the
                // world's axes turned.
                let derived = if axes == Axes::Local { Axes::LocalWorldAligned } else { axes };
                let mut after = |time: f64| {
                    let moved = if model.floating { time } else { 0.0 };
                    let base =
                        integrate(&base, &(motion.linear * moved), &(motion.angular * moved));
                    let q: Vec<f64> = q.iter().zip(&v).map(|(q, v)| q + v * time).collect();
                    kinematics.update(&model, &q);
                    kinematics.jacobian(&model, frame, derived, &base, &mut jacobian);
                    &jacobian * &all
                };
                let mut expected = (after(step) - after(-step)) / (2.0 * step);
                kinematics.update(&model, &q);
                kinematics.update_velocities(&model, &motion, &v);
                if axes == Axes::Local {
                    let back = (base.matrix() * kinematics.attitude(&model, frame)).transpose();
                    for half in [0, 3] {
                        let turned = back * expected.fixed_rows::<3>(half);
                        expected.fixed_rows_mut::<3>(half).copy_from(&turned);
                    }
                }
                let bias = kinematics.bias_acceleration(&model, frame, axes, &base);
                near(bias.as_slice(), expected.as_slice(), 1e-7);
                kinematics.jacobian(&model, frame, axes, &base, &mut jacobian);
                let velocity = kinematics.velocity(&model, frame, axes, &base);
                near(velocity.as_slice(), (&jacobian * &all).as_slice(), 1e-12);
            }
        }
    }
}

#[test]
fn momentum_and_energy_are_those_of_the_mass_matrix() {
    for (model, mut dice) in robots() {
        let (n, nv) = (model.joint_count(), model.velocity_count());
        let (q, v, base) = (dice.list(n), dice.list(n), dice.motion());
        let mut dynamics = Dynamics::new(&model);
        let (momentum, kinetic) = dynamics.momentum(&model, &base, [&q, &v]);
        let mut mass = DMatrix::zeros(nv, nv);
        dynamics.crba(&model, &q, &mut mass);
        let all = nalgebra::DVector::from_vec(stacked(&model, &base.linear, &base.angular, &v));
        let expected = 0.5 * (all.transpose() * &mass * &all)[(0, 0)];
        near(&[kinetic], &[expected], 1e-12);
        if model.floating {
            let mut matrix = DMatrix::zeros(6, nv);
            centroidal_matrix(&mass, &momentum.com, &mut matrix);
            let found = &matrix * &all;
            let expected: Vec<f64> =
                momentum.linear.iter().chain(momentum.angular.iter()).copied().collect();
            near(found.as_slice(), &expected, 1e-12);
        }
        assert!((momentum.mass - model.moving_mass()).abs() < 1e-12);
    }
}

#[test]
fn a_robot_that_falls_keeps_its_energy_and_its_spin() {
    let mut dice = Dice(0x1234_5678_9ABC_DEF1);
    let model = dice.robot(7, true);
    let n = model.joint_count();
    let mut dynamics = Dynamics::new(&model);
    let (mut q, mut v) = (dice.list(n), dice.list(n));
    let mut place = Pose { position: Vector3::zeros(), rotation: UnitQuaternion::identity() };
    let mut motion = BaseMotion::at_rest(Matrix3::identity());
    (motion.linear, motion.angular) = (dice.vector(), dice.vector());
    let mut account = |place: &Pose, motion: &BaseMotion, q: &[f64], v: &[f64]| {
        let (momentum, kinetic) = dynamics.momentum(&model, motion, [q, v]);
        let potential = dynamics.potential_energy(&model, (place.matrix(), place.position), q);
        (kinetic + potential, place.rotation * momentum.angular)
    };
    motion.rotation = place.matrix();
    let (energy, spin) = account(&place, &motion, &q, &v);
    let mut dynamics = Dynamics::new(&model);
    let dt = 1e-4;
    for _ in 0..5_000 {
        // The middle of a step is worth two of its beginnings (midpoint rule).
        let mut a = vec![0.0; n];
        let zero = vec![0.0; n];
        motion.rotation = place.matrix();
        let first = dynamics.aba(&model, &motion, [&q, &v, &zero], &Wrench::ZERO, &mut a);
        let half = 0.5 * dt;
        let middle = integrate(&place, &(motion.linear * half), &(motion.angular * half));
        let q_middle: Vec<f64> = q.iter().zip(&v).map(|(q, v)| q + v * half).collect();
        let v_middle: Vec<f64> = v.iter().zip(&a).map(|(v, a)| v + a * half).collect();
        let mut at_middle = motion;
        at_middle.rotation = middle.matrix();
        at_middle.linear += first.linear * half;
        at_middle.angular += first.angular * half;
        let second =
            dynamics.aba(&model, &at_middle, [&q_middle, &v_middle, &zero], &Wrench::ZERO, &mut a);
        place = integrate(&place, &(at_middle.linear * dt), &(at_middle.angular * dt));
        q.iter_mut().zip(&v_middle).for_each(|(q, v)| *q += v * dt);
        v.iter_mut().zip(&a).for_each(|(v, a)| *v += a * dt);
        motion.linear += second.linear * dt;
        motion.angular += second.angular * dt;
    }
    motion.rotation = place.matrix();
    let (end, end_spin) = account(&place, &motion, &q, &v);
    assert!((end - energy).abs() < 1e-5 * energy.abs().max(1.0), "{energy} {end} J");
    assert!((end_spin - spin).norm() < 1e-5 * spin.norm().max(1.0), "{spin} {end_spin}");
}

/// The rate of the generalised momentum, by what it is and by what it does: along the way that the
/// forward dynamics takes, momentum changes by `rate + tau + push` and by nothing else.
#[test]
fn momentum_changes_by_torque_and_by_its_own_rate() {
    for (model, mut dice) in robots() {
        let (n, nv) = (model.joint_count(), model.velocity_count());
        let (q, v, tau, base) = (dice.list(n), dice.list(n), dice.list(n), dice.motion());
        let push = Wrench { force: dice.vector(), moment: dice.vector() };
        let mut dynamics = Dynamics::new(&model);
        let (mut p, mut rate) = (vec![0.0; nv], vec![0.0; nv]);
        dynamics.generalised_momentum(&model, &base, [&q, &v], [&mut p, &mut rate]);
        let mut mass = DMatrix::zeros(nv, nv);
        dynamics.crba(&model, &q, &mut mass);
        let all = stacked(&model, &base.linear, &base.angular, &v);
        near(&p, (&mass * nalgebra::DVector::from_vec(all)).as_slice(), 1e-12);
        // Half a step ahead and half a step back: errors of the second order cancel.
        let mut a = vec![0.0; n];
        let of_base = dynamics.aba(&model, &base, [&q, &v, &tau], &push, &mut a);
        let step = 1e-5;
        let mut after = |h: f64| {
            let there = |x: &[f64], rate: &[f64]| -> Vec<f64> {
                x.iter().zip(rate).map(|(x, rate)| x + rate * h).collect()
            };
            let mut moved = base;
            moved.linear += of_base.linear * h;
            moved.angular += of_base.angular * h;
            let (q, v) = (there(&q, &v), there(&v, &a));
            let mut p = vec![0.0; nv];
            let (momentum, mut rate) = (p.as_mut_slice(), vec![0.0; nv]);
            dynamics.generalised_momentum(&model, &moved, [&q, &v], [momentum, &mut rate]);
            p
        };
        let (ahead, back) = (after(step), after(-step));
        let found: Vec<f64> =
            ahead.iter().zip(&back).map(|(a, b)| (a - b) / (2.0 * step)).collect();
        let acting = stacked(&model, &push.force, &push.moment, &tau);
        let expected: Vec<f64> = rate.iter().zip(&acting).map(|(a, b)| a + b).collect();
        near(&found, &expected, 1e-7);
    }
}

#[test]
fn integrating_a_difference_arrives() {
    let mut dice = Dice(0xFEED_F00D_1234_5678);
    let pose = |dice: &mut Dice| Pose {
        position: dice.vector(),
        rotation: UnitQuaternion::from_matrix(&dice.turn()),
    };
    for _ in 0..200 {
        let (from, to) = (pose(&mut dice), pose(&mut dice));
        let (linear, angular) = difference(&from, &to);
        let there = integrate(&from, &linear, &angular);
        assert!((there.position - to.position).norm() < 1e-12);
        assert!(there.rotation.angle_to(&to.rotation) < 1e-7);
        assert!((there.matrix() - to.matrix()).abs().max() < 1e-12);
        assert!(angular.norm() <= std::f64::consts::PI + 1e-12);
    }
    // Where series take over, and where a turn is nearly half a circle.
    let axis = Vector3::new(1.0, 2.0, 2.0) / 3.0;
    for angle in [0.0, 1e-12, 1e-9, 1e-6, 9.9e-5, 1.01e-4, 1.0, std::f64::consts::PI - 1e-6] {
        let (linear, angular) = (Vector3::new(0.3, -0.2, 0.1), axis * angle);
        let from = pose(&mut dice);
        let back = difference(&from, &integrate(&from, &linear, &angular));
        assert!((back.0 - linear).norm() < 1e-10 && (back.1 - angular).norm() < 1e-10, "{angle}");
    }
}
