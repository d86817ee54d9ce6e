//! Standing on joint stiffness, against MuJoCo with an elliptic cone and impratio 100.

use super::*;

#[test]
fn it_stands_like_the_reference() {
    let text = include_str!("../../fixtures/standing.json");
    let reference: serde_json::Value = serde_json::from_str(text).unwrap();
    let number = |key: &str| reference[key].as_f64().unwrap();
    let mut robot = quadruped();
    robot.file.motion.rise_s = number("rise_s");
    robot.file.motion.stiffness_nm_rad = number("stiffness_nm_rad");
    robot.file.motion.damping_nm_s_rad = number("damping_nm_s_rad");
    let mut body = SimBody::new(&robot, &Yard::empty(), 1).unwrap();
    stand(&mut body, &robot, 0..5000);
    let before = body.truth();
    let (mut height, mut loads) = (0.0, [0.0; 4]);
    for tick in 5000..6000 {
        stand(&mut body, &robot, tick..tick + 1);
        let truth = body.truth();
        height += f64::from(truth.position[2].0) * 1e-3;
        for (load, force) in loads.iter_mut().zip(truth.foot_force.iter()) {
            *load += f64::from(force.0) * 1e-3;
        }
    }
    let after = body.truth();
    let drift = norm(minus(after.position.map(|p| p.0), before.position.map(|p| p.0)));
    let tilt = after.attitude.tilt().0.to_degrees();
    println!("height {height:.5} m, feet {loads:.2?} N, drift {drift:.1e} m, tilt {tilt:.2} deg");
    assert!((height - number("base_height_m")).abs() < 0.002, "{height} m");
    for (foot, load) in loads.iter().enumerate() {
        let wanted = reference["foot_loads_n"][foot].as_f64().unwrap();
        assert!((load - wanted).abs() < 1.5, "foot {foot}: {load} N, not {wanted} N");
    }
    let weight = robot.model.mass() * 9.81;
    assert!((loads.iter().sum::<f64>() / weight - 1.0).abs() < 0.01, "{loads:?}");
    assert!(drift < 1e-4 && tilt < 2.0, "{drift} m, {tilt} deg");
    assert!(!after.fallen && !after.in_collision);
    let joints = after.joints.iter().enumerate();
    for (index, joint) in joints {
        let wanted = reference["joints_rad"][index].as_f64().unwrap();
        assert!((f64::from(joint.q.0) - wanted).abs() < 0.01, "joint {index}: {joint:?}");
    }
}
