//! The bytes on the wire: kept, so that a board of last year understands a host of today; and
//! whatever comes, nothing panics.

mod common;

use common::{Bench, JOINTS, hold};
use firmware::frame::{self, BODY_MAX, FRAME_MAX, HEADER, Kind};
use firmware::stream::{self, StreamReader};
use firmware::{
    Command, Counters, Identity, JointReport, LimitReason, Refusal, Reply, Request, ResetCause,
    Settings, State, WatchdogTimes, message,
};
use proptest::prelude::*;
use signals::{Celsius, JointCommand, JointState, Lifecycle, NewtonMetres, Volts};

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes_of(message: &impl serde::Serialize) -> String {
    let mut body = [0; BODY_MAX];
    let length = message::write(message, &mut body).unwrap_or_default();
    hexadecimal(&body[..length])
}

/// A change here means that older boards no longer understand: then [`frame::VERSION`] changes.
#[test]
fn the_cyclic_layouts_are_as_they_were() {
    let joint = JointCommand {
        q: signals::Radians(1.0),
        dq: signals::RadiansPerSecond(-2.0),
        kp: signals::Stiffness(3.0),
        kd: signals::Damping(0.5),
        tau: NewtonMetres(-0.25),
    };
    let command =
        Command { host_time: 0x0403_0201, valid: 5000, follow: true, count: 1, joints: [joint] };
    let mut body = [0; 64];
    let length = command.write(&mut body).unwrap();
    assert_eq!(
        hexadecimal(&body[..length]),
        "01020304881301010000803f000000c0000040400000003f000080be"
    );
    let report = JointReport {
        state: JointState { q: signals::Radians(1.0), dq: signals::RadiansPerSecond(2.0) },
        tau: NewtonMetres(-1.0),
        temperature: Celsius(-5.0),
        limited: LimitReason::Velocity,
    };
    let state = State {
        sequence: 0x0201,
        lifecycle: Lifecycle::Active,
        count: 1,
        host_time: 0x0605_0403,
        device_time: 0x0a09_0807,
        tick: 0x0e0d_0c0b,
        fault: 0x100f,
        supply: Volts(24.0),
        joints: [report],
    };
    let length = state.write(&mut body).unwrap();
    assert_eq!(
        hexadecimal(&body[..length]),
        "01020301030405060708090a0b0c0d0e0f1060090000803f00000040000080bffb03"
    );
    // Two joints fit into one frame of CAN-FD, which has 64 bytes.
    let command = Command { joints: [joint; 2], count: 2, ..nothing() };
    let state = State { joints: [report; 2], count: 2, ..still() };
    let longest = command.write(&mut body).unwrap().max(state.write(&mut body).unwrap());
    assert!(HEADER + longest + frame::CHECKSUM <= 64);
}

fn nothing() -> Command<2> {
    let joints = [JointCommand::LIMP; 2];
    Command { host_time: 0, valid: 0, follow: false, count: 2, joints }
}

fn still() -> State<2> {
    State {
        sequence: 0,
        lifecycle: Lifecycle::Boot,
        count: 2,
        host_time: 0,
        device_time: 0,
        tick: 0,
        fault: 0,
        supply: Volts(0.0),
        joints: [JointReport::default(); 2],
    }
}

/// The same for what is said now and then.
#[test]
fn the_messages_are_as_they_were() {
    let watchdog = WatchdogTimes::default();
    let settings = Settings {
        joints: 2,
        period: 1000,
        watchdog,
        emergency_damping: 1.0,
        temperature_derate: 80.0,
        temperature_trip: 100.0,
        voltage_min: 20.0,
        voltage_max: 30.0,
    };
    let identity = Identity {
        versions: [1, 2],
        firmware: [3, 4, 5],
        commit: 6,
        board: *b"abcd",
        serial: 7,
        joints_max: 8,
        joints: 9,
        configuration: 10,
        lifecycle: 11,
        fault: 12,
        resets: 13,
        reset_cause: ResetCause::Hang,
    };
    let kept = [
        (bytes_of(&Request::Identify), "00"),
        (bytes_of(&Request::Hello { versions: [1, 1] }), "010101"),
        (bytes_of(&Request::Arm { configuration: 300 }), "02ac02"),
        (bytes_of(&Request::Disarm), "03"),
        (bytes_of(&Request::Clear { fault: 5 }), "0405"),
        (bytes_of(&Request::Fault { id: 5 }), "0505"),
        (bytes_of(&Request::Limits { joint: 1 }), "0601"),
        (bytes_of(&Request::Settings), "07"),
        (bytes_of(&Request::Counters), "08"),
        (bytes_of(&Request::Reset), "09"),
        (bytes_of(&Request::Commit { configuration: 1 }), "0d01"),
        (
            bytes_of(&Request::Provision(settings)),
            "0b02e8070514f403640000803f0000a0420000c8420000a0410000f041",
        ),
        (
            bytes_of(&Reply::Welcome { session: 300, identity }),
            "01ac02010203040506616263640708090a0b0c0d04",
        ),
        (bytes_of(&Reply::Done), "02"),
        (bytes_of(&Reply::Refused(Refusal::Configuration { own: 1 })), "030301"),
        (bytes_of(&Reply::Fault { id: 1, code: 2, joint: 3, raw: 4 }), "0401020304"),
        (bytes_of(&Reply::Counters(Counters::default())), "0700000000000000000000000000"),
    ];
    for (number, (bytes, expected)) in kept.iter().enumerate() {
        assert_eq!(bytes, expected, "row {number}");
    }
}

