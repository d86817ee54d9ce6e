//! Proves by linking that no path through `rule` and `vet` ends in a panic.
//!
//! `tests/run no_panic` builds it with `--cfg no_panic`, optimised as a whole: a function marked
//! below in which the compiler still sees a way to panic refers to a symbol that does not exist,
//! and the build fails. With `--cfg no_panic_control` one function panics on purpose, and the build
//! must fail. Proven is this build of this compiler, no other.

use core::hint::black_box;
use core::time::Duration;

use governor::{Envelope, Facts, Governor, LeaseBook, Machine, Profile, Step, Times, Vetted};
use signals::*;

#[cfg_attr(no_panic, no_panic::no_panic)]
fn rule(
    governor: &mut Governor,
    cycle: &Cycle,
    seen: (&SensorFrame, &BodyState),
    plan: Option<&Plan>,
    operator: &Operator,
) -> Ruling {
    governor.rule(cycle, seen.0, seen.1, plan, operator)
}

#[cfg_attr(no_panic, no_panic::no_panic)]
fn vet<'cycle>(
    governor: &mut Governor,
    cycle: &'cycle Cycle,
    state: &BodyState,
    wanted: BodyCommand,
) -> Vetted<'cycle, BodyCommand> {
    governor.vet(cycle, state, wanted)
}

#[cfg_attr(no_panic, no_panic::no_panic)]
fn step(machine: &mut Machine, times: &Times, facts: &Facts) -> Step {
    machine.step(times, facts)
}

#[cfg_attr(no_panic, no_panic::no_panic)]
fn accept(book: &mut LeaseBook, now: Instant) -> bool {
    let lease = book.take(governor::Resource::Body, governor::Holder::Brain, now);
    book.accept(governor::Resource::ArmLeft, lease.epoch, 1, now).is_ok()
}

#[cfg_attr(no_panic, no_panic::no_panic)]
fn drain(governor: &mut Governor) -> bool {
    governor.next_record().is_some()
}

#[cfg(no_panic_control)]
#[cfg_attr(no_panic, no_panic::no_panic)]
fn control(numbers: &[f32], index: usize) -> f32 {
    numbers[index]
}

fn frame() -> SensorFrame {
    SensorFrame {
        joints: Joints::filled(JointReading::default(), 12),
        imu: ImuReading::default(),
        feet: Feet::default(),
        lidar: None,
        person: None,
        supply: None,
        drives: None,
    }
}

fn state() -> BodyState {
    BodyState {
        at: Instant::ZERO,
        position: [Metres(0.0); 3],
        attitude: Quaternion::IDENTITY,
        velocity: [MetresPerSecond(0.0); 3],
        angular_velocity: [RadiansPerSecond(0.0); 3],
        joints: Joints::filled(JointState::default(), 12),
        contact: Feet::default(),
        posture: Posture::Limp,
        valid: true,
    }
}

fn main() {
    let joint = JointLimits {
        q_min: Radians(-1.0),
        q_max: Radians(1.0),
        dq_max: RadiansPerSecond(10.0),
        tau_max: NewtonMetres(20.0),
        corner_speed: RadiansPerSecond(8.0),
        no_load_speed: RadiansPerSecond(20.0),
        braking: RadiansPerSecondSquared(50.0),
        kp_max: Stiffness(100.0),
        kd_max: Damping(5.0),
        ..JointLimits::default()
    };
    let joints = Joints::filled(joint, 12);
    let hardware = HardwareLimits { joints, emergency_damping: Damping(2.0) };
    let Ok(envelope) = Envelope::new(&hardware) else { return };
    let mut governor = Governor::new(envelope, black_box(Profile::default()));
    let now = Instant::from_nanos(black_box(1));
    let cycle = Cycle { number: 1, now, period: black_box(Duration::from_millis(1)) };
    // What goes in is hidden from the compiler: it may be anything.
    let (frame, state) = black_box((frame(), state()));
    let plan = black_box(None::<Plan>);
    let operator = black_box(Operator::default());
    let ruling = rule(&mut governor, &cycle, (&frame, &state), plan.as_ref(), &operator);
    let commands = Joints::filled(JointCommand::LIMP, 12);
    let wanted = black_box(BodyCommand { joints: commands, valid_until: now });
    let vetted = vet(&mut governor, &cycle, &state, wanted);
    println!("{ruling:?}, {} joints", vetted.joints.len());
    while drain(&mut governor) {}
    let mut machine = black_box(Machine::new(false));
    println!(
        "{:?}",
        step(&mut machine, &black_box(Times::default()), &black_box(Facts::default()))
    );
    println!("{}", accept(&mut black_box(LeaseBook::default()), now));
    #[cfg(no_panic_control)]
    println!("{}", control(&black_box(vec![1.0]), black_box(0)));
}
