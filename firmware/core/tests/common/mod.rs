//! A board with two joints and a host that talks to it, on virtual time.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot start has failed")]

use core::time::Duration;

use firmware::frame::{self, EVERYONE, FRAME_MAX, HEADER, HOST, Header, Kind, NO_SESSION, VERSION};
use firmware::{
    Birth, Command, Configuration, Device, Heartbeat, Inputs, Measured, Outputs, Reply, Request,
    ResetLog, State, Supervision, WatchdogTimes, message,
};
use signals::{
    Damping, HardwareLimits, JointCommand, JointLimits, JointState, Joints, KilogramMetresSquared,
    Lifecycle, NewtonMetres, NewtonMetresPerSecond, Radians, RadiansPerSecond,
    RadiansPerSecondCubed, RadiansPerSecondSquared, Seconds, Stiffness, Volts,
};

pub const JOINTS: usize = 2;
/// From one tick to the next, us.
pub const PERIOD: u32 = 1000;

pub fn limits() -> JointLimits {
    JointLimits {
        q_min: Radians(-1.0),
        q_max: Radians(1.0),
        dq_max: RadiansPerSecond(10.0),
        tau_max: NewtonMetres(20.0),
        corner_speed: RadiansPerSecond(8.0),
        no_load_speed: RadiansPerSecond(20.0),
        braking: RadiansPerSecondSquared(50.0),
        kp_max: Stiffness(100.0),
        kd_max: Damping(5.0),
        inertia_min: KilogramMetresSquared(0.1),
        acceleration_max: RadiansPerSecondSquared(JointLimits::UNLIMITED),
        jerk_max: RadiansPerSecondCubed(JointLimits::UNLIMITED),
        torque_rate: NewtonMetresPerSecond(20_000.0),
        torque_continuous: NewtonMetres(10.0),
        thermal_time: Seconds(20.0),
    }
}

pub fn configuration() -> Configuration<JOINTS> {
    let limits = HardwareLimits {
        joints: Joints::filled(limits(), JOINTS),
        emergency_damping: Damping(2.0),
    };
    let period = Duration::from_micros(u64::from(PERIOD));
    let supervision = Supervision {
        voltage_min: Volts(20.0),
        voltage_max: Volts(30.0),
        ..Supervision::default()
    };
    Configuration::of(&limits, WatchdogTimes::default(), supervision, period).unwrap()
}

pub fn birth(log: ResetLog) -> Birth {
    Birth {
        address: 7,
        firmware: [1, 2, 3],
        commit: 0,
        board: *b"test",
        serial: 42,
        log,
        first_session: 100,
    }
}

/// A host and its board.
pub struct Bench {
    pub device: Device<JOINTS>,
    /// Clock of the board, and how far that of the host is ahead, us.
    pub now: u32,
    pub ahead: u32,
    pub session: u16,
    pub sequence: u16,
    pub cycle: u32,
    pub measured: [Measured; JOINTS],
    pub supply: Volts,
    /// Frames that were sent, to be sent again.
    pub sent: Vec<Vec<u8>>,
}

impl Bench {
    pub fn new() -> Self {
        Self::after(ResetLog::NEW)
    }

    pub fn after(log: ResetLog) -> Self {
        Self {
            device: Device::new(birth(log), &configuration()),
            now: u32::MAX - 3000,
            ahead: 123_456_789,
            session: NO_SESSION,
            sequence: u16::MAX - 4,
            cycle: 5,
            measured: [Measured::default(); JOINTS],
            supply: Volts(24.0),
            sent: Vec::new(),
        }
    }

    /// Handshake, clock, heartbeat, arming, first command: the board follows.
    pub fn active() -> Self {
        let mut bench = Self::new();
        bench.arm();
        bench.command(&hold(0.0));
        bench.tick();
        assert_eq!(bench.device.lifecycle(), Lifecycle::Active);
        bench
    }

