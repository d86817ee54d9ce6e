//! The numbers of the limits as one number each: envelope and profile, hashed part by part.
//!
//! Every struct is taken apart by name, so that a new field cannot be forgotten here.

use signals::{BaseVelocity, JOINTS_MAX, JointLimits};

use crate::anatomy::{Anatomy, CAPSULES_MAX, Capsule, FootPoint, Hinge};
use crate::balance::BalanceRule;
use crate::capsule::SelfCollisionRule;
use crate::contact::{ContactRule, RegionLimit};
use crate::fence::{Fence, HeightBand, KeepOut, OverspeedRule};
use crate::fingerprint::Fingerprint;
use crate::person::PersonRule;
use crate::tank::PowerRule;
use crate::{BaseAcceleration, Envelope, LidarRule, Profile, StickRule, Supervision};

/// Joints and capsules of an anatomy that are hashed at a time.
const JOINTS_A_PART: usize = 4;
const CAPSULES_A_PART: usize = 8;

impl Envelope {
    /// A hash of all limits (FNV-1a over their bits): equal on both sides of a link, or no motion.
    #[must_use]
    pub fn id(&self) -> u64 {
        let joints = self.joints().iter().fold(Fingerprint::START, Self::with_joint);
        self.with_rest(joints).finish()
    }

    /// The hash of the joints so far, and of one more.
    pub(crate) fn with_joint(hash: Fingerprint, limits: &JointLimits) -> Fingerprint {
        let JointLimits {
            q_min,
            q_max,
            dq_max,
            tau_max,
            corner_speed,
            no_load_speed,
            braking,
            kp_max,
            kd_max,
            inertia_min,
            acceleration_max,
            jerk_max,
            torque_rate,
            torque_continuous,
            thermal_time,
        } = *limits;
        let hash = hash.number(q_min.0).number(q_max.0).number(dq_max.0).number(tau_max.0);
        let hash = hash.number(corner_speed.0).number(no_load_speed.0).number(braking.0);
        let hash = hash.number(kp_max.0).number(kd_max.0).number(inertia_min.0);
        let hash = hash.number(acceleration_max.0).number(jerk_max.0).number(torque_rate.0);
        hash.number(torque_continuous.0).number(thermal_time.0)
    }

    /// The hash of all joints, and of what is not of a joint.
    pub(crate) const fn with_rest(&self, hash: Fingerprint) -> Fingerprint {
        hash.number(self.emergency_damping().0)
    }
}

impl Profile {
    /// Parts it is hashed in.
    pub(crate) const PARTS: usize = 5 + Anatomy::PARTS;

    /// A hash of all numbers (FNV-1a over their bits).
    #[must_use]
    pub fn id(&self) -> u64 {
        let hash = |hash, part| self.with_part(hash, part);
        (0..Self::PARTS).fold(Fingerprint::START, hash).finish()
    }

    /// The hash of the parts so far, and of one more.
    pub(crate) fn with_part(&self, hash: Fingerprint, part: usize) -> Fingerprint {
        match part {
            0 => self.with_numbers(hash),
            1 => option(hash, self.fence.as_ref(), with_fence),
            2 => option(hash, self.contact.as_ref(), with_contact),
            3 => self.habits.fingerprint(self.health.fingerprint(hash)),
            4 => {
                let hash = option(hash, self.balance.as_ref(), with_balance);
                let hash = option(hash, self.self_collision.as_ref(), |hash, rule| {
                    let SelfCollisionRule { margin, band } = *rule;
                    hash.number(margin).number(band)
                });
                let hash = option(hash, self.person.as_ref(), with_person);
                let hash = option(hash, self.height.as_ref(), |hash, band| {
                    let HeightBand { low, high } = *band;
                    hash.number(low.0).number(high.0)
                });
                option(hash, self.overspeed.as_ref(), |hash, rule| {
                    let OverspeedRule { planar, yaw, lasting } = *rule;
                    hash.number(planar.0).number(yaw.0).span(lasting)
                })
            }
            _ => option(hash, self.anatomy.as_ref(), |hash, anatomy| {
                anatomy.with_part(hash, part.saturating_sub(5))
            }),
        }
    }

    fn with_numbers(&self, hash: Fingerprint) -> Fingerprint {
        let Self {
            body,
            fixed_base,
            sinks_without_power,
            firmware_settle,
            supervision,
            stick,
            plan_age_max,
            plan_validity_max,
            speed_max,
            acceleration: BaseAcceleration { forward, left, yaw },
            lidar,
            // These are parts of their own.
            fence: _,
            height: _,
            overspeed: _,
            person: _,
            contact: _,
            health: _,
            anatomy: _,
            balance: _,
            self_collision: _,
            habits: _,
            power,
            tilt_max,
            tilt_notice,
            reading_age_limited,
            reading_age_settle,
            bad_frames_settle,
            stuck_frames,
            limited_scale,
            settle_timeout,
            static_time,
            static_joint_speed,
            command_validity,
            brake_delay,
            position_margin,
        } = self;
        let hash = hash.word(*body as u32).word((*fixed_base).into());
        let hash = hash.word((*sinks_without_power).into()).word((*firmware_settle).into());
        let hash = option(hash, supervision.as_ref(), |hash, rule| {
            let Supervision { notice, hold, settle } = *rule;
            hash.span(notice).span(hold).span(settle)
        });
        let hash = with_stick(hash, stick).span(*plan_age_max).span(*plan_validity_max);
        let hash = with_velocity(hash, speed_max);
        let hash = hash.number(forward.0).number(left.0).number(yaw.0);
        let hash = option(hash, lidar.as_ref(), |hash, rule| {
            let LidarRule { radius, margin, braking, reaction, age_max } = *rule;
            hash.number(radius.0).number(margin.0).number(braking.0).span(reaction).span(age_max)
        });
        let hash = option(hash, power.as_ref(), |hash, rule| {
            let PowerRule { power_max, energy_max, recovery, refill } = *rule;
            let hash = hash.number(power_max.0).number(energy_max.0);
            hash.number(recovery).number(refill.0)
        });
        let hash = hash.number(tilt_max.0).number(tilt_notice.0);
        let hash = hash.span(*reading_age_limited).span(*reading_age_settle);
        let hash = hash.word(*bad_frames_settle).word(*stuck_frames).number(*limited_scale);
        let hash = hash.span(*settle_timeout).span(*static_time).number(static_joint_speed.0);
        hash.span(*command_validity).span(*brake_delay).number(position_margin.0)
    }
}

