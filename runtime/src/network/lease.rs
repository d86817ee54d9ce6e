//! Who may command the robot from outside: the robot's side of leases, and in [`holder`] the other.
//!
//! There is one lease for each [`LeaseRole`]. It is asked for with a query, held by using it, and
//! ends by itself. Each message under it carries the lease's epoch, a number that rises, and a code
//! that only its holder can make. Stopping the robot needs no lease and does not come past here.
//!
//! Nothing here reads a clock or a socket. What it relies on: `now` is the robot's clock; the
//! gateway tells which role's query it heard and which key expression a message came on; a router
//! in between may see, drop, delay and repeat everything, and can still not make a code.
//!
//! Numbers that run out: the epoch of a role begins anew after 2^32 grants, and no message of an
//! older lease with the same epoch counts then, since each grant has a key of its own. A number of
//! a message or an ask that has reached 2^64 - 1 cannot rise; the lease then ends for want of use.

pub mod ask;
mod challenge;
pub mod holder;
mod refusal;

use std::fmt;
use std::time::Duration;

use governor::{Holder, Lease, LeaseBook, LeaseError, Resource};
use signals::{Instant, Role};

use self::ask::{Acquire, Answer, Ask, Hold};
pub use self::challenge::CHALLENGE_LASTS;
use self::challenge::Challenges;
pub use self::refusal::{Refusal, Refusals};
use super::code::{Agreement, CODE, Claim, Random, Secret, SessionKey, from_hexadecimal};
use crate::deployment::keys::{self, Trust};
use crate::report::hexadecimal;

/// Bytes of the header of every message: layout, session, sequence and time, 8 bytes each.
const HEADER: usize = 32;
/// Most topics under one lease.
const TOPICS_MAX: usize = 4;

/// What a lease permits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum LeaseRole {
    /// To send plans.
    Planner,
    /// To act on the robot and to drive it.
    Operator,
    /// As the operator, and to maintain and unlock it.
    Maintainer,
}

impl LeaseRole {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::Planner, Self::Operator, Self::Maintainer];

    /// Its name, as in key expressions and in what is signed.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Operator => "operator",
            Self::Maintainer => "maintainer",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// A key of this role may hold the lease.
    #[must_use]
    pub const fn may_be_held_by(self, key: keys::Role) -> bool {
        match self {
            Self::Planner => matches!(key, keys::Role::Planner),
            Self::Operator => matches!(key, keys::Role::Operator | keys::Role::Maintainer),
            Self::Maintainer => matches!(key, keys::Role::Maintainer),
        }
    }

    /// As whom the holder acts. Who is on the robot's own machine stands at the robot.
    #[must_use]
    pub const fn acts_as(self, signed: bool) -> Role {
        match (self, signed) {
            (Self::Planner, _) => Role::Bystander,
            (Self::Operator, false) => Role::Local,
            (Self::Operator, true) => Role::Operator,
            (Self::Maintainer, _) => Role::Maintainer,
        }
    }
}

impl fmt::Display for LeaseRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a desk needs to know of its robot.
pub struct DeskSettings {
    /// Name of the robot.
    pub robot: String,
    /// Random number of this run; told to holders.
    pub session: u64,
    /// An ask must be signed: the gateway hears more than its own machine.
    pub signed: bool,
    /// Whose signatures count.
    pub trust: Trust,
    /// Where secrets and challenges come from.
    pub random: Random,
}

/// How often what happened, over all roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Leases granted, those taken from another included.
    pub granted: u64,
    /// Leases taken from another holder.
    pub taken: u64,
    /// Leases given back.
    pub returned: u64,
    /// Leases that ended for want of use.
    pub expired: u64,
    /// Asks of holders to go on.
    pub kept: u64,
    /// Messages that counted.
    pub accepted: u64,
}

/// A message that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted<'a> {
    /// Under which lease.
    pub role: LeaseRole,
    /// As whom its holder acts.
    pub acts_as: Role,
    /// Who holds it, as the governor counts holders.
    pub holder: Holder,
    /// Number of the grant.
    pub epoch: u32,
    /// Number of the message.
    pub sequence: u64,
    /// What the holder calls himself. Free text of his.
    pub name: &'a str,
}

