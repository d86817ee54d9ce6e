//! A robot with two joints: its governor, its body behind a link, and a board in memory whose wire
//! loses, repeats, delays and changes frames. Time is virtual.
#![allow(dead_code, unreachable_pub, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot start has failed")]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use body::link::{BoardConfiguration, Framing, LinkBody, Wire};
use body::{Applied, Body, Port, PortError, Rotor, RotorBoard};
use firmware::frame::FRAME_MAX;
use firmware::stream::{PACKET_MAX, StreamReader, encode};
use firmware::{Configuration, ResetCause, Supervision, WatchdogTimes};
use governor::{Envelope, Governor, HealthRule, Profile};
use signals::*;

pub const JOINTS: usize = 2;
pub const TICK: Duration = Duration::from_millis(1);
const VALIDITY: Duration = Duration::from_millis(20);
pub const PATIENCE: Duration = Duration::from_secs(20);

pub fn limits() -> HardwareLimits {
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
        inertia_min: KilogramMetresSquared(0.1),
        acceleration_max: RadiansPerSecondSquared(JointLimits::UNLIMITED),
        jerk_max: RadiansPerSecondCubed(JointLimits::UNLIMITED),
        torque_rate: NewtonMetresPerSecond(20_000.0),
        torque_continuous: NewtonMetres(20.0),
        thermal_time: Seconds(60.0),
    };
    HardwareLimits { joints: Joints::filled(joint, JOINTS), emergency_damping: Damping(2.0) }
}

pub fn configuration() -> BoardConfiguration {
    let times = WatchdogTimes::default();
    let (voltage_min, voltage_max) = (Volts(20.0), Volts(30.0));
    let supervision = Supervision { voltage_min, voltage_max, ..Supervision::default() };
    Configuration::of(&limits(), times, supervision, TICK).unwrap()
}

pub fn board(configuration: Option<&BoardConfiguration>) -> RotorBoard {
    RotorBoard::new(configuration, vec![Rotor::resting(0.2, Radians(0.0)); JOINTS])
}

/// What a wire does to frames, each with a chance of this many in a hundred.
#[derive(Clone, Copy, Debug, Default)]
pub struct Harm {
    pub lose: u64,
    pub twice: u64,
    pub flip: u64,
    pub late: u64,
}

/// The far end of the wire.
pub struct Far {
    pub board: RotorBoard,
    pub harm: Harm,
    /// The port reports that it is gone.
    pub unplugged: bool,
    /// Frames are lost without a word.
    pub cut: bool,
    /// What the board says is lost without a word.
    pub silent: bool,
    /// The board's processor stands still.
    pub hung: bool,
    framing: Framing,
    reader: StreamReader,
    tick: u64,
    chance: u64,
    down: VecDeque<(u64, Vec<u8>)>,
    up: VecDeque<(u64, Vec<u8>)>,
}

impl Far {
    fn chance(&mut self, of_hundred: u64) -> bool {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.chance >> 33) % 100 < of_hundred
    }

    /// Puts one frame on the wire, as the wire likes it.
    fn carry(&mut self, bytes: &[u8], down: bool) {
        let harm = self.harm;
        let mut bytes = bytes.to_vec();
        if self.chance(harm.flip) {
            let place = self.tick as usize % bytes.len();
            bytes[place] ^= 0x10;
        }
        let lost = self.cut || self.silent && !down;
        let copies = usize::from(!lost && !self.chance(harm.lose));
        let copies = copies + usize::from(self.chance(harm.twice) && copies > 0);
        for _ in 0..copies {
            let due = self.tick + if self.chance(harm.late) { 3 } else { 0 };
            let wire = if down { &mut self.down } else { &mut self.up };
            wire.push_back((due, bytes.clone()));
        }
    }

    fn due(wire: &mut VecDeque<(u64, Vec<u8>)>, tick: u64) -> Option<Vec<u8>> {
        let place = wire.iter().position(|(due, _)| *due <= tick)?;
        wire.remove(place).map(|(_, bytes)| bytes)
    }

    /// One millisecond: what is due arrives, the board ticks and says how it is.
    pub fn tick(&mut self) {
        self.tick += 1;
        let now = (self.tick as u32).wrapping_mul(1000).wrapping_sub(50_000);
        let mut frames = Vec::new();
        while let Some(bytes) = Self::due(&mut self.down, self.tick) {
            match self.framing {
                Framing::Datagrams => frames.push(bytes),
                Framing::Stream => {
                    let taken =
                        bytes.iter().filter_map(|byte| self.reader.take(*byte).map(<[u8]>::to_vec));
                    frames.extend(taken);
                }
            }
        }
        if self.hung {
            return;
        }
        for frame in frames {
            let mut answer = [0; FRAME_MAX];
            if let Some(length) = self.board.receive(&frame, now, &mut answer) {
                self.say(&answer[..length]);
            }
        }
        let mut state = [0; FRAME_MAX];
        if let Some(length) = self.board.tick(now, &mut state) {
            self.say(&state[..length]);
        }
    }

    fn say(&mut self, frame: &[u8]) {
        match self.framing {
            Framing::Datagrams => self.carry(frame, false),
            Framing::Stream => {
                let mut packet = [0; PACKET_MAX];
                let length = encode(frame, &mut packet).unwrap();
                // Streams come in pieces of any length.
                let (one, other) = packet[..length].split_at(length / 3);
                self.carry(one, false);
                self.carry(other, false);
            }
        }
    }
}

/// The near end: who waits on it lets time pass.
pub struct Cable(Arc<Mutex<Far>>);

impl Cable {
    /// Another plug on the same wire.
    pub fn to(far: &Arc<Mutex<Far>>) -> Self {
        Self(Arc::clone(far))
    }
}

