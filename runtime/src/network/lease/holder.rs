//! The other side of a lease: asks for it, holds it, makes the codes, and knows when it has ended.
//!
//! Its clock is the holder's own: the time since it was started, or since anything else that does
//! not change. The robot's clock is in the answers, so each ask also measures it.

use std::fmt;
use std::io;
use std::time::Duration;

use governor::LeaseBook;
use signals::Instant;

use super::ask::{ASK_MAX, Acquire, Answer, Ask, Hold};
use super::{LeaseRole, Refusal};
use crate::deployment::keys::PrivateKey;
use crate::network::code::{
    Agreement, CODE, Claim, PROTOCOL, Random, Secret, SessionKey, from_hexadecimal,
};
use crate::report::hexadecimal;

/// How often a holder says that he goes on: four times before the lease ends.
pub const KEEP_EVERY: Duration = Duration::from_millis(500);
/// An ask that was not answered for so long is made again.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// What is wanted.
pub struct Wish {
    /// Name of the robot.
    pub robot: String,
    /// Which lease.
    pub role: LeaseRole,
    /// Free text of at most 64 letters: who asks. The robot shows it to others.
    pub name: String,
    /// Take it from another holder.
    pub take: bool,
    /// Signs the ask; a robot that hears a network wants that.
    pub key: Option<PrivateKey>,
}

/// What an answer says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// There is something to sign; the next ask does.
    Challenge,
    /// The lease is held from now on.
    Granted(RobotTime),
    /// It is still held.
    Kept(RobotTime),
    /// It was given back.
    Returned,
    /// It was not done, and the reason: one word and a sentence. [`LeaseHolder::epoch`] says
    /// whether a lease is still held; if not, [`LeaseHolder::again`] begins anew.
    Refused {
        /// One word, as [`super::Refusal::name`].
        why: String,
        /// A sentence.
        said: String,
    },
    /// No answer to what was asked. Nothing has changed.
    Nonsense,
}

/// What the robot's clock showed between two times of the holder's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RobotTime {
    /// The robot's clock when it answered.
    pub robot: Instant,
    /// The holder's clock when it asked.
    pub asked: Duration,
    /// The holder's clock when it heard the answer.
    pub heard: Duration,
}

/// A lease from the side of its holder.
pub struct LeaseHolder {
    wish: Wish,
    random: Random,
    state: State,
    /// When what was asked last was asked, while it is not answered.
    open: Option<Duration>,
}

enum State {
    /// Nothing was asked, or a challenge is at hand.
    Wanting {
        challenge: Option<String>,
    },
    /// A challenge was asked for.
    Challenging,
    /// The lease was asked for, with this secret and its public part.
    Asking(Secret, [u8; 32]),
    Holding(Holding),
    /// Over, until it is wanted again.
    Ended,
}

struct Holding {
    key: SessionKey,
    epoch: u32,
    session: u64,
    /// Number of the last ask.
    count: u64,
    /// When the lease was asked for.
    began: Duration,
    /// When the last ask that was answered was made: the robot has seen it in use since.
    sure: Duration,
    /// When the last ask was made.
    asked: Duration,
    returning: bool,
}

impl fmt::Debug for LeaseHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut said = f.debug_struct("LeaseHolder");
        said.field("robot", &self.wish.robot).field("role", &self.wish.role);
        said.field("epoch", &self.epoch()).finish_non_exhaustive()
    }
}

impl LeaseHolder {
    /// Wants a lease. Nothing is asked yet.
    #[must_use]
    pub fn new(wish: Wish, random: Random) -> Self {
        Self { wish, random, state: State::Wanting { challenge: None }, open: None }
    }

