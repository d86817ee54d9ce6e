//! What became of the datagrams.

use std::fs;
use std::io;

/// The datagrams of one way. What came is what was sent without the copies, lost, partitioned, not
/// kept, failed, or is waiting: [`Counts::add_up`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datagrams that came.
    pub came: u64,
    /// Bytes in them.
    pub came_bytes: u64,
    /// Datagrams that went on, copies among them.
    pub sent: u64,
    /// Bytes in them.
    pub sent_bytes: u64,
    /// Copies that went on.
    pub duplicated: u64,
    /// Of those that went on and are no copies: went on after one that had come later.
    pub reordered: u64,
    /// Taken by the dice.
    pub lost: u64,
    /// Came in a partition, or were on their way when one began.
    pub partitioned: u64,
    /// Copies that a partition took.
    pub copies_partitioned: u64,
    /// There was no room to keep them.
    pub not_kept: u64,
    /// The socket did not take them, copies among them.
    pub failed: u64,
    /// Of these, copies.
    pub copies_failed: u64,
    /// On their way, copies among them.
    pub waiting: u64,
    /// Of these, copies.
    pub copies_waiting: u64,
    /// Never came as far as the dice: the kernel had no room for them. Not in `came`.
    pub unread: u64,
    /// There: from more senders than are served. Back: not from the target. Not in `came`.
    pub refused: u64,
}

impl Counts {
    /// Every datagram that came is accounted for.
    #[must_use]
    pub const fn add_up(&self) -> bool {
        let sent = self.sent - self.duplicated;
        let failed = self.failed - self.copies_failed;
        let waiting = self.waiting - self.copies_waiting;
        self.came == sent + self.lost + self.partitioned + self.not_kept + failed + waiting
    }

    /// Datagrams that came and will never go on.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.lost + self.partitioned + self.not_kept + self.failed - self.copies_failed
    }
}

/// What the kernel has of datagrams that nobody has read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unread {
    /// Bytes it keeps.
    pub(super) kept: u64,
    /// Datagrams it threw away.
    pub(super) lost: u64,
}

/// Of the UDP sockets of these ports in this thread's namespace.
pub(super) fn unread(ports: &[u16]) -> io::Result<Unread> {
    let text = fs::read_to_string("/proc/thread-self/net/udp")?;
    let of_line = |line: &str| {
        // Number, own address, peer, state, queues, and at the end what was lost.
        let mut words = line.split_whitespace();
        let (_, port) = words.nth(1)?.split_once(':')?;
        let port = u16::from_str_radix(port, 16).ok()?;
        let (_, kept) = words.nth(2)?.split_once(':')?;
        let kept = u64::from_str_radix(kept, 16).ok()?;
        let lost = words.next_back()?.parse().ok()?;
        ports.contains(&port).then_some(Unread { kept, lost })
    };
    let all = text.lines().skip(1).filter_map(of_line);
    Ok(all.fold(Unread::default(), |sum, one| Unread {
        kept: sum.kept + one.kept,
        lost: sum.lost + one.lost,
    }))
}