proptest! {
    #[test]
    fn commands_come_out_as_they_went_in(
        (host_time, valid, follow) in any::<(u32, u16, bool)>(),
        numbers in prop::collection::vec(0.0..1e6_f32, 5 * 12),
        count in 0..=12_usize,
    ) {
        let mut joints = [JointCommand::LIMP; 12];
        for (joint, n) in joints.iter_mut().zip(numbers.chunks(5)).take(count) {
            joint.q.0 = -n[0];
            joint.dq.0 = n[1];
            joint.kp.0 = n[2];
            joint.kd.0 = n[3];
            joint.tau.0 = -n[4];
        }
        let command = Command { host_time, valid, follow, count, joints };
        let mut body = [0; BODY_MAX];
        let length = command.write(&mut body).unwrap();
        prop_assert_eq!(Command::read(&body[..length]), Ok(command));
        prop_assert!(Command::<12>::read(&body[..length - 1]).is_err());
        prop_assert!(Command::<12>::read(&body[..length + 1]).is_err());
        if count > 2 {
            prop_assert!(Command::<2>::read(&body[..length]).is_err());
        }
    }

    /// Whatever comes, in whatever frame: nothing panics, and no board gets torque from it.
    #[test]
    fn garbage_gives_no_torque(
        garbage in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..40),
        kinds in prop::collection::vec(1..6_u8, 40),
    ) {
        let mut bench = Bench::new();
        bench.tick();
        bench.hello();
        let mut answer = [0; FRAME_MAX];
        for (body, kind) in garbage.iter().zip(kinds) {
            bench.device.receive(body, bench.now, &mut answer);
            let kind = [Kind::Command, Kind::State, Kind::Heartbeat, Kind::Request, Kind::Reply]
                [usize::from(kind) - 1];
            let frame = common::sealed(kind, bench.session, 1, |place| {
                place.get_mut(..body.len())?.copy_from_slice(body);
                Some(body.len())
            });
            bench.device.receive(&frame, bench.now, &mut answer);
            let outputs = bench.tick();
            prop_assert_eq!(outputs.torque, [NewtonMetres(0.0); JOINTS]);
        }
    }

    /// An active board among broken copies of its own frames goes on as if there were none.
    #[test]
    fn broken_frames_do_not_disturb(flips in prop::collection::vec((0..60_usize, 0..8_u8), 1..50)) {
        let (mut bench, mut calm) = (Bench::active(), Bench::active());
        for (byte, bit) in flips {
            bench.command(&hold(0.2));
            calm.command(&hold(0.2));
            let mut frame = bench.sent.last().unwrap().clone();
            let byte = byte % frame.len();
            frame[byte] ^= 1 << bit;
            prop_assert_eq!(bench.send(&frame), None);
            prop_assert_eq!(bench.tick(), calm.tick());
        }
        prop_assert_eq!(bench.device.lifecycle(), Lifecycle::Active);
    }

    #[test]
    fn messages_of_any_bytes_are_read_or_refused(
        bytes in prop::collection::vec(any::<u8>(), 0..120)
    ) {
        if let Some(request) = message::read::<Request>(&bytes) {
            let mut again = [0; BODY_MAX];
            prop_assert!(message::write(&request, &mut again).is_some());
        }
        let _ = message::read::<Reply>(&bytes);
        let mut reader = StreamReader::new();
        bytes.iter().for_each(|byte| { reader.take(*byte); });
    }

    #[test]
    fn a_frame_survives_the_stream(body in prop::collection::vec(any::<u8>(), 0..BODY_MAX)) {
        let frame = common::sealed(Kind::Reply, 3, 4, |place| {
            place.get_mut(..body.len())?.copy_from_slice(&body);
            Some(body.len())
        });
        let mut packet = [0; stream::PACKET_MAX];
        let length = stream::encode(&frame, &mut packet).unwrap();
        let mut reader = StreamReader::new();
        let mut found = None;
        for byte in &packet[..length] {
            if let Some(bytes) = reader.take(*byte) {
                found = Some(bytes.to_vec());
            }
        }
        prop_assert_eq!(found, Some(frame));
    }
}
