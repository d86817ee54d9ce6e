use super::*;

#[test]
fn it_stands() {
    let robot = quadruped();
    let mut body = SimBody::new(&robot, &Yard::empty(), 1).unwrap();
    for part in 0..6 {
        run(&mut body, part * 1000..(part + 1) * 1000, |tick, _, _| {
            crate::rate::rise(&robot, at(tick), TICK)
        });
        let truth = body.truth();
        println!(
            "{part}: {:?} tilt {} f {:?} {:?}",
            truth.position,
            truth.attitude.tilt().0,
            truth.foot_force,
            truth.torque.as_slice()
        );
    }
}
