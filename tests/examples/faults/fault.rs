//! The words of a scenario: where a fault gets in, what must follow, and how it must end.

use std::cell::Cell;
use std::rc::Rc;

use governor::{Kind, Rule};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use signals::{BodyCommand, BodyState, JointId, Level, Motion, Plan};

use crate::scene::{Seen, Setup, Wish, World};

/// A change of a value on its way, from the tick the fault strikes: ticks since then, value.
pub(crate) type Change<T> = Box<dyn FnMut(u64, &mut T)>;

/// What comes from outside, before a tick: ticks since the strike, all that can be reached.
pub(crate) type Outside = Box<dyn FnMut(u64, &mut World<'_>)>;

/// Where a fault gets in.
#[derive(Default)]
pub(crate) struct Taps {
    /// Before the tick: body, brain, leases, devices, time.
    pub(crate) world: Option<Outside>,
    /// Between estimator and governor.
    pub(crate) state: Option<Change<BodyState>>,
    /// Between brain and governor.
    pub(crate) plan: Option<Change<Option<Plan>>>,
    /// Between controller and governor.
    pub(crate) wanted: Option<Change<BodyCommand>>,
}

/// Something that is true of a tick or not; ticks since the fault struck.
pub(crate) type When = Box<dyn FnMut(u64, &Seen<'_>) -> bool>;

/// Something that must hold in every tick from the strike on; else what was wrong.
pub(crate) type Always = Box<dyn FnMut(u64, &Seen<'_>) -> Result<(), String>>;

/// One reaction with its deadline.
pub(crate) struct Stage {
    /// When the fault can first be seen at the governor's boundary...
    pub(crate) onset: When,
    /// ...and for how many ticks it has then been there already: missed, or needed to be sure.
    pub(crate) before: u64,
    /// When the output has changed as it must.
    pub(crate) reaction: When,
}

/// How a scenario ends, by the commands and the simulator's truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// It goes on as if nothing had been.
    Same,
    /// On its way, slower than asked for.
    Slow,
    /// On its feet in place.
    Stand,
    /// On its feet in place until a person lets it go on.
    Hold,
    /// Lowered to a posture that stands by itself, torque off.
    Sit,
    /// Still on its way down.
    Settling,
    /// Joints damped.
    Damped,
    /// Torque off, wherever the body is.
    Off,
    /// It never started.
    Disarmed,
}

impl End {
    /// Its name in the table.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Slow => "slow",
            Self::Stand => "stand",
            Self::Hold => "hold",
            Self::Sit => "sit",
            Self::Settling => "settling",
            Self::Damped => "damped",
            Self::Off => "off",
            Self::Disarmed => "disarmed",
        }
    }

    /// How much of its freedom the robot has lost by then: more is safer.
    pub(crate) const fn rank(self) -> u8 {
        match self {
            Self::Same => 0,
            Self::Slow => 1,
            Self::Stand => 2,
            Self::Hold => 3,
            Self::Sit | Self::Settling | Self::Damped | Self::Off => 4,
            Self::Disarmed => 5,
        }
    }

    /// How things stand in this tick.
    pub(crate) fn of(seen: &Seen<'_>) -> Self {
        let commands = &seen.vetted.joints;
        let upright = seen.truth.attitude.tilt().0 < 0.2;
        let limp = commands.iter().all(|c| (c.kp.0, c.kd.0, c.tau.0) == (0.0, 0.0, 0.0));
        match (seen.ruling.motion, seen.ruling.level) {
            _ if limp && seen.ruling.level == Level::Stopped && upright => Self::Sit,
            _ if limp => Self::Off,
            _ if seen.yields() => Self::Damped,
            (Motion::Settle, _) => Self::Settling,
            (_, Level::Hold) => Self::Hold,
            (Motion::Walk(_), level) if level >= Level::Limited => Self::Slow,
            (Motion::Walk(velocity), _) if velocity.speed().0 < seen.wish.slowest() => Self::Slow,
            (Motion::Stand, level) if level >= Level::Limited => Self::Stand,
            _ => Self::Same,
        }
    }
}