fn option<T>(
    hash: Fingerprint,
    value: Option<&T>,
    with: impl Fn(Fingerprint, &T) -> Fingerprint,
) -> Fingerprint {
    value.map_or(hash.word(0), |value| with(hash.word(1), value))
}

fn with_velocity(hash: Fingerprint, velocity: &BaseVelocity) -> Fingerprint {
    let BaseVelocity { forward, left, yaw } = *velocity;
    hash.number(forward.0).number(left.0).number(yaw.0)
}

fn with_stick(hash: Fingerprint, rule: &StickRule) -> Fingerprint {
    let StickRule { age_max, limited, hold, settle, speed_max } = rule;
    let hash = hash.span(*age_max).span(*limited).span(*hold).span(*settle);
    with_velocity(hash, speed_max)
}

fn with_fence(hash: Fingerprint, fence: &Fence) -> Fingerprint {
    let Fence { area, keep_out, keep_outs, radius, margin, braking, reaction } = fence;
    let hash = option(hash, area.as_ref(), |hash, area| {
        area.corners().iter().fold(hash, |hash, [x, y]| hash.number(*x).number(*y))
    });
    let hash = keep_out.iter().take(*keep_outs).fold(hash.long(*keep_outs as u64), |hash, one| {
        let KeepOut { low, high } = one;
        let [low_x, low_y] = low.map(|number| number.0);
        let [high_x, high_y] = high.map(|number| number.0);
        hash.number(low_x).number(low_y).number(high_x).number(high_y)
    });
    hash.number(radius.0).number(margin.0).number(braking.0).span(*reaction)
}

fn with_contact(hash: Fingerprint, rule: &ContactRule) -> Fingerprint {
    let ContactRule { limits, mass, area, radius, head_speed } = rule;
    let hash = hash.number(*mass).number(*area).number(*radius).number(head_speed.0);
    limits.iter().fold(hash, |hash, limit| {
        option(hash, limit.as_ref(), |hash, limit| {
            let RegionLimit { force, pressure, stiffness, mass, transient } = *limit;
            let hash = hash.number(force.0).number(pressure).number(stiffness);
            hash.number(mass).number(transient)
        })
    })
}

fn with_balance(hash: Fingerprint, rule: &BalanceRule) -> Fingerprint {
    let BalanceRule { stance: [length, width], reach, shrink, reaction, lost, horizon } = *rule;
    let hash = hash.number(length.0).number(width.0).number(reach.0).number(shrink.0);
    hash.span(reaction).span(lost).span(horizon)
}

impl Anatomy {
    /// Parts it is hashed in: joints, then capsules, a few at a time, then the rest.
    pub(crate) const PARTS: usize = JOINTS_MAX / JOINTS_A_PART + CAPSULES_MAX / CAPSULES_A_PART + 1;

    fn with_part(&self, hash: Fingerprint, part: usize) -> Fingerprint {
        let Self { joints, capsules, capsule_count, pairs, pair_count, feet } = self;
        let vector = |hash: Fingerprint, v: &[f32]| v.iter().fold(hash, |hash, n| hash.number(*n));
        if part < JOINTS_MAX / JOINTS_A_PART {
            let some = joints.iter().skip(part * JOINTS_A_PART).take(JOINTS_A_PART);
            return some.fold(hash, |hash, joint| {
                let Hinge { parent, at, turn, axis, slides } = joint;
                let hash = vector(vector(vector(hash, at), turn), axis);
                hash.word((*parent).into()).word((*slides).into())
            });
        }
        let part = part - JOINTS_MAX / JOINTS_A_PART;
        if part < CAPSULES_MAX / CAPSULES_A_PART {
            let some = capsules.iter().take(*capsule_count).skip(part * CAPSULES_A_PART);
            return some.take(CAPSULES_A_PART).fold(hash, |hash, capsule| {
                let Capsule { link, from, to, radius } = capsule;
                vector(vector(hash.word((*link).into()), from), to).number(*radius)
            });
        }
        let hash = pairs
            .iter()
            .take(*pair_count)
            .fold(hash, |hash, (one, other)| hash.word((*one).into()).word((*other).into()));
        feet.iter().fold(hash, |hash, foot| {
            let FootPoint { link, at } = foot;
            vector(hash.word((*link).into()), at)
        })
    }
}

fn with_person(hash: Fingerprint, rule: &PersonRule) -> Fingerprint {
    let PersonRule {
        radius,
        intrusion,
        inner,
        braking,
        reaction,
        speed,
        age_max,
        silence_max,
        silent_scale,
        fall_zone,
    } = *rule;
    let hash = hash.number(radius.0).number(intrusion.0).number(inner.0).number(braking.0);
    let hash = hash.span(reaction).number(speed.0).span(age_max).span(silence_max);
    hash.number(silent_scale).number(fall_zone.0)
}
