//! The LAN9118 Ethernet controller: whole frames in and out, without a network stack. Registers:
//! Microchip LAN9118 data sheet, chapter 5.

use crate::registers::Device::Ethernet;

/// Longest frame without its check sum, bytes.
pub(crate) const FRAME_MAX: usize = 1_514;
/// Destination, source and type.
pub(crate) const HEADER: usize = 14;

/// An Ethernet address.
pub(crate) type Address = [u8; 6];
/// Ours: locally administered, not taken from any maker.
pub(crate) const OWN: Address = [0x02, 0, 0, 0, 0, 0x01];
/// Everybody's.
pub(crate) const BROADCAST: Address = [0xFF; 6];

const RX_DATA: usize = 0x00;
const TX_DATA: usize = 0x20;
const RX_STATUS: usize = 0x40;
const TX_STATUS: usize = 0x48;
const INTERRUPT_CONFIG: usize = 0x54;
const INTERRUPT_STATUS: usize = 0x58;
const INTERRUPT_ENABLE: usize = 0x5C;
const FIFO_INTERRUPT: usize = 0x68;
const TX_CONFIG: usize = 0x70;
const RX_INFO: usize = 0x7C;
const TX_INFO: usize = 0x80;
const MAC_COMMAND: usize = 0xA4;
const MAC_DATA: usize = 0xA8;

const MAC_CONTROL: u32 = 1;
const MAC_ADDRESS_HIGH: u32 = 2;
const MAC_ADDRESS_LOW: u32 = 3;
const RECEIVE_AND_TRANSMIT: u32 = (1 << 3) | (1 << 2);

const FRAME_ARRIVED: u32 = 1 << 3;
const RX_ERROR: u32 = 1 << 15;
const CHECK_SUM: usize = 4;
/// Room for a whole frame must be free before one is begun.
const TX_ROOM: u32 = FRAME_MAX as u32 + 16;

/// Sets the controller up; must come before its interrupt line is enabled, for the line idles
/// inverted until it is configured, and would interrupt without end.
pub(crate) fn set_up() {
    Ethernet.write(TX_CONFIG, 1 << 1);
    Ethernet.write(FIFO_INTERRUPT, 0);
    // Interrupt on, active high, driven both ways.
    Ethernet.write(INTERRUPT_CONFIG, (1 << 8) | (1 << 4) | 1);
    let [a, b, c, d, e, f] = OWN;
    write_mac(MAC_ADDRESS_LOW, u32::from_le_bytes([a, b, c, d]));
    write_mac(MAC_ADDRESS_HIGH, u32::from_le_bytes([e, f, 0, 0]));
    write_mac(MAC_CONTROL, RECEIVE_AND_TRANSMIT);
    forget_arrivals();
    wait_for_frames();
}

/// Forgets that frames arrived; must come before the frames are taken, so that one that arrives
/// while they are is not forgotten.
pub(crate) fn forget_arrivals() {
    Ethernet.write(INTERRUPT_STATUS, u32::MAX);
}

/// Interrupts again when a frame arrives, or has since the arrivals were forgotten.
pub(crate) fn wait_for_frames() {
    Ethernet.write(INTERRUPT_ENABLE, FRAME_ARRIVED);
}

/// The interrupt: stays quiet until [`wait_for_frames`].
pub(crate) fn on_interrupt() {
    Ethernet.write(INTERRUPT_ENABLE, 0);
}

/// What [`receive`] found.
pub(crate) enum Received {
    /// No frame waits.
    Nothing,
    /// One that the controller says is broken, or that is too short or long.
    Broken,
    /// One of so many bytes.
    Frame(usize),
}

/// Takes the next frame into `buffer`.
pub(crate) fn receive(buffer: &mut [u8; FRAME_MAX]) -> Received {
    if (Ethernet.read(RX_INFO) >> 16) & 0xFF == 0 {
        return Received::Nothing;
    }
    let status = Ethernet.read(RX_STATUS);
    let with_sum = ((status >> 16) & 0x3FFF) as usize;
    // All words must be read, or the next frame begins in the middle.
    for at in 0..with_sum.div_ceil(4) {
        let word = Ethernet.read(RX_DATA).to_le_bytes();
        let rest = buffer.get_mut(at * 4..).unwrap_or_default();
        let taken = rest.len().min(word.len());
        rest[..taken].copy_from_slice(&word[..taken]);
    }
    match with_sum.checked_sub(CHECK_SUM) {
        Some(length) if status & RX_ERROR == 0 && (HEADER..=FRAME_MAX).contains(&length) => {
            Received::Frame(length)
        }
        _ => Received::Broken,
    }
}

/// Sends one frame; false when the controller has no room, as without a cable.
pub(crate) fn send(to: Address, ether_type: u16, body: &[u8]) -> bool {
    while (Ethernet.read(TX_INFO) >> 16) & 0xFF != 0 {
        Ethernet.read(TX_STATUS);
    }
    if Ethernet.read(TX_INFO) & 0xFFFF < TX_ROOM || HEADER + body.len() > FRAME_MAX {
        return false;
    }
    let length = (HEADER + body.len()) as u32;
    let only_part = (1 << 13) | (1 << 12);
    Ethernet.write(TX_DATA, only_part | length);
    Ethernet.write(TX_DATA, length);
    let mut header = [0; HEADER];
    header[..6].copy_from_slice(&to);
    header[6..12].copy_from_slice(&OWN);
    header[12..].copy_from_slice(&ether_type.to_be_bytes());
    let mut bytes = header.iter().chain(body).copied();
    for _ in 0..length.div_ceil(4) {
        let word = [(); 4].map(|()| bytes.next().unwrap_or_default());
        Ethernet.write(TX_DATA, u32::from_le_bytes(word));
    }
    true
}

fn write_mac(register: u32, value: u32) {
    const BUSY: u32 = 1 << 31;
    /// The controller needs far less.
    const POLLS_MAX: u32 = 1_000;
    Ethernet.write(MAC_DATA, value);
    Ethernet.write(MAC_COMMAND, BUSY | register);
    for _ in 0..POLLS_MAX {
        if Ethernet.read(MAC_COMMAND) & BUSY == 0 {
            return;
        }
    }
}