/// One run of one row: everything a seed decides, drawn.
pub(crate) struct Trial {
    /// The robot before the fault.
    pub(crate) setup: Setup,
    /// The tick in which it strikes.
    pub(crate) strike: u64,
    /// How it gets in.
    pub(crate) taps: Taps,
    /// What must follow, in the order of the row's deadlines.
    pub(crate) stages: Vec<Stage>,
    /// What must hold besides.
    pub(crate) always: Vec<Always>,
    /// Ticks from the strike to the end.
    pub(crate) lasts: u64,
    /// How it may end.
    pub(crate) ends: &'static [End],
    /// The fault itself throws the robot over.
    pub(crate) falls: bool,
}

impl Trial {
    /// The fault strikes at a drawn phase of the gait of a robot that stands, walks or turns.
    pub(crate) fn any(dice: &mut Dice) -> Self {
        let wish = dice.wish();
        Self::with(Setup::new(wish), dice)
    }

    /// The fault strikes a robot that walks ahead.
    pub(crate) fn walking(dice: &mut Dice) -> Self {
        Self::with(Setup::new(dice.walk()), dice)
    }

    /// The fault strikes at a drawn phase of the gait.
    pub(crate) fn with(setup: Setup, dice: &mut Dice) -> Self {
        let settled = if setup.wish == Wish::STAND { 3_000 } else { 3_700 };
        Self {
            strike: settled + dice.below(400),
            setup,
            taps: Taps::default(),
            stages: Vec::new(),
            always: Vec::new(),
            lasts: 1_000,
            ends: &[End::Same],
            falls: false,
        }
    }

    /// Before each tick from the strike on.
    pub(crate) fn world(mut self, tap: impl FnMut(u64, &mut World<'_>) + 'static) -> Self {
        self.taps.world = Some(Box::new(tap));
        self
    }

    /// Each estimate from the strike on.
    pub(crate) fn state(mut self, tap: impl FnMut(u64, &mut BodyState) + 'static) -> Self {
        self.taps.state = Some(Box::new(tap));
        self
    }

    /// Each look at the newest plan from the strike on.
    pub(crate) fn plan(mut self, tap: impl FnMut(u64, &mut Option<Plan>) + 'static) -> Self {
        self.taps.plan = Some(Box::new(tap));
        self
    }

    /// Each command of the controller from the strike on.
    pub(crate) fn wanted(mut self, tap: impl FnMut(u64, &mut BodyCommand) + 'static) -> Self {
        self.taps.wanted = Some(Box::new(tap));
        self
    }

    /// The next reaction that must follow.
    pub(crate) fn must(mut self, onset: When, reaction: When) -> Self {
        self.stages.push(Stage { onset, before: 0, reaction });
        self
    }

    /// The onset of the last reaction lies so many ticks before the first one that shows it.
    pub(crate) fn since(mut self, ticks: u64) -> Self {
        if let Some(stage) = self.stages.last_mut() {
            stage.before = ticks;
        }
        self
    }

    /// What must hold in every tick.
    pub(crate) fn always(
        mut self,
        holds: impl FnMut(u64, &Seen<'_>) -> Result<(), String> + 'static,
    ) -> Self {
        self.always.push(Box::new(holds));
        self
    }

    /// It ends so many ticks after the strike, in one of these ways.
    pub(crate) fn ends(mut self, lasts: u64, ends: &'static [End]) -> Self {
        (self.lasts, self.ends) = (lasts, ends);
        self
    }
}

/// The fault is there in the tick it strikes.
pub(crate) fn at_once() -> When {
    after(0)
}

/// The fault is there so many ticks after the strike.
pub(crate) fn after(ticks: u64) -> When {
    Box::new(move |since, _| since >= ticks)
}

/// The `nth` (from 1) new plan after the tick of the strike reaches the governor.
pub(crate) fn new_plan(nth: u32) -> When {
    let mut count = 0;
    Box::new(move |since, seen| {
        count += u32::from(since > 0 && seen.fresh.is_some());
        count >= nth
    })
}

/// Spoils each new plan after the tick of the strike with `how`, given its number from 1.
pub(crate) fn spoiled(
    mut how: impl FnMut(u32, &mut Plan) + 'static,
) -> impl FnMut(u64, &mut Option<Plan>) + 'static {
    let (mut number, mut last, mut instead) = (0, None, None);
    move |since, plan| {
        let Some(newest) = *plan else { return };
        let name = Some((newest.epoch, newest.sequence));
        if since > 0 && name != last {
            number += 1;
            let mut spoiled = newest;
            how(number, &mut spoiled);
            instead = Some(spoiled);
        }
        last = name;
        *plan = instead.or(*plan);
    }
}

/// Something a tap has done and a judge waits for.
#[derive(Clone, Default)]
pub(crate) struct Flag(Rc<Cell<bool>>);

impl Flag {
    /// Now it is true.
    pub(crate) fn raise(&self) {
        self.0.set(true);
    }

