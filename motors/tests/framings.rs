//! CAN frames over the streams of bytes of adapters: published bytes, round trips, garbage.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that fails has failed")]

use motors::at_dongle::AtDongle;
use motors::can::{CanFrame, CanId};
use motors::damiao_dongle::DamiaoDongle;
use motors::fdcanusb::Fdcanusb;
use motors::framing::{ENCODED_MAX, Framing};
use motors::slcan::Slcan;
use proptest::prelude::*;

fn read_all(framing: &mut impl Framing, bytes: &[u8]) -> Vec<CanFrame> {
    bytes.iter().filter_map(|byte| framing.read(*byte)).collect()
}

fn encoded(framing: &impl Framing, frame: &CanFrame) -> Option<Vec<u8>> {
    framing.encode(frame, &mut [0; ENCODED_MAX]).map(<[u8]>::to_vec)
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// What the adapter would pass on of a frame it was given, for a framing whose two ways differ.
fn as_received(frame: &CanFrame) -> Vec<u8> {
    let extended = matches!(frame.id(), CanId::Extended(_));
    let mut bytes = vec![0xAA, 0x11, frame.data().len() as u8 | u8::from(extended) << 6];
    bytes.extend(frame.id().number().to_le_bytes());
    let mut data = [0; 8];
    data[..frame.data().len()].copy_from_slice(frame.data());
    bytes.extend(data);
    bytes.push(0x55);
    bytes
}

#[test]
fn the_published_bytes_of_each_adapter() {
    // Lawicel CAN232: id 100, eight bytes; id 0x100 extended, two bytes.
    let frame = CanFrame::classic(CanId::Standard(0x100), &[0x11, 0x22, 0x33]).unwrap();
    assert_eq!(encoded(&Slcan::default(), &frame).unwrap(), b"t1003112233\r");
    let frame = CanFrame::classic(CanId::Extended(0x100), &[0xAB, 0xCD]).unwrap();
    assert_eq!(encoded(&Slcan::default(), &frame).unwrap(), b"T000001002ABCD\r");
    // RS02 User Manual, 3.3.5.
    let bytes = hex("41 54 90 07 E8 0C 08 05 70 00 00 01 00 00 00 0D 0A");
    let frame = CanFrame::eight(CanId::Extended(0x1200_FD01), [5, 0x70, 0, 0, 1, 0, 0, 0]);
    assert_eq!(encoded(&AtDongle::default(), &frame).unwrap(), bytes);
    assert_eq!(read_all(&mut AtDongle::default(), &bytes), [frame]);
    // DM_Control_Python, the frame it sends and the one it takes apart.
    let frame = CanFrame::eight(CanId::Standard(7), [1, 2, 3, 4, 5, 6, 7, 8]);
    assert_eq!(
        encoded(&DamiaoDongle::default(), &frame).unwrap(),
        hex("55AA1E03 01000000 0A000000 00 07000000 00 08 0000 0102030405060708 00")
    );
    let received = hex("AA 11 08 17 00 00 00 09 08 07 06 05 04 03 02 55");
    let frame = CanFrame::eight(CanId::Standard(0x17), [9, 8, 7, 6, 5, 4, 3, 2]);
    assert_eq!(read_all(&mut DamiaoDongle::default(), &received), [frame]);
    // moteus-protocol, its own test of padding.
    let frame = CanFrame::flexible(CanId::Standard(1), &[0x11; 9], 0x50).unwrap();
    assert_eq!(
        encoded(&Fdcanusb::new(false), &frame).unwrap(),
        b"can send 0001 111111111111111111505050 BF\n"
    );
    let frame = CanFrame::classic(CanId::Standard(0x502), &[0x12, 0x34]).unwrap();
    assert_eq!(read_all(&mut Fdcanusb::new(true), b"rcv 0502 1234 *3C\n"), [frame]);
}

#[test]
fn an_adapter_that_refuses_is_counted() {
    let mut slcan = Slcan::default();
    assert!(read_all(&mut slcan, b"\r\rz\rZ\r").is_empty());
    assert_eq!(slcan.refused(), 0, "it agreed to everything");
    assert!(read_all(&mut slcan, b"\x07t1\rt10091\rt7FF9\rt800111\rt100211\r").is_empty());
    assert_eq!(slcan.refused(), 6);
    let mut fdcanusb = Fdcanusb::new(false);
    assert!(read_all(&mut fdcanusb, b"OK\r\nERR full\nrcv 100 0\nrcv zz 00 F\n").is_empty());
    assert_eq!(fdcanusb.refused(), 3);
    let mut checked = Fdcanusb::new(true);
    assert!(read_all(&mut checked, b"rcv 0502 1234 *3D\nrcv 0502 1234\nOK *BD\n").is_empty());
    assert_eq!(checked.refused(), 2, "a wrong checksum and none");
}

#[test]
fn what_an_adapter_cannot_carry_is_not_sent() {
    let long = CanFrame::flexible(CanId::Extended(0x8001), &[0; 12], 0).unwrap();
    let standard = CanFrame::eight(CanId::Standard(1), [0; 8]);
    assert!(encoded(&DamiaoDongle::default(), &long).is_none());
    assert!(encoded(&AtDongle::default(), &long).is_none());
    assert!(encoded(&AtDongle::default(), &standard).is_none());
    let low = CanFrame::classic(CanId::Extended(0x7FF), &[]).unwrap();
    assert!(encoded(&Fdcanusb::new(false), &low).is_none(), "it would become a standard frame");
}

fn classic() -> impl Strategy<Value = CanFrame> {
    let id = prop_oneof![
        (0..=CanId::STANDARD_MAX).prop_map(CanId::Standard),
        (0x800..=CanId::EXTENDED_MAX).prop_map(CanId::Extended),
    ];
    (id, prop::collection::vec(any::<u8>(), 0..=8))
        .prop_map(|(id, data)| CanFrame::classic(id, &data).unwrap())
}

fn any_frame() -> impl Strategy<Value = CanFrame> {
    let long = (classic(), prop::collection::vec(any::<u8>(), 0..=64))
        .prop_map(|(frame, data)| CanFrame::flexible(frame.id(), &data, 0x50).unwrap());
    prop_oneof![classic(), long]
}

/// The bytes the adapter sends for `frame`, in the framings where it answers in another form.
fn answered(frame: &CanFrame) -> Vec<u8> {
    let sent = encoded(&Fdcanusb::new(false), frame).unwrap();
    let mut text = b"rcv ".to_vec();
    let words: Vec<&[u8]> = sent[9..sent.len() - 1].split(|byte| *byte == b' ').collect();
    text.extend(words[0]);
    text.push(b' ');
    text.extend(words[1]);
    if matches!(frame.id(), CanId::Extended(_)) {
        text.extend(b" E");
    }
    text.extend(if frame.is_flexible() { b" B F\n".as_slice() } else { b" b f\n" });
    text
}

proptest! {
    #[test]
    fn what_is_written_is_read(frame in any_frame()) {
        let bytes = encoded(&Slcan::default(), &frame).unwrap();
        prop_assert_eq!(read_all(&mut Slcan::default(), &bytes), [frame]);
        prop_assert_eq!(read_all(&mut Fdcanusb::new(false), &answered(&frame)), [frame]);
    }

    #[test]
    fn a_frame_is_found_behind_garbage(
        frame in classic(),
        garbage in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        // A text framing resumes with the next line, a binary one as soon as what it holds cannot
        // become a frame: two frames later at the latest.
        let mut slcan = Slcan::default();
        read_all(&mut slcan, &garbage);
        slcan.read(b'\r');
        let line = encoded(&Slcan::default(), &frame).unwrap();
        prop_assert_eq!(read_all(&mut slcan, &line), [frame]);
        let mut fdcanusb = Fdcanusb::new(false);
        read_all(&mut fdcanusb, &garbage);
        fdcanusb.read(b'\n');
        prop_assert_eq!(read_all(&mut fdcanusb, &answered(&frame)), [frame]);

        let mut dongle = DamiaoDongle::default();
        read_all(&mut dongle, &garbage);
        let length = frame.data().len();
        if length > 0 {
            let found = read_all(&mut dongle, &as_received(&frame).repeat(3));
            prop_assert_eq!(found.last(), Some(&frame));
        }
        if let CanId::Extended(_) = frame.id() {
            let mut dongle = AtDongle::default();
            read_all(&mut dongle, &garbage);
            let bytes = encoded(&AtDongle::default(), &frame).unwrap();
            let found = read_all(&mut dongle, &bytes.repeat(3));
            prop_assert_eq!(found.last(), Some(&frame));
        }
    }
}
