//! The joint loop of any board: its device, and where its answers go.

use firmware::frame::FRAME_MAX;
use firmware::{Birth, Configuration, Device, Inputs, Outputs};

/// A device with the memory of where its host is. `Link` names one of the board's links.
#[derive(Debug)]
pub struct Node<Link, const N: usize> {
    device: Device<N>,
    peer: Option<Link>,
    frame: [u8; FRAME_MAX],
}

/// A frame to be sent on a link.
pub type Outgoing<'a, Link> = (Link, &'a [u8]);

impl<Link: Copy, const N: usize> Node<Link, N> {
    /// A board that was just started.
    #[must_use]
    pub fn new(birth: Birth, configuration: &Configuration<N>) -> Self {
        Self { device: Device::new(birth, configuration), peer: None, frame: [0; FRAME_MAX] }
    }

    /// The device.
    pub fn device(&mut self) -> &mut Device<N> {
        &mut self.device
    }

    /// Bytes came over `link` at `now`, us. An answer goes back there, and so do the states from
    /// now on, if the device took what came: a stranger's noise does not turn them away. Until it
    /// has taken something they go to whoever speaks, so that a host sees when the board has
    /// started anew.
    pub fn receive(&mut self, link: Link, bytes: &[u8], now: u32) -> Option<Outgoing<'_, Link>> {
        let before = *self.device.counters();
        let answer = self.device.receive(bytes, now, &mut self.frame);
        let after = self.device.counters();
        let spoke = self.peer.is_none() && after.broken == before.broken;
        if after.taken != before.taken || spoke {
            self.peer = Some(link);
        }
        Some((link, self.frame.get(..answer?)?))
    }

    /// One tick. The state of it goes to the peer, when somebody has spoken yet.
    pub fn tick(&mut self, inputs: &Inputs<N>) -> (Outputs<N>, Option<Outgoing<'_, Link>>) {
        let outputs = self.device.tick(inputs);
        let peer = self.peer;
        let state = peer.and_then(|peer| {
            let length = self.device.write_state(&mut self.frame)?;
            Some((peer, self.frame.get(..length)?))
        });
        (outputs, state)
    }
}