/// A lease in force.
struct Held {
    lease: Lease,
    key: SessionKey,
    /// The robot's public part of the key, hexadecimal.
    own: String,
    /// The holder's, by which his ask is known again.
    asker: [u8; 32],
    name: String,
    signer: Option<String>,
    used: Instant,
    /// Uses so far: what the book counts, since topics number their messages each for itself.
    uses: u64,
    /// Number of the last ask.
    count: Option<u64>,
    /// Number of the last message on each topic.
    topics: Vec<(String, u64)>,
}

/// What the desk knows of one role.
#[derive(Default)]
struct Seat {
    book: LeaseBook,
    held: Option<Held>,
    challenges: Challenges,
    /// When a message counted last, and under which epoch.
    last: Option<(Instant, u32)>,
}

impl Seat {
    /// Ends the lease when it was not used for too long; true when it has ended by that now.
    fn end_unused(&mut self, now: Instant) -> bool {
        let over = |held: &Held| now.since(held.used) > LeaseBook::LASTS;
        let ends = self.held.as_ref().is_some_and(over);
        if ends {
            self.end();
        }
        ends
    }

    fn end(&mut self) {
        self.book.revoke(Resource::Body);
        self.held = None;
    }

    /// The lease with this epoch.
    fn held(&self, epoch: u32) -> Result<&Held, Refusal> {
        self.held.as_ref().filter(|held| held.lease.epoch == epoch).ok_or(Refusal::Ended)
    }

    /// Prolongs the lease.
    fn use_it(&mut self, now: Instant) -> Result<&mut Held, Refusal> {
        let held = self.held.as_mut().ok_or(Refusal::Ended)?;
        held.uses = held.uses.saturating_add(1);
        held.used = held.used.max(now);
        let answer = self.book.accept(Resource::Body, held.lease.epoch, held.uses, held.used);
        answer.map_err(|error| match error {
            LeaseError::Sequence => Refusal::Sequence,
            LeaseError::Held(_) | LeaseError::Ended => Refusal::Ended,
        })?;
        Ok(held)
    }
}

/// The robot's side: gives leases out and says which messages count.
///
/// Clauses: O2.
pub struct LeaseDesk {
    settings: DeskSettings,
    seats: [Seat; LeaseRole::ALL.len()],
    grants: u32,
    tally: Tally,
    asks: Refusals,
    messages: Refusals,
}

impl fmt::Debug for LeaseDesk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = f.debug_struct("LeaseDesk");
        said.field("robot", &self.settings.robot).field("tally", &self.tally);
        said.finish_non_exhaustive()
    }
}

impl LeaseDesk {
    /// A desk with nothing given out.
    #[must_use]
    pub fn new(settings: DeskSettings) -> Self {
        let (tally, asks, messages) = Default::default();
        Self { settings, seats: Default::default(), grants: 0, tally, asks, messages }
    }

    /// Answers the query `triune/<robot>/lease/<role>` with these bytes. There is always an answer.
    #[must_use]
    pub fn answer(&mut self, role: LeaseRole, ask: &[u8], now: Instant) -> Vec<u8> {
        self.end_unused(now);
        let answer = Ask::parse(ask).and_then(|ask| match ask {
            Ask::Challenge {} => self.challenge(role, now),
            Ask::Acquire(ask) => self.acquire(role, &ask, now),
            Ask::Keep(ask) => self.keep(role, &ask, now),
            Ask::Return(ask) => self.give_back(role, &ask, now),
        });
        let answer = answer.unwrap_or_else(|refusal| {
            self.asks.count(refusal);
            Answer::refused(refusal, self.said(role, refusal, now))
        });
        answer.bytes()
    }

