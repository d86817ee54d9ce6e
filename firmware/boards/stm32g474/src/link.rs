//! The joint bus over CAN-FD. A frame of the bus may be longer than the 64 bytes of CAN-FD, so it
//! travels as on a serial line: a stream of packets, cut into pieces. The zeros that fill a piece
//! up to a length that CAN-FD has are nothing to the reader of the stream.

use core::sync::atomic::{AtomicU32, Ordering};

use embassy_executor::{SendSpawner, SpawnError, SpawnToken};
use embassy_futures::select::{Either, select};
use embassy_stm32::can::filter::{Action, FilterType, StandardFilter, StandardFilterSlot};
use embassy_stm32::can::frame::FdFrame;
use embassy_stm32::can::{Can, CanConfigurator};
use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use embassy_sync::channel::Channel;
use firmware::frame::FRAME_MAX;
use firmware::stream::{self, PACKET_MAX, StreamReader};

use crate::joint::{ADDRESS, LINK_LIVES};

const ARBITRATION_BITS_PER_S: u32 = 1_000_000;
const DATA_BITS_PER_S: u32 = 5_000_000;
/// From the host to this board.
const TO_BOARD: u16 = 0x100 + ADDRESS as u16;
/// From this board to the host.
const FROM_BOARD: u16 = 0x180 + ADDRESS as u16;
/// Lengths that a CAN-FD frame can have, from 8 bytes on (ISO 11898-1).
const LENGTHS: [usize; 8] = [8, 12, 16, 20, 24, 32, 48, 64];
/// The longest of them.
const PIECE_MAX: usize = 64;

/// A frame of the joint bus.
pub(crate) type Frame = heapless::Vec<u8, FRAME_MAX>;

/// Frames that came; an empty one for a packet that was none.
pub(crate) static INBOX: Channel<CriticalSectionRawMutex, Frame, 4> = Channel::new();
/// Frames to be sent.
pub(crate) static OUTBOX: Channel<CriticalSectionRawMutex, Frame, 4> = Channel::new();
/// Frames for which there was no room.
pub(crate) static UNSENT: AtomicU32 = AtomicU32::new(0);

pub(crate) fn send(frame: &[u8]) {
    let sent = Frame::from_slice(frame).is_ok_and(|frame| OUTBOX.try_send(frame).is_ok());
    if !sent {
        UNSENT.fetch_add(1, Ordering::Relaxed);
    }
}

pub(crate) fn start(executor: SendSpawner, mut can: CanConfigurator<'static>) {
    can.set_bitrate(ARBITRATION_BITS_PER_S);
    can.set_fd_data_bitrate(DATA_BITS_PER_S, true);
    // A filter of every bit: ranges are swapped in this release of the driver.
    let filter = StandardFilter {
        filter: FilterType::BitMask { filter: TO_BOARD, mask: 0x7FF },
        action: Action::StoreInFifo0,
    };
    can.properties().set_standard_filter(StandardFilterSlot::_0, filter);
    spawn(executor, link_task(can.into_normal_mode()));
}

/// Starts a task; each has room for one life.
pub(crate) fn spawn<S: Send>(executor: SendSpawner, task: Result<SpawnToken<S>, SpawnError>) {
    match task {
        Ok(task) => executor.spawn(task),
        Err(_) => panic!("a task was started twice"),
    }
}

#[embassy_executor::task]
async fn link_task(mut can: Can<'static>) {
    let mut reader = StreamReader::new();
    loop {
        LINK_LIVES.store(true, Ordering::Relaxed);
        match select(can.read_fd(), OUTBOX.receive()).await {
            Either::First(Ok(envelope)) => take(&mut reader, envelope.parts().0.data()).await,
            // The controller counts its errors and comes back by itself.
            Either::First(Err(_)) => embassy_time::Timer::after_millis(1).await,
            Either::Second(frame) => put(&mut can, &frame).await,
        }
    }
}

async fn take(reader: &mut StreamReader, piece: &[u8]) {
    for byte in piece {
        let broken = reader.broken();
        if let Some(frame) = reader.take(*byte) {
            INBOX.send(Frame::from_slice(frame).unwrap_or_default()).await;
        } else if reader.broken() != broken {
            INBOX.send(Frame::new()).await;
        }
    }
}

async fn put(can: &mut Can<'static>, frame: &[u8]) {
    let mut packet = [0; PACKET_MAX];
    let length = stream::encode(frame, &mut packet).unwrap_or_default();
    for piece in packet.get(..length).unwrap_or_default().chunks(PIECE_MAX) {
        let mut filled = [0; PIECE_MAX];
        filled.iter_mut().zip(piece).for_each(|(place, byte)| *place = *byte);
        let length = LENGTHS.into_iter().find(|length| *length >= piece.len());
        let data = filled.get(..length.unwrap_or(PIECE_MAX)).unwrap_or_default();
        if let Ok(frame) = FdFrame::new_standard(FROM_BOARD, data) {
            can.write_fd(&frame).await;
        }
    }
}