    /// The ask that is due; `None` when there is nothing to ask yet.
    ///
    /// # Errors
    /// No random bytes.
    pub fn ask(&mut self, now: Duration) -> io::Result<Option<Vec<u8>>> {
        let waits = self.open.is_some_and(|asked| now.saturating_sub(asked) < PATIENCE);
        let ask = match &mut self.state {
            State::Ended => return Ok(None),
            State::Holding(holding) => {
                if now.saturating_sub(holding.asked) < KEEP_EVERY {
                    return Ok(None);
                }
                let ask = if holding.returning { "return" } else { "keep" };
                holding.ask(ask, now)
            }
            _ if waits => return Ok(None),
            State::Wanting { challenge } if self.wish.key.is_none() || challenge.is_some() => {
                let challenge = challenge.take();
                self.acquire(challenge)?
            }
            // Without an answer the whole way is gone again: a challenge counts once.
            State::Wanting { .. } | State::Challenging | State::Asking(..) => {
                if self.wish.key.is_some() {
                    self.state = State::Challenging;
                    Ask::Challenge {}
                } else {
                    self.acquire(None)?
                }
            }
        };
        self.open = Some(now);
        Ok(Some(serde_json::to_vec(&ask).unwrap_or_default()))
    }

    /// The ask that was made at `asked` was lost on the way, or its answer was: the next one is
    /// due.
    pub fn is_lost(&mut self, asked: Duration) {
        if self.open == Some(asked) {
            self.open = None;
        }
        if let State::Holding(holding) = &mut self.state
            && holding.asked == asked
        {
            holding.asked = asked.saturating_sub(KEEP_EVERY);
        }
    }

    /// The ask that gives the lease back; `None` when none is held.
    pub fn give_back(&mut self, now: Duration) -> Option<Vec<u8>> {
        let State::Holding(holding) = &mut self.state else { return None };
        holding.returning = true;
        let ask = holding.ask("return", now);
        self.open = Some(now);
        Some(serde_json::to_vec(&ask).unwrap_or_default())
    }

    /// Reads the answer to the ask that was made at `asked`, the time given to [`Self::ask`] or
    /// [`Self::give_back`]. An answer that comes late says nothing about a newer ask.
    pub fn hear(&mut self, answer: &[u8], asked: Duration, now: Duration) -> Heard {
        let read = if answer.len() > ASK_MAX { None } else { serde_json::from_slice(answer).ok() };
        let Some(answer) = read else { return Heard::Nonsense };
        let due = match &self.state {
            State::Holding(holding) => asked >= holding.began,
            _ => self.open == Some(asked),
        };
        let heard = if due { self.judge(answer, (asked, now)) } else { Heard::Nonsense };
        if heard != Heard::Nonsense && self.open == Some(asked) {
            self.open = None;
        }
        heard
    }

    /// Wants the lease anew, after it has ended or was refused; `take` takes it from another.
    pub fn again(&mut self, take: bool) {
        self.wish.take = take;
        self.state = State::Wanting { challenge: None };
        self.open = None;
    }

    /// Code of a message on this key expression; `None` when no lease is held.
    #[must_use]
    pub fn seal(&self, key_expression: &str, header_and_body: &[u8]) -> Option<[u8; CODE]> {
        match &self.state {
            State::Holding(holding) => Some(holding.key.seal(key_expression, header_and_body)),
            _ => None,
        }
    }

    /// Number of the grant, which messages carry; `None` when no lease is held.
    #[must_use]
    pub fn epoch(&self) -> Option<u32> {
        match &self.state {
            State::Holding(holding) => Some(holding.epoch),
            _ => None,
        }
    }

    /// The robot's run the lease was given in; `None` when no lease is held.
    #[must_use]
    pub fn session(&self) -> Option<u64> {
        match &self.state {
            State::Holding(holding) => Some(holding.session),
            _ => None,
        }
    }

    /// No lease is held, or the robot may have ended it: nothing was heard of it for as long as it
    /// lasts without use. Messages that came through may have kept it, but nobody has said so.
    #[must_use]
    pub fn has_ended(&self, now: Duration) -> bool {
        match &self.state {
            State::Holding(holding) => now.saturating_sub(holding.sure) > LeaseBook::LASTS,
            _ => true,
        }
    }

