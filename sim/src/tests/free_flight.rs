//! Rigid-body dynamics in free space, against MuJoCo's RK4 at 20 us and against conservation laws.

use core::f64::consts::TAU;

use super::*;
use crate::world::World;
use signals::NewtonMetres;

const GRAVITY: [f32; 3] = [0.0, 0.0, -9.81];

/// The reference's torque law, see `fixtures/record.py`.
fn flail(amplitude: f64, tick: u32) -> Joints<NewtonMetres> {
    let time = at(tick).as_seconds();
    Joints::from_fn(12, |id| {
        let joint = id.index() as f64;
        NewtonMetres((amplitude * (TAU * (1.0 + 0.1 * joint) * time + joint).sin()) as f32)
    })
}

fn reference() -> serde_json::Value {
    serde_json::from_str(include_str!("../../fixtures/free_flight.json")).unwrap()
}

fn numbers<const N: usize>(value: &serde_json::Value) -> [f64; N] {
    core::array::from_fn(|index| value[index].as_f64().unwrap())
}

fn free(substeps: usize, gravity: [f32; 3], spin: [f32; 3]) -> World {
    let mut robot = quadruped();
    robot.file.sim.substeps = substeps;
    let mut world = World::new(&robot, &Yard::empty()).unwrap();
    world.set_free(gravity, spin);
    world
}

#[test]
fn flailing_in_the_air_agrees_with_mujoco() {
    let reference = reference();
    let spin = numbers::<3>(&reference["spin_rad_s"]).map(|w| w as f32);
    let amplitude = reference["torque_nm"].as_f64().unwrap();
    for (substeps, joint_max, base_max) in [(1, 0.04, 0.005), (4, 0.02, 0.003)] {
        let mut world = free(substeps, GRAVITY, spin);
        for tick in 0..500 {
            world.step(&flail(amplitude, tick), [0.0; 3]);
        }
        let (states, wanted) = (world.joint_states(), numbers::<12>(&reference["joints_rad"]));
        let off = states.iter().zip(wanted).map(|(state, q)| (f64::from(state.q.0) - q).abs());
        let joint = off.fold(0.0, f64::max);
        let position =
            world.base().position.into_iter().zip(numbers::<3>(&reference["position_m"]));
        let base = position.map(|(a, b)| (f64::from(a) - b).powi(2)).sum::<f64>().sqrt();
        println!("{substeps} substeps: joints {joint:.2e} rad, base {base:.2e} m");
        assert!(joint < joint_max && base < base_max, "{substeps}: {joint} rad, {base} m");
    }
}

#[test]
fn momentum_is_conserved_without_gravity() {
    for (substeps, share_max) in [(1, 0.05), (4, 0.013)] {
        let mut world = free(substeps, [0.0; 3], [1.0, -0.5, 0.7]);
        world.step(&flail(3.0, 0), [0.0; 3]);
        let (spin, center) = (world.angular_momentum(), world.center_of_mass());
        for tick in 1..2000 {
            world.step(&flail(3.0, tick), [0.0; 3]);
        }
        let share = norm(minus(world.angular_momentum(), spin)) / norm(spin);
        let drift = norm(minus(world.center_of_mass(), center));
        println!("{substeps} substeps: {:.2} %, moved {drift:.1e} m", 100.0 * share);
        assert!(share < share_max && drift < 0.01, "{substeps} substeps: {share}, {drift} m");
    }
}
