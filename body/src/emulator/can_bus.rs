//! A CAN bus with emulated motors on it, and what can go wrong on its wire.

use core::any::Any;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use motors::can::CanFrame;

use crate::{CanPort, PortError};

/// A motor that answers frames.
pub trait EmulatedMotor: Any + Send {
    /// Takes a frame; what it answers.
    fn take(&mut self, frame: &CanFrame) -> Vec<CanFrame>;

    /// Lets time pass.
    fn advance(&mut self, span: Duration);
}

/// What is wrong with the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CanWire {
    /// So many frames to the motors are lost.
    pub lose_commands: u32,
    /// So many answers are lost.
    pub lose_answers: u32,
    /// So many answers have a bit flipped; on a real bus the checksum of the frame finds it, behind
    /// an adapter without one nothing does.
    pub flip_answers: u32,
    /// So many answers come twice.
    pub double_answers: u32,
    /// The port takes no more.
    pub full: bool,
    /// The port is unplugged.
    pub unplugged: bool,
}

/// A bus in memory; copies of it are the same bus. As a port it never waits.
#[derive(Clone)]
pub struct EmulatedCanBus {
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    motors: Vec<Box<dyn EmulatedMotor>>,
    wire: CanWire,
    to_host: VecDeque<CanFrame>,
    /// What the host sent, in order.
    sent: Vec<CanFrame>,
}

impl EmulatedCanBus {
    /// A bus with these motors.
    #[must_use]
    pub fn new(motors: Vec<Box<dyn EmulatedMotor>>) -> Self {
        let (wire, to_host) = (CanWire::default(), VecDeque::new());
        Self { inner: Arc::new(Mutex::new(Inner { motors, wire, to_host, sent: Vec::new() })) }
    }

    /// Lets time pass for every motor.
    pub fn advance(&self, span: Duration) {
        self.lock().motors.iter_mut().for_each(|motor| motor.advance(span));
    }

    /// Sets what is wrong with the wire.
    pub fn set_wire(&self, wire: CanWire) {
        self.lock().wire = wire;
    }

    /// What the host has sent since it was last asked.
    #[must_use]
    pub fn take_sent(&self) -> Vec<CanFrame> {
        core::mem::take(&mut self.lock().sent)
    }

    /// Looks at or changes the motor in `place`, which must be an `M`; `None` where it is none.
    pub fn with<M: EmulatedMotor, T>(
        &self,
        place: usize,
        act: impl FnOnce(&mut M) -> T,
    ) -> Option<T> {
        let mut inner = self.lock();
        let motor: &mut dyn Any = inner.motors.get_mut(place)?.as_mut();
        motor.downcast_mut().map(act)
    }

    /// A frame that somebody else sends to the host.
    pub fn inject(&self, frame: CanFrame) {
        self.lock().to_host.push_back(frame);
    }

    // A thread that panicked while it held the bus has failed its test anyway.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn take(&mut self, frame: &CanFrame) {
        self.sent.push(*frame);
        if count_down(&mut self.wire.lose_commands) {
            return;
        }
        for motor in &mut self.motors {
            for answer in motor.take(frame) {
                if count_down(&mut self.wire.lose_answers) {
                    continue;
                }
                let flipped = count_down(&mut self.wire.flip_answers);
                let answer = if flipped { flip(&answer) } else { answer };
                self.to_host.push_back(answer);
                if count_down(&mut self.wire.double_answers) {
                    self.to_host.push_back(answer);
                }
            }
        }
    }

    fn check(&self) -> Result<(), PortError> {
        if self.wire.unplugged {
            return Err(PortError::Gone { port: "emulated bus".into(), why: "unplugged".into() });
        }
        Ok(())
    }
}

impl CanPort for EmulatedCanBus {
    fn send(&mut self, frame: &CanFrame) -> Result<bool, PortError> {
        let mut inner = self.lock();
        inner.check()?;
        if inner.wire.full {
            return Ok(false);
        }
        inner.take(frame);
        Ok(true)
    }

    fn receive(&mut self, _: Duration) -> Result<Option<CanFrame>, PortError> {
        let mut inner = self.lock();
        inner.check()?;
        Ok(inner.to_host.pop_front())
    }

    fn refused(&self) -> u32 {
        0
    }
}

fn count_down(count: &mut u32) -> bool {
    let was = *count;
    *count = was.saturating_sub(1);
    was > 0
}

/// The lowest bit of the first byte.
fn flip(frame: &CanFrame) -> CanFrame {
    let mut data = frame.data().to_vec();
    if let Some(first) = data.first_mut() {
        *first ^= 1;
    }
    let flipped = if frame.is_flexible() {
        CanFrame::flexible(frame.id(), &data, 0)
    } else {
        CanFrame::classic(frame.id(), &data)
    };
    flipped.unwrap_or(*frame)
}