    fn acquire(&mut self, challenge: Option<String>) -> io::Result<Ask> {
        let secret = Secret::random(&mut self.random)?;
        let public = secret.public();
        let mut nonce = [0; 16];
        (self.random)(&mut nonce)?;
        let Wish { robot, role, name, take, key } = &self.wish;
        let mut ask = Acquire {
            protocol: PROTOCOL,
            name: name.clone(),
            public: hexadecimal(&public),
            nonce: hexadecimal(&nonce),
            take: *take,
            ..Acquire::default()
        };
        if let (Some(key), Some(challenge)) = (key, challenge) {
            let (role, public, nonce) = (role.name(), &ask.public, &ask.nonce);
            let claim = Claim { robot, role, name, public, nonce, challenge: &challenge };
            ask.signature = Some(hexadecimal(&key.sign(claim.text().as_bytes())));
            ask.key = Some(key.id());
            ask.challenge = Some(challenge);
        }
        self.state = State::Asking(secret, public);
        Ok(Ask::Acquire(Box::new(ask)))
    }

    fn judge(&mut self, answer: Answer, (asked, heard): (Duration, Duration)) -> Heard {
        if !answer.ok {
            let [why, said] = [answer.why, answer.said].map(Option::unwrap_or_default);
            // A holder's asks may overtake each other; the one that came too late ends nothing.
            let ends = [Refusal::Ended, Refusal::Code].map(Refusal::name).contains(&why.as_str());
            if ends || !matches!(self.state, State::Holding(_)) {
                self.state = State::Ended;
            }
            return Heard::Refused { why, said };
        }
        let robot = Instant::from_nanos(answer.now_ns.unwrap_or_default());
        let time = RobotTime { robot, asked, heard };
        match &mut self.state {
            State::Challenging => match answer.challenge {
                Some(challenge) => {
                    self.state = State::Wanting { challenge: Some(challenge) };
                    Heard::Challenge
                }
                None => Heard::Nonsense,
            },
            State::Asking(..) => match self.granted(&answer, asked) {
                Some(holding) => {
                    self.state = State::Holding(holding);
                    Heard::Granted(time)
                }
                None if matches!(self.state, State::Ended) => Heard::Refused {
                    why: Refusal::Form.name().into(),
                    said: "no key can be agreed on with the public part of the robot".into(),
                },
                None => Heard::Nonsense,
            },
            State::Holding(holding) if answer.epoch == Some(holding.epoch) => {
                if holding.returning && answer.lasts_ms == Some(0) {
                    self.state = State::Ended;
                    return Heard::Returned;
                }
                holding.sure = holding.sure.max(asked);
                Heard::Kept(time)
            }
            State::Wanting { .. } | State::Holding(_) | State::Ended => Heard::Nonsense,
        }
    }

    /// The lease of this answer; `None`, and the ask stays open, when it makes no sense.
    fn granted(&mut self, answer: &Answer, asked: Duration) -> Option<Holding> {
        let epoch = answer.epoch?;
        let own = from_hexadecimal::<32>(answer.public.as_deref()?)?;
        let session = from_hexadecimal::<8>(answer.session.as_deref()?)?;
        answer.now_ns?;
        let State::Asking(secret, holder) = std::mem::replace(&mut self.state, State::Ended) else {
            return None;
        };
        let (robot, role) = (self.wish.robot.as_str(), self.wish.role.name());
        let about = Agreement { robot, role, epoch, holder: &holder, own: &own };
        let key = secret.agree(&own, &about)?;
        let session = u64::from_be_bytes(session);
        let (count, returning, began) = (0, false, asked);
        Some(Holding { key, epoch, session, count, began, sure: asked, asked, returning })
    }
}

impl Holding {
    fn ask(&mut self, ask: &str, now: Duration) -> Ask {
        self.count += 1;
        self.asked = now;
        let code = hexadecimal(&self.key.seal_ask(ask, self.epoch, self.count));
        let hold = Hold { epoch: self.epoch, count: self.count, code };
        if ask == "return" { Ask::Return(hold) } else { Ask::Keep(hold) }
    }
}