impl Port for Cable {
    fn send(&mut self, bytes: &[u8]) -> Result<bool, PortError> {
        let mut far = self.0.lock().unwrap();
        if far.unplugged {
            return Err(PortError::Gone { port: "cable".into(), why: "pulled out".into() });
        }
        far.carry(bytes, true);
        Ok(true)
    }

    fn receive(&mut self, into: &mut [u8], wait: Duration) -> Result<usize, PortError> {
        let mut far = self.0.lock().unwrap();
        if far.unplugged {
            return Err(PortError::Gone { port: "cable".into(), why: "pulled out".into() });
        }
        let tick = far.tick;
        if wait > Duration::ZERO && far.up.iter().all(|(due, _)| *due > tick) {
            far.tick();
        }
        let tick = far.tick;
        let Some(bytes) = Far::due(&mut far.up, tick) else { return Ok(0) };
        into[..bytes.len()].copy_from_slice(&bytes);
        Ok(bytes.len())
    }
}

/// A wire to this board, and its far end.
pub fn wired(board: RotorBoard, framing: Framing) -> (Wire, Arc<Mutex<Far>>) {
    let far = Far {
        board,
        harm: Harm::default(),
        unplugged: false,
        cut: false,
        silent: false,
        hung: false,
        framing,
        reader: StreamReader::new(),
        tick: 0,
        chance: 7,
        down: VecDeque::new(),
        up: VecDeque::new(),
    };
    let far = Arc::new(Mutex::new(far));
    (Wire::new(Box::new(Cable(Arc::clone(&far))), framing), far)
}

/// A governor for the robot, whose readings may be anything.
pub fn governor(limits: &HardwareLimits) -> Governor {
    let profile = Profile::default();
    let health = HealthRule { jumps_settle: 0, torque_error: 0.0, ..profile.health };
    Governor::new(Envelope::new(limits).unwrap(), Profile { health, ..profile })
}

/// The robot: one cycle after the other.
pub struct Robot {
    pub governor: Governor,
    pub body: LinkBody,
    pub far: Arc<Mutex<Far>>,
    pub number: u64,
    pub operator: Operator,
    pub wanted: JointCommand,
    pub posture: Posture,
    pub frame: Option<SensorFrame>,
}

impl Robot {
    pub fn new(body: LinkBody, far: Arc<Mutex<Far>>) -> Self {
        Self {
            governor: governor(&limits()),
            body,
            far,
            number: 0,
            operator: Operator::local(None),
            wanted: JointCommand::LIMP,
            posture: Posture::Limp,
            frame: None,
        }
    }

    /// Connected to a board with the right configuration.
    pub fn connected(framing: Framing) -> Self {
        let (wire, far) = wired(board(Some(&configuration())), framing);
        let body = LinkBody::connect(wire, &configuration(), PATIENCE).unwrap();
        Self::new(body, far)
    }

    /// The same, started, and holding its joints at 0.1 rad.
    pub fn holding(framing: Framing) -> Self {
        let mut robot = Self::connected(framing);
        robot.turns(60);
        robot.operator.act = Some(OperatorAct::Start);
        robot.turn();
        robot.operator.act = None;
        assert_eq!(robot.governor.ruling().mode, Mode::Auto, "{:?}", robot.frame);
        robot.posture = Posture::Standing;
        robot.wanted = JointCommand {
            q: Radians(0.1),
            kp: Stiffness(20.0),
            kd: Damping(2.0),
            ..JointCommand::LIMP
        };
        robot.turns(30);
        assert_eq!(robot.far().board.lifecycle(), Lifecycle::Active);
        robot
    }

    pub fn far(&self) -> MutexGuard<'_, Far> {
        self.far.lock().unwrap()
    }

    pub fn now(&self) -> Instant {
        Instant::from_nanos(self.number * 1_000_000)
    }

    /// One cycle, and then one tick of the board.
    pub fn turn(&mut self) -> Applied {
        let cycle = Cycle { number: self.number, now: self.now(), period: TICK };
        let mut frame = self.body.sense(&cycle);
        // The base of this robot rests, and its inertial unit hangs on another wire.
        frame.imu.at = cycle.now;
        frame.imu.angular_velocity[0].0 = if self.number.is_multiple_of(2) { 0.0 } else { 1e-6 };
        let state = BodyState {
            at: cycle.now,
            position: [Metres(0.0); 3],
            attitude: Quaternion::IDENTITY,
            velocity: [MetresPerSecond(0.0); 3],
            angular_velocity: [RadiansPerSecond(0.0); 3],
            joints: frame.joints.map(|joint| JointState { q: joint.q, dq: joint.dq }),
            contact: Feet::default(),
            posture: self.posture,
            valid: true,
        };
        self.operator.supervisor = Some(cycle.now);
        // What a governor makes of drives that do not follow is shown elsewhere.
        let seen = SensorFrame { drives: None, ..frame };
        self.governor.rule(&cycle, &seen, &state, None, &self.operator);
        let valid_until = cycle.now + VALIDITY;
        let wanted = BodyCommand { joints: Joints::filled(self.wanted, JOINTS), valid_until };
        let vetted = self.governor.vet(&cycle, &state, wanted);
        let applied = self.body.apply(vetted);
        self.frame = Some(frame);
        self.number += 1;
        self.far().tick();
        applied
    }

    pub fn turns(&mut self, turns: usize) -> Applied {
        (0..turns).map(|_| self.turn()).last().unwrap()
    }

    pub fn lifecycle(&self) -> Lifecycle {
        self.far().board.lifecycle()
    }

    pub fn gate(&self) -> bool {
        self.far().board.outputs().gate
    }

    /// The board's program breaks off.
    pub fn reset(&self) {
        self.far().board.reset(ResetCause::Hang);
    }
}