    /// Takes a whole message in, as it came: header, body, code.
    ///
    /// It may come under any of `roles`: an act under the operator's lease or the maintainer's. It
    /// counts under the one whose holder made its code.
    ///
    /// # Errors
    /// As [`Self::accept`]; the reason is that of the lease it came closest to.
    pub fn accept_sample(
        &mut self,
        roles: &[LeaseRole],
        key_expression: &str,
        sample: &[u8],
        now: Instant,
    ) -> Result<Accepted<'_>, Refusal> {
        self.end_unused(now);
        let judged = judge_sample(&self.seats, roles, key_expression, sample, now);
        let (role, epoch, sequence) =
            judged.inspect_err(|refusal| self.messages.count(*refusal))?;
        self.take_in(role, key_expression, (epoch, sequence), now)
    }

    /// Takes a message under the lease of `role` in, if it counts: its epoch is in force, its code
    /// fits `key_expression`, header and body, and its sequence rises on this topic. It uses the
    /// lease then. Otherwise nothing has changed but a counter.
    ///
    /// # Errors
    /// [`Refusal::Size`], [`Refusal::Form`] when the header does not carry this epoch and sequence,
    /// [`Refusal::Ended`], [`Refusal::Code`], [`Refusal::Sequence`], [`Refusal::Tick`],
    /// [`Refusal::Topics`].
    ///
    /// Clauses: O2.
    #[expect(clippy::too_many_arguments, reason = "what a message is made of")]
    pub fn accept(
        &mut self,
        role: LeaseRole,
        epoch: u32,
        sequence: u64,
        key_expression: &str,
        header_and_body: &[u8],
        code: &[u8],
        now: Instant,
    ) -> Result<Accepted<'_>, Refusal> {
        self.end_unused(now);
        let said = number(header_and_body, 8).zip(number(header_and_body, 16));
        let judged = match said {
            _ if header_and_body.len() < HEADER => Err(Refusal::Size),
            Some(said) if said == (u64::from(epoch), sequence) => {
                let seat = &self.seats[role as usize];
                let message = (epoch, sequence, header_and_body, code);
                judge(seat, key_expression, message, now)
            }
            _ => Err(Refusal::Form),
        };
        judged.inspect_err(|refusal| self.messages.count(*refusal))?;
        self.take_in(role, key_expression, (epoch, sequence), now)
    }

    /// The lease of a role that is in force: its epoch, and what its holder calls himself.
    #[must_use]
    pub fn holder(&mut self, role: LeaseRole, now: Instant) -> Option<(u32, &str)> {
        self.end_unused(now);
        let held = self.seats[role as usize].held.as_ref()?;
        Some((held.lease.epoch, &held.name))
    }

    /// Id of the key that asked for the lease of a role; `None` when nobody holds it, or unsigned.
    #[must_use]
    pub fn signer(&mut self, role: LeaseRole, now: Instant) -> Option<&str> {
        self.end_unused(now);
        self.seats[role as usize].held.as_ref()?.signer.as_deref()
    }

    /// Ends the lease of a role at once, such as when its holder's link broke.
    pub fn revoke(&mut self, role: LeaseRole) {
        self.seats[role as usize].end();
    }

    /// How often what happened.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Asks that were refused, by reason.
    #[must_use]
    pub const fn refused_asks(&self) -> &Refusals {
        &self.asks
    }

    /// Messages that did not count, by reason.
    #[must_use]
    pub const fn refused_messages(&self) -> &Refusals {
        &self.messages
    }

    fn end_unused(&mut self, now: Instant) {
        for seat in &mut self.seats {
            self.tally.expired += u64::from(seat.end_unused(now));
        }
    }

    fn challenge(&mut self, role: LeaseRole, now: Instant) -> Result<Answer, Refusal> {
        let mut bytes = [0; 16];
        (self.settings.random)(&mut bytes).map_err(|_| Refusal::Machine)?;
        let text = hexadecimal(&bytes);
        self.seats[role as usize].challenges.give(text.clone(), now);
        let lasts_ms = Some(millis(CHALLENGE_LASTS));
        let now_ns = Some(now.as_nanos());
        Ok(Answer { ok: true, challenge: Some(text), lasts_ms, now_ns, ..Answer::default() })
    }

    /// What costs little is looked at first, so that nonsense costs the robot little. An ask that
    /// is repeated, since its answer was lost, has the same answer: it tells nobody anything new,
    /// and prolongs nothing.
    fn acquire(&mut self, role: LeaseRole, ask: &Acquire, now: Instant) -> Result<Answer, Refusal> {
        let public = ask.checked()?;
        let held = &self.seats[role as usize].held;
        if held.as_ref().is_some_and(|held| held.asker == public) {
            return self.granted(role, now);
        }
        let is_held = self.seats[role as usize].held.is_some();
        let signer = self.signer_of(role, ask, is_held && !ask.take, now)?;
        let secret = Secret::random(&mut self.settings.random).map_err(|_| Refusal::Machine)?;
        let own = secret.public();
        let seat = &mut self.seats[role as usize];
        // The epoch the book will give, so that nothing has changed when there is no key.
        let epoch = seat.book.epoch().wrapping_add(1);
        let (robot, holder) = (self.settings.robot.as_str(), &public);
        let about = Agreement { robot, role: role.name(), epoch, holder, own: &own };
        let key = secret.agree(&public, &about).ok_or(Refusal::Form)?;
        self.grants = self.grants.wrapping_add(1);
        let session = Holder::Session(self.grants);
        let lease = if ask.take {
            seat.book.take(Resource::Body, session, now)
        } else {
            let free = seat.book.acquire(Resource::Body, session, now);
            free.map_err(|_| Refusal::Held)?
        };
        let (own, name) = (hexadecimal(&own), ask.name.clone());
        let (uses, count, topics) = (0, None, Vec::new());
        let (asker, used) = (public, now);
        let held = Held { lease, key, own, asker, name, signer, used, uses, count, topics };
        seat.held = Some(held);
        self.tally.granted += 1;
        self.tally.taken += u64::from(is_held);
        self.granted(role, now)
    }

    /// Whose signature is on the ask; `None` where none is needed.
    fn signer_of(
        &mut self,
        role: LeaseRole,
        ask: &Acquire,
        held: bool,
        now: Instant,
    ) -> Result<Option<String>, Refusal> {
        let when_free = if held { Err(Refusal::Held) } else { Ok(()) };
        if !self.settings.signed {
            return when_free.map(|()| None);
        }
        let (Some(id), Some(signature)) = (&ask.key, &ask.signature) else {
            return Err(Refusal::Unsigned);
        };
        let key = self.settings.trust.key(id).ok_or(Refusal::Stranger)?;
        if !role.may_be_held_by(key.role) {
            return Err(Refusal::Forbidden);
        }
        when_free?;
        let signature = from_hexadecimal::<64>(signature).ok_or(Refusal::Form)?;
        let challenges = &mut self.seats[role as usize].challenges;
        let challenge = challenges.redeem(ask.challenge.as_deref(), now);
        let claim = Claim {
            robot: &self.settings.robot,
            role: role.name(),
            name: &ask.name,
            public: &ask.public,
            nonce: &ask.nonce,
            challenge: &challenge.ok_or(Refusal::Challenge)?,
        };
        let fits = key.has_signed(claim.text().as_bytes(), &signature);
        if fits { Ok(Some(id.clone())) } else { Err(Refusal::Signature) }
    }

    fn keep(&mut self, role: LeaseRole, ask: &Hold, now: Instant) -> Result<Answer, Refusal> {
        let seat = &mut self.seats[role as usize];
        holds(seat, "keep", ask)?;
        seat.use_it(now)?.count = Some(ask.count);
        self.tally.kept += 1;
        self.granted(role, now)
    }

    fn give_back(&mut self, role: LeaseRole, ask: &Hold, now: Instant) -> Result<Answer, Refusal> {
        holds(&self.seats[role as usize], "return", ask)?;
        let answer = self.granted(role, now)?;
        let seat = &mut self.seats[role as usize];
        if let Some(held) = seat.held.take() {
            seat.book.give_back(&held.lease);
        }
        self.tally.returned += 1;
        Ok(Answer { lasts_ms: Some(0), ..answer })
    }

    fn granted(&self, role: LeaseRole, now: Instant) -> Result<Answer, Refusal> {
        let held = self.seats[role as usize].held.as_ref().ok_or(Refusal::Ended)?;
        Ok(Answer {
            ok: true,
            epoch: Some(held.lease.epoch),
            public: Some(held.own.clone()),
            lasts_ms: Some(millis(LeaseBook::LASTS)),
            now_ns: Some(now.as_nanos()),
            session: Some(format!("{:016x}", self.settings.session)),
            ..Answer::default()
        })
    }

    /// Counts a message that was judged.
    fn take_in(
        &mut self,
        role: LeaseRole,
        key_expression: &str,
        (epoch, sequence): (u32, u64),
        now: Instant,
    ) -> Result<Accepted<'_>, Refusal> {
        let seat = &mut self.seats[role as usize];
        seat.last = Some((now, epoch));
        let held = seat.use_it(now).inspect_err(|refusal| self.messages.count(*refusal))?;
        match held.topics.iter_mut().find(|(topic, _)| topic == key_expression) {
            Some((_, last)) => *last = sequence,
            None => held.topics.push((key_expression.to_owned(), sequence)),
        }
        self.tally.accepted += 1;
        let acts_as = role.acts_as(self.settings.signed);
        let (holder, name) = (held.lease.holder, &*held.name);
        Ok(Accepted { role, acts_as, holder, epoch, sequence, name })
    }

    fn said(&self, role: LeaseRole, refusal: Refusal, now: Instant) -> String {
        match (refusal, &self.seats[role as usize].held) {
            (Refusal::Held, Some(held)) => {
                let left = LeaseBook::LASTS.saturating_sub(now.since(held.used));
                let (name, left) = (&held.name, millis(left));
                format!(
                    "{name:?} holds this lease, for {left} ms more if it is not used: wait, or \
                         ask with `take`"
                )
            }
            _ => refusal.said().to_owned(),
        }
    }
}

