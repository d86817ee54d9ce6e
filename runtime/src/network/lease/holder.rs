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
/// An ask that was not answered for so long is made again, as often as it takes: when a broken link
/// is whole again, the robot hears of it within this time. Answers may take longer than that.
pub const REPEAT_AFTER: Duration = Duration::from_millis(50);

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
    /// Answers to asks that are older than the state say nothing about it.
    began: Duration,
    /// When the newest ask of this state was made.
    asked: Option<Duration>,
}

enum State {
    /// Nothing was asked, or a challenge to sign.
    Wanting,
    /// There is something to sign.
    Challenged(String),
    /// The lease was asked for.
    Asking(Asking),
    Holding(Holding),
    /// Over, until it is wanted again.
    Ended,
}

/// An ask for the lease. It is repeated as it is: the robot knows it again.
struct Asking {
    secret: Secret,
    public: [u8; 32],
    ask: Vec<u8>,
}

struct Holding {
    key: SessionKey,
    epoch: u32,
    session: u64,
    /// Number of the last ask.
    count: u64,
    /// When the newest ask that was answered was made: the robot has seen it in use since.
    sure: Duration,
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
        Self { wish, random, state: State::Wanting, began: Duration::ZERO, asked: None }
    }

    /// The ask that is due; `None` when there is nothing to ask yet.
    ///
    /// # Errors
    /// No random bytes.
    pub fn ask(&mut self, now: Duration) -> io::Result<Option<Vec<u8>>> {
        let waits = self.asked.is_some_and(|asked| now.saturating_sub(asked) < REPEAT_AFTER);
        let ask = match &mut self.state {
            State::Ended => return Ok(None),
            _ if waits => return Ok(None),
            State::Holding(holding) => {
                if now.saturating_sub(holding.sure) < KEEP_EVERY && !holding.returning {
                    return Ok(None);
                }
                holding.ask(if holding.returning { "return" } else { "keep" })
            }
            State::Wanting if self.wish.key.is_some() => bytes(&Ask::Challenge {}),
            State::Wanting | State::Challenged(_) => self.acquire(now)?,
            State::Asking(asking) => asking.ask.clone(),
        };
        self.asked = Some(now);
        Ok(Some(ask))
    }

    /// The ask that gives the lease back; `None` when none is held.
    pub fn give_back(&mut self, now: Duration) -> Option<Vec<u8>> {
        let State::Holding(holding) = &mut self.state else { return None };
        holding.returning = true;
        self.asked = Some(now);
        Some(holding.ask("return"))
    }

    /// Reads the answer to the ask that was made at `asked`, the time given to [`Self::ask`] or
    /// [`Self::give_back`]; several may be on their way.
    pub fn hear(&mut self, answer: &[u8], asked: Duration, now: Duration) -> Heard {
        let read = if answer.len() > ASK_MAX { None } else { serde_json::from_slice(answer).ok() };
        match read {
            Some(answer) if asked >= self.began => self.judge(answer, (asked, now)),
            _ => Heard::Nonsense,
        }
    }

    /// Wants the lease anew, after it has ended or was refused; `take` takes it from another.
    pub fn again(&mut self, take: bool) {
        self.wish.take = take;
        self.enter(State::Wanting, self.began);
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

    fn enter(&mut self, state: State, now: Duration) {
        (self.state, self.began, self.asked) = (state, now, None);
    }

    fn acquire(&mut self, now: Duration) -> io::Result<Vec<u8>> {
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
        if let (Some(key), State::Challenged(challenge)) = (key, &self.state) {
            let (role, public, nonce) = (role.name(), &ask.public, &ask.nonce);
            let claim = Claim { robot, role, name, public, nonce, challenge };
            ask.signature = Some(hexadecimal(&key.sign(claim.text().as_bytes())));
            ask.key = Some(key.id());
            ask.challenge = Some(challenge.clone());
        }
        let ask = bytes(&Ask::Acquire(Box::new(ask)));
        self.enter(State::Asking(Asking { secret, public, ask: ask.clone() }), now);
        Ok(ask)
    }

    fn judge(&mut self, answer: Answer, (asked, heard): (Duration, Duration)) -> Heard {
        if !answer.ok {
            let [why, said] = [answer.why, answer.said].map(Option::unwrap_or_default);
            // A holder's asks may overtake each other; the one that came too late ends nothing.
            let ends = [Refusal::Ended, Refusal::Code].map(Refusal::name).contains(&why.as_str());
            if ends || !matches!(self.state, State::Holding(_)) {
                self.enter(State::Ended, heard);
            }
            return Heard::Refused { why, said };
        }
        let robot = Instant::from_nanos(answer.now_ns.unwrap_or_default());
        let time = RobotTime { robot, asked, heard };
        match &mut self.state {
            State::Wanting => match answer.challenge {
                Some(challenge) => {
                    self.enter(State::Challenged(challenge), heard);
                    Heard::Challenge
                }
                None => Heard::Nonsense,
            },
            State::Asking(_) => match self.granted(&answer, asked) {
                Some(holding) => {
                    self.enter(State::Holding(holding), heard);
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
                    self.enter(State::Ended, heard);
                    return Heard::Returned;
                }
                holding.sure = holding.sure.max(asked);
                Heard::Kept(time)
            }
            State::Challenged(_) | State::Holding(_) | State::Ended => Heard::Nonsense,
        }
    }

    /// The lease of this answer; `None`, and the ask stays open, when it makes no sense.
    fn granted(&mut self, answer: &Answer, asked: Duration) -> Option<Holding> {
        let epoch = answer.epoch?;
        let own = from_hexadecimal::<32>(answer.public.as_deref()?)?;
        let session = from_hexadecimal::<8>(answer.session.as_deref()?)?;
        answer.now_ns?;
        let State::Asking(asking) = std::mem::replace(&mut self.state, State::Ended) else {
            return None;
        };
        let (robot, role) = (self.wish.robot.as_str(), self.wish.role.name());
        let about = Agreement { robot, role, epoch, holder: &asking.public, own: &own };
        let key = asking.secret.agree(&own, &about)?;
        let session = u64::from_be_bytes(session);
        Some(Holding { key, epoch, session, count: 0, sure: asked, returning: false })
    }
}

impl Holding {
    fn ask(&mut self, ask: &str) -> Vec<u8> {
        self.count += 1;
        let code = hexadecimal(&self.key.seal_ask(ask, self.epoch, self.count));
        let hold = Hold { epoch: self.epoch, count: self.count, code };
        bytes(&if ask == "return" { Ask::Return(hold) } else { Ask::Keep(hold) })
    }
}

fn bytes(ask: &Ask) -> Vec<u8> {
    // Nothing in it can fail to be written.
    serde_json::to_vec(ask).unwrap_or_default()
}
