//! The same motors behind each kind of adapter, byte by byte over a pseudo-terminal, in real time.

use core::time::Duration;
use std::io::ErrorKind;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use body::emulator::{AdapterKind, CanAdapter, EmulatedCanBus};
use body::{Body, CanPort, Framed, MotorPlan, SerialPort, Timing};
use motors::at_dongle::AtDongle;
use motors::damiao_dongle::DamiaoDongle;
use motors::fdcanusb::Fdcanusb;
use motors::framing::Framing;
use motors::slcan::Slcan;
use signals::*;

use crate::rig;

/// Patient enough for a machine that does other things.
const TIMING: Timing =
    Timing { watchdog: Duration::from_secs(2), answer_within: Duration::from_millis(800) };
const CYCLE: Duration = Duration::from_millis(4);
/// Cycles until a test gives up.
const CYCLES_MAX: u64 = 5000;

/// A thread that is the adapter, until it is dropped.
struct Server {
    path: String,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    fn new(kind: AdapterKind, bus: EmulatedCanBus) -> Self {
        let (mut ours, theirs) = serial2::SerialPort::pair().unwrap();
        ours.set_read_timeout(Duration::from_millis(1)).unwrap();
        let path = std::fs::read_link(format!("/proc/self/fd/{}", theirs.as_raw_fd())).unwrap();
        let end = Arc::new(AtomicBool::new(false));
        let its_end = Arc::clone(&end);
        let serve = move || {
            // Kept open, or else the first program that closes the port would end the terminal.
            let _theirs = theirs;
            let mut adapter = CanAdapter::new(kind, bus.clone());
            let (mut last, mut bytes) = (Instant::now(), [0; 1024]);
            while !its_end.load(Ordering::Relaxed) {
                let received = match ours.read(&mut bytes) {
                    Ok(received) => received,
                    Err(error) if error.kind() == ErrorKind::TimedOut => 0,
                    Err(_) => return,
                };
                bus.advance(last.elapsed());
                last = Instant::now();
                let answers = adapter.take(&bytes[..received]).unwrap();
                ours.write_all(&answers).unwrap();
            }
        };
        let thread = Some(std::thread::spawn(serve));
        Self { path: path.to_str().unwrap().to_owned(), end, thread }
    }

    fn open<F: Framing + Send + 'static>(&self, framing: F) -> Box<dyn CanPort> {
        let port = SerialPort::open(&self.path, 921_600).unwrap();
        Box::new(Framed::open(port, framing).unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
    }
}

/// Turns the loop with a governor in it, until the joint stands where it was asked to.
fn follows(port: Box<dyn CanPort>, plan: MotorPlan) {
    let mut body = rig::connect(vec![port], &[plan], TIMING).unwrap();
    assert!(body.capabilities().survives_its_host());
    let mut governor = rig::governor(&rig::limits(1));
    let mut operator = Operator::local(None);
    let began = Instant::now();
    for number in 0..CYCLES_MAX {
        let due = CYCLE * u32::try_from(number).unwrap();
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        let now = signals::Instant::from_nanos(1_000_000_000) + due;
        let cycle = Cycle { number, now, period: CYCLE };
        let frame = body.sense(&cycle);
        let reading = frame.joints[rig::joint(0)];
        let drives = frame.drives.unwrap();
        assert_eq!(drives.fault, None, "cycle {number}: {:?}", body.counters());
        if (reading.q.0 - 0.5).abs() < 0.02 && drives.lifecycle == Lifecycle::Active {
            let counters = body.counters();
            assert_eq!(counters.strangers, 0, "{counters:?}");
            return;
        }
        operator.act = (number == 150).then_some(OperatorAct::Start);
        let (state, seen) = quiet(&cycle, &frame);
        governor.rule(&cycle, &seen, &state, None, &operator);
        let wanted = if number < 160 {
            JointCommand::LIMP
        } else {
            JointCommand {
                // Gentle: the readings may be old on a machine that does other things.
                q: Radians(0.5),
                kp: Stiffness(4.0),
                kd: Damping(1.0),
                ..JointCommand::LIMP
            }
        };
        let command = BodyCommand {
            joints: Joints::filled(wanted, 1),
            valid_until: now + Duration::from_secs(1),
        };
        body.apply(governor.vet(&cycle, &state, command));
    }
    panic!("it did not get there: {:?} {:?}", governor.ruling(), body.counters());
}

/// What the governor is shown: a quiet robot with this joint.
fn quiet(cycle: &Cycle, frame: &SensorFrame) -> (BodyState, SensorFrame) {
    let joints = frame.joints.map(|reading| JointReading { at: cycle.now, ..reading });
    let imu = ImuReading { at: cycle.now, ..ImuReading::default() };
    let state = BodyState {
        at: cycle.now,
        position: [Metres(0.0); 3],
        attitude: Quaternion::IDENTITY,
        velocity: [MetresPerSecond(0.0); 3],
        angular_velocity: [RadiansPerSecond(0.0); 3],
        joints: joints.map(|JointReading { q, dq, .. }| JointState { q, dq }),
        contact: Feet::default(),
        posture: Posture::Standing,
        valid: true,
    };
    (state, SensorFrame { joints, imu, drives: None, ..*frame })
}

/// Clauses: M4.
#[test]
fn a_damiao_follows_behind_its_own_adapter() {
    let server = Server::new(AdapterKind::Damiao, rig::damiao_bus());
    follows(server.open(DamiaoDongle::default()), rig::damiao_plan());
}

/// Clauses: M4.
#[test]
fn a_robstride_follows_behind_its_own_adapter() {
    let server = Server::new(AdapterKind::RobStride, rig::robstride_bus());
    follows(server.open(AtDongle::default()), rig::robstride_plan());
}

/// Clauses: M4.
#[test]
fn a_moteus_follows_behind_an_fdcanusb() {
    let server = Server::new(AdapterKind::Fdcanusb, rig::moteus_bus());
    follows(server.open(Fdcanusb::new(false)), rig::moteus_plan());
}

/// Clauses: M4.
#[test]
fn a_damiao_follows_behind_an_slcan_adapter() {
    let server = Server::new(AdapterKind::Slcan, rig::damiao_bus());
    follows(server.open(Slcan::default()), rig::damiao_plan());
}
