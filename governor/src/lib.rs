//! Stands between every command and the body.
//!
//! In each cycle the governor first *rules*: it looks at all readings, the estimate, the brain's
//! plan and the person's devices, and decides once which motion is permitted. Then it *vets*: it
//! takes what the motion controller wants of the joints and turns it into a command that no limit
//! forbids. Both are total: their worst answer is a safe stop, never an error and never a panic.
//!
//! Terms: a *level* says how bad it is, and only its stated condition lowers it; a *cause* is a
//! finding that asks for a level; a *latch* stays until a person resets it; a *record* says why, in
//! numbers and in one sentence; an *envelope* is what the hardware bears; a *profile* is what the
//! deployment permits within it.
//!
//! What this crate must never do: read a clock or a file, start a thread, allocate, learn, lower a
//! level because of anything the brain sent, or let anyone else make a [`Vetted`]. It supports a
//! safety case; it is not a certified safety function, and a hardware stop chain stays required.
#![no_std]
#![forbid(unsafe_code)]

mod admit;
mod anatomy;
mod balance;
mod capsule;
mod clause;
mod contact;
mod deployment;
mod drives;
mod envelope;
mod eyes;
mod fence;
mod fingerprint;
mod governor;
mod grading;
mod habits;
mod health;
mod identity;
mod integrity;
mod joint;
mod lease;
mod ledger;
mod limiter;
mod machine;
mod notice;
mod observation;
mod pace;
mod permit;
mod person;
mod profile;
mod record;
mod row;
mod rule;
mod tank;
mod targets;
mod vetted;
mod vitals;
mod wall;
mod watch;

pub use anatomy::{Anatomy, CAPSULES_MAX, Capsule, FootPoint, Hinge, PAIRS_MAX};
pub use balance::BalanceRule;
pub use capsule::SelfCollisionRule;
pub use clause::{Clause, Coverage};
pub use contact::{BodyRegion, ContactLimits, ContactRule, REGIONS, RegionLimit};
pub use deployment::{Deployment, TooLate};
pub use envelope::{Envelope, EnvelopeError};
pub use fence::{CORNERS_MAX, Fence, HeightBand, KEEP_OUT_MAX, KeepOut, OverspeedRule, Polygon};
pub use fingerprint::Fingerprint;
pub use governor::Governor;
pub use grading::{Contact, Grade, GradeLimits, Intelligence, IntelligenceLevel, Scenario, Scope};
pub use habits::{HabitRule, Skills};
pub use health::HealthRule;
pub use lease::{Holder, Lease, LeaseBook, LeaseError, Resource};
pub use limiter::{Limited, Limiter};
pub use machine::{Answer, Facts, Machine, Step, Times, Why};
pub use notice::{ISSUERS_MAX, NOTICES_MAX, Notice, NoticeRefusal, Tightening};
pub use observation::{OBSERVATION_HOURS, OBSERVATION_TASKS, Observation};
pub use permit::{Experiment, Permit};
pub use person::PersonRule;
pub use profile::{
    BaseAcceleration, BodyClass, LidarRule, Profile, ProfileError, StickRule, Supervision,
};
pub use record::{Actor, Hashes, Kind, Language, Record, Sentence};
pub use rule::Rule;
pub use tank::PowerRule;
pub use vetted::Vetted;
pub use wall::{WallStart, WallTime};