    /// When it is true.
    pub(crate) fn when(&self) -> When {
        let flag = Rc::clone(&self.0);
        Box::new(move |_, _| flag.get())
    }
}

/// Something is true.
pub(crate) fn once(is: impl FnMut(u64, &Seen<'_>) -> bool + 'static) -> When {
    Box::new(is)
}

/// The level is at least this, raised by one of these rules.
pub(crate) fn raised(least: Level, rules: &'static [Rule]) -> When {
    Box::new(move |_, seen| seen.raised_to(least, rules))
}

/// One of these rules acts.
pub(crate) fn acts(rules: &'static [Rule]) -> When {
    Box::new(move |_, seen| seen.acts(rules))
}

/// A record says so.
pub(crate) fn told(kind: Kind, rules: &'static [Rule]) -> When {
    Box::new(move |_, seen| seen.told(kind, rules))
}

/// Everything random of one run.
pub(crate) struct Dice(ChaCha8Rng);

impl Dice {
    /// From the seed of the run and the row, so that rows do not share their luck.
    pub(crate) fn new(row: u32, seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(u64::from(row) << 32 | seed))
    }

    /// 0 to `most` less 1.
    pub(crate) fn below(&mut self, most: u64) -> u64 {
        self.0.random_range(0..most)
    }

    /// `low` to `high`.
    pub(crate) fn between(&mut self, low: f32, high: f32) -> f32 {
        self.0.random_range(low..=high)
    }

    /// One of several.
    pub(crate) fn one_of<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.0.random_range(0..of.len())]
    }

    /// Heads.
    pub(crate) fn coin(&mut self) -> bool {
        self.0.random_range(0..2) == 0
    }

    /// A joint of the quadruped.
    pub(crate) fn joint(&mut self) -> JointId {
        let joints: Vec<_> = (0..12).filter_map(JointId::new).collect();
        self.one_of(&joints)
    }

    /// A thigh or a calf: what a swinging leg swings with.
    pub(crate) fn moving_joint(&mut self) -> JointId {
        let mut joint = self.joint();
        while joint.index().is_multiple_of(3) {
            joint = self.joint();
        }
        joint
    }

    /// A calf: what carries most.
    pub(crate) fn calf(&mut self) -> JointId {
        let mut joint = self.joint();
        while joint.index() % 3 != 2 {
            joint = self.joint();
        }
        joint
    }

    /// Standing, walking, going sideways, turning.
    pub(crate) fn wish(&mut self) -> Wish {
        match self.below(4) {
            0 => Wish::STAND,
            1 => Wish::walk(self.between(-0.1, 0.3), self.between(-0.2, 0.2), self.yaw()),
            _ => self.walk(),
        }
    }

    /// Walking ahead.
    pub(crate) fn walk(&mut self) -> Wish {
        let yaw = if self.coin() { 0.0 } else { 0.4 * self.yaw() };
        Wish::walk(self.between(0.3, 0.7), 0.0, yaw)
    }

    fn yaw(&mut self) -> f32 {
        self.between(0.3, 1.0) * self.one_of(&[-1.0, 1.0])
    }
}