    pub fn arm(&mut self) {
        self.hello();
        for _ in 0..10 {
            self.beat();
            self.send_command(&[JointCommand::LIMP; JOINTS], false, 5000);
            self.tick();
        }
        let configuration = configuration().hash();
        assert_eq!(self.ask(&Request::Arm { configuration }), Some(Reply::Done));
    }

    pub fn hello(&mut self) {
        let reply = self.ask(&Request::Hello { versions: [VERSION; 2] });
        let Some(Reply::Welcome { session, .. }) = reply else { panic!("{reply:?}") };
        self.session = session;
    }

    pub fn tick(&mut self) -> Outputs<JOINTS> {
        self.now = self.now.wrapping_add(PERIOD);
        let inputs = Inputs { now: self.now, joints: self.measured, supply: self.supply };
        self.device.tick(&inputs)
    }

    pub fn send(&mut self, bytes: &[u8]) -> Option<Reply> {
        let mut answer = [0; FRAME_MAX];
        let length = self.device.receive(bytes, self.now, &mut answer)?;
        let (header, body) = frame::open(&answer[..length]).unwrap();
        assert_eq!((header.kind, header.destination), (Kind::Reply, HOST));
        message::read(body)
    }

    pub fn ask(&mut self, request: &Request) -> Option<Reply> {
        let frame = sealed(Kind::Request, self.session, 9, |body| message::write(request, body));
        self.send(&frame)
    }

    /// One vetted command: the command and the heartbeat that goes with it.
    pub fn command(&mut self, joints: &[JointCommand; JOINTS]) {
        self.beat();
        self.send_command(joints, true, 5000);
    }

    pub fn beat(&mut self) {
        self.cycle = self.cycle.wrapping_add(1);
        let beat = Heartbeat { cycle: self.cycle };
        let frame = sealed(Kind::Heartbeat, self.session, 0, |body| beat.write(body));
        assert_eq!(self.send(&frame), None);
    }

    pub fn send_command(&mut self, joints: &[JointCommand; JOINTS], follow: bool, valid: u16) {
        self.sequence = self.sequence.wrapping_add(1);
        let frame = self.command_frame(joints, follow, valid);
        assert_eq!(self.send(&frame), None);
        self.sent.push(frame);
    }

    pub fn command_frame(
        &self,
        joints: &[JointCommand; JOINTS],
        follow: bool,
        valid: u16,
    ) -> Vec<u8> {
        let host_time = self.now.wrapping_add(self.ahead);
        let command = Command { host_time, valid, follow, count: JOINTS, joints: *joints };
        sealed(Kind::Command, self.session, self.sequence, |body| command.write(body))
    }

    pub fn state(&self) -> State<JOINTS> {
        let mut frame = [0; FRAME_MAX];
        let length = self.device.write_state(&mut frame).unwrap();
        let (header, body) = frame::open(&frame[..length]).unwrap();
        assert_eq!((header.kind, header.session), (Kind::State, self.session));
        State::read(body).unwrap()
    }
}

pub fn hold(q: f32) -> [JointCommand; JOINTS] {
    let hold =
        JointCommand { q: Radians(q), kp: Stiffness(50.0), kd: Damping(2.0), ..JointCommand::LIMP };
    [hold; JOINTS]
}

pub fn moving(dq: f32) -> Measured {
    let state = JointState { q: Radians(0.0), dq: RadiansPerSecond(dq) };
    Measured { state, ..Measured::default() }
}

pub fn sealed(
    kind: Kind,
    session: u16,
    sequence: u16,
    write: impl FnOnce(&mut [u8]) -> Option<usize>,
) -> Vec<u8> {
    let mut frame = vec![0; FRAME_MAX];
    let length = write(&mut frame[HEADER..]).unwrap();
    let header = Header { kind, source: HOST, destination: EVERYONE, session, sequence };
    let length = frame::seal(&header, length, &mut frame).unwrap();
    frame.truncate(length);
    frame
}