/// The role whose lease a message came under, with its epoch and sequence.
fn judge_sample(
    seats: &[Seat],
    roles: &[LeaseRole],
    key_expression: &str,
    sample: &[u8],
    now: Instant,
) -> Result<(LeaseRole, u32, u64), Refusal> {
    let Some((header_and_body, code)) = sample.split_last_chunk::<CODE>() else {
        return Err(Refusal::Size);
    };
    let (Some(session), Some(sequence), true) =
        (number(header_and_body, 8), number(header_and_body, 16), header_and_body.len() >= HEADER)
    else {
        return Err(Refusal::Size);
    };
    let epoch = u32::try_from(session).map_err(|_| Refusal::Form)?;
    let mut refusal = Refusal::Ended;
    for role in roles {
        let message = (epoch, sequence, header_and_body, code.as_slice());
        match judge(&seats[*role as usize], key_expression, message, now) {
            Ok(()) => return Ok((*role, epoch, sequence)),
            // Epochs of two roles may be equal, so an ended one or a foreign code says little.
            Err(Refusal::Ended) => {}
            Err(Refusal::Code) if refusal != Refusal::Ended => {}
            Err(other) => refusal = other,
        }
    }
    Err(refusal)
}

/// Whether a message counts under the lease of one role.
fn judge(
    seat: &Seat,
    key_expression: &str,
    (epoch, sequence, header_and_body, code): (u32, u64, &[u8], &[u8]),
    now: Instant,
) -> Result<(), Refusal> {
    let held = seat.held(epoch)?;
    if !held.key.fits(key_expression, header_and_body, code) {
        return Err(Refusal::Code);
    }
    match held.topics.iter().find(|(topic, _)| topic == key_expression) {
        Some((_, last)) if sequence <= *last => return Err(Refusal::Sequence),
        None if held.topics.len() >= TOPICS_MAX => return Err(Refusal::Topics),
        _ => {}
    }
    match seat.last {
        Some((at, before)) if at >= now && before != epoch => Err(Refusal::Tick),
        _ => Ok(()),
    }
}

/// The ask comes from the holder and was not heard before.
fn holds(seat: &Seat, name: &str, ask: &Hold) -> Result<(), Refusal> {
    let held = seat.held(ask.epoch)?;
    let code = from_hexadecimal::<CODE>(&ask.code).ok_or(Refusal::Form)?;
    if !held.key.fits_ask(name, ask.epoch, ask.count, &code) {
        return Err(Refusal::Code);
    }
    match held.count {
        Some(last) if ask.count <= last => Err(Refusal::Sequence),
        _ => Ok(()),
    }
}

/// The number of 8 bytes that begins at `at`.
fn number(bytes: &[u8], at: usize) -> Option<u64> {
    let (number, _) = bytes.get(at..)?.split_first_chunk::<8>()?;
    Some(u64::from_le_bytes(*number))
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
