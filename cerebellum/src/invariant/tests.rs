//! The invariant filter against a body that is known exactly.

use nalgebra::{DMatrix, DVector, Rotation3};
use serde_json::Value;

use super::*;
use crate::trotter::{Dice, RADIUS, Trotter, group_error};

/// Noise like that of a walking robot; the ground may be at any height.
const NOISE: InvariantNoise = InvariantNoise {
    gyro: 3e-4,
    accelerometer: 3e-3,
    gyro_bias: 2e-5,
    accelerometer_bias: 2e-4,
    slip: 0.01,
    foot: 2e-3,
    ground: None,
};

fn filter(noise: InvariantNoise) -> InvariantFilter {
    InvariantFilter::new(noise, FEET_MAX, RADIUS, 0.3)
}

/// The error of what does not depend on contacts: attitude, velocity, position, biases.
fn error(filter: &InvariantFilter, truth: &Trotter) -> DVector<f64> {
    let moves = [(filter.velocity(), truth.velocity), (filter.position(), truth.position)];
    let (angle, [velocity, position]) = group_error((&filter.attitude(), &truth.attitude), moves);
    let gyro = filter.gyro_bias() - truth.gyro_bias;
    let accelerometer = filter.accelerometer_bias() - truth.accelerometer_bias;
    let parts = [angle, velocity, position, gyro, accelerometer];
    DVector::from_iterator(15, parts.iter().flat_map(|part| part.iter().copied()))
}

fn covariance(filter: &InvariantFilter, size: usize) -> DMatrix<f64> {
    DMatrix::from_fn(size, size, |i, j| filter.p[i][j])
}

/// A filter at the truth but for errors of the size it expects: a tenth of those of any start.
fn begun(noise: InvariantNoise, truth: &mut Trotter) -> InvariantFilter {
    let mut filter = filter(noise);
    filter.begin(truth.attitude, truth.velocity, truth.position);
    filter.p.iter_mut().flatten().for_each(|p| *p *= 0.01);
    let root = covariance(&filter, CONTACT).cholesky().unwrap().l();
    let draw = DVector::from_fn(CONTACT, |_, _| truth.dice.normal());
    let mut xi = [0.0; SIZE];
    xi[..CONTACT].copy_from_slice((root * draw).as_slice());
    filter.state.as_mut().unwrap().take(&xi);
    filter
}

fn tilt(filter: &InvariantFilter, truth: &Trotter) -> f64 {
    let up = Vector3::z();
    (filter.attitude().inverse() * up).angle(&(truth.attitude.inverse() * up))
}

/// The normalised errors squared (NEES) of many walks together, and the normalised innovations
/// squared (NIS): Y. Bar-Shalom et al., Estimation with applications to tracking and navigation,
/// section 5.4. Both lie within the bounds of chi-square at three and a half standard deviations.
#[test]
fn its_errors_are_as_large_as_it_says() {
    const SEEDS: u32 = 60;
    let checks = [200_u32, 500, 1000, 2000, 3000];
    for ground in [None, Some(2e-3)] {
        let noise = InvariantNoise { ground, ..NOISE };
        let (mut nees, mut nis, mut count) = ([0.0; 5], 0.0, 0.0);
        for seed in 0..SEEDS {
            let mut truth = Trotter::new(noise, seed.into());
            let mut filter = begun(noise, &mut truth);
            for tick in 1..=3000 {
                filter.update(&truth.tick());
                let (sum, numbers) = filter.innovations();
                (nis, count) = (nis + sum, count + f64::from(numbers));
                if let Some(at) = checks.iter().position(|&check| check == tick) {
                    let e = error(&filter, &truth);
                    let p = covariance(&filter, CONTACT).cholesky().unwrap();
                    nees[at] += e.dot(&p.solve(&e)) / f64::from(SEEDS);
                }
            }
            assert_eq!(filter.counters(), InvariantCounters::default());
        }
        println!("{ground:?}: NEES {nees:.2?} of 15, NIS {:.4} of 1", nis / count);
        let spread = 3.5 * (2.0 * 15.0 / f64::from(SEEDS)).sqrt();
        for mean in nees {
            assert!((mean - 15.0).abs() < spread, "{ground:?}: {nees:?} beyond 15 +- {spread}");
        }
        // A ground that stays the same is measured again and again, each time for little: its
        // innovations are smaller than their variance by intent.
        let bound = 3.5 * (2.0 / count).sqrt();
        assert!(ground.is_some() || (nis / count - 1.0).abs() < bound, "{} {bound}", nis / count);
    }
}

/// A run recorded from an independent implementation of the paper, with dense matrices, numerical
/// derivatives and the form of Joseph: `fixtures/record.py`.
#[test]
fn it_agrees_with_the_paper_written_down_anew() {
    let text = include_str!("../../fixtures/invariant.json");
    let reference: Value = serde_json::from_str(text).unwrap();
    let of = |value: &Value, key: &str| -> Vec<f64> { numbers(&value[key]) };
    let vector = |x: &[f64]| Vector3::new(x[0], x[1], x[2]);
    let turn = |x: &[f64]| {
        let matrix = Rotation3::from_matrix_unchecked(Matrix3::from_row_slice(x));
        UnitQuaternion::from_rotation_matrix(&matrix)
    };
    let said = |key: &str| reference["noise"][key].as_f64().unwrap();
    let noise = InvariantNoise {
        gyro: said("gyro"),
        accelerometer: said("accelerometer"),
        gyro_bias: said("gyro_bias"),
        accelerometer_bias: said("accelerometer_bias"),
        slip: said("slip"),
        foot: said("foot"),
        ground: None,
    };
    let radius = reference["radius"].as_f64().unwrap();
    let mut filter = InvariantFilter::new(noise, FEET_MAX, radius, 0.3);
    let start = &reference["start"];
    let place = vector(&of(start, "position"));
    filter.begin(turn(&of(start, "rotation")), vector(&of(start, "velocity")), place);
    let mut states = reference["states"].as_array().unwrap().iter();
    let (mut next, mut compared, mut worst) = (states.next(), 0, 0.0_f64);
    for (tick, read) in (1..).zip(reference["ticks"].as_array().unwrap()) {
        let read = numbers(read);
        let four = |at: usize| std::array::from_fn(|foot| vector(&read[at + 3 * foot..]));
        filter.update(&Measurement {
            dt: reference["dt"].as_f64().unwrap(),
            gyro: vector(&read),
            accelerometer: vector(&read[3..]),
            feet: four(6),
            feet_velocity: [Vector3::zeros(); FEET_MAX],
            feet_turning: four(18),
            trust: std::array::from_fn(|foot| read[30 + foot]),
            resting: false,
        });
        let Some(state) = next.filter(|state| state["tick"] == tick) else { continue };
        next = states.next();
        let ours = filter.state.unwrap();
        let rotation = ours.attitude.to_rotation_matrix().into_inner().transpose();
        let mut pairs: Vec<(f64, f64)> = Vec::new();
        let mut add = |ours: &[f64], theirs: Vec<f64>| {
            assert_eq!(ours.len(), theirs.len());
            pairs.extend(ours.iter().copied().zip(theirs));
        };
        add(rotation.as_slice(), of(state, "rotation"));
        add(ours.velocity.as_slice(), of(state, "velocity"));
        add(ours.position.as_slice(), of(state, "position"));
        let biases = [ours.gyro_bias.as_slice(), ours.accelerometer_bias.as_slice()].concat();
        add(&biases, of(state, "bias"));
        for (foot, contact) in ours.contacts.iter().enumerate() {
            let theirs = numbers(&state["contacts"][foot]);
            add(contact.as_ref().map_or(&[], |c| c.as_slice()), theirs);
        }
        let p = |range: std::ops::Range<usize>| range.map(|k| filter.p[k][k]);
        let sorted: Vec<f64> = p(0..9).chain(p(CONTACT..SIZE)).chain(p(9..CONTACT)).collect();
        add(&sorted, of(state, "variances"));
        for (a, b) in pairs {
            worst = worst.max((a - b).abs());
            assert!((a - b).abs() < 1e-9, "tick {tick}: {a} {b}");
        }
        compared += 1;
    }
    println!("{compared} states, largest difference {worst:.1e}");
    assert!(compared == 6 && filter.counters() == InvariantCounters::default());
}

/// All numbers in a value, however deep.
fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(all) => all.iter().flat_map(numbers).collect(),
        other => other.as_f64().into_iter().collect(),
    }
}

#[test]
fn a_start_that_is_far_off_is_forgotten_within_a_second() {
    for seed in 0..20 {
        let mut truth = Trotter::new(NOISE, seed);
        let mut filter = filter(NOISE);
        let way = f64::from(u32::try_from(seed).unwrap()) * 0.314;
        let level = Vector3::new(way.cos(), way.sin(), 0.0);
        let wrong = UnitQuaternion::from_scaled_axis(level * 30_f64.to_radians());
        let faster = truth.velocity + Vector3::new(-way.sin(), way.cos(), 0.0);
        filter.begin(wrong * truth.attitude, faster, truth.position);
        for _ in 0..1000 {
            filter.update(&truth.tick());
        }
        let (mut tilts, mut speeds) = (0.0_f64, 0.0_f64);
        for _ in 0..2000 {
            filter.update(&truth.tick());
            tilts = tilts.max(tilt(&filter, &truth));
            let seen = filter.attitude().inverse() * filter.velocity();
            speeds = speeds.max((seen - truth.attitude.inverse() * truth.velocity).norm());
        }
        println!("{seed}: {:.2} deg, {speeds:.3} m/s", tilts.to_degrees());
        assert!(tilts < 2_f64.to_radians() && speeds < 0.08, "{seed}: {tilts} rad, {speeds} m/s");
    }
}

/// What it knows after a walk: its root mean square errors over many of them.
#[test]
fn it_knows_how_it_moves() {
    let (mut tilts, mut speeds, mut biases, mut count) = (0.0, 0.0, 0.0, 0.0);
    for seed in 0..10 {
        let mut truth = Trotter::new(NOISE, 100 + seed);
        truth.gyro_bias = Vector3::new(0.01, -0.02, 0.015);
        truth.accelerometer_bias = Vector3::new(0.05, 0.02, -0.05);
        let mut filter = filter(NOISE);
        filter.begin(truth.attitude, truth.velocity, truth.position);
        for tick in 0..8000 {
            filter.update(&truth.tick());
            if tick >= 4000 {
                tilts += tilt(&filter, &truth).powi(2);
                let seen = filter.attitude().inverse() * filter.velocity();
                speeds += (seen - truth.attitude.inverse() * truth.velocity).norm_squared();
                biases += (filter.gyro_bias() - truth.gyro_bias).xy().norm_squared();
                count += 1.0;
            }
        }
    }
    let root = |sum: f64| (sum / count).sqrt();
    let (tilt, speed, bias) = (root(tilts), root(speeds), root(biases));
    println!("tilt {:.3} deg, speed {speed:.4} m/s, gyro bias {bias:.5} rad/s", tilt.to_degrees());
    assert!(tilt < 0.5_f64.to_radians() && speed < 0.03 && bias < 0.005);
}

/// A state in the middle of a walk with all feet known, and a measurement that fits it.
fn midway(dice: &mut Dice) -> (State, Measurement) {
    let mut m = Trotter::new(NOISE, 5).tick();
    let state = State {
        attitude: UnitQuaternion::from_scaled_axis(dice.vector()),
        velocity: dice.vector(),
        position: dice.vector() * 3.0,
        gyro_bias: dice.vector() * 0.01,
        accelerometer_bias: dice.vector() * 0.1,
        contacts: [(); FEET_MAX].map(|()| Some(dice.vector() * 3.0)),
    };
    (m.gyro, m.accelerometer) = (dice.vector() * 3.0, dice.vector() * 10.0);
    m.feet_turning = [dice.vector() * 5.0; FEET_MAX];
    m.trust = [1.0; FEET_MAX];
    m.resting = true;
    (state, m)
}

/// The error between two states, in the order of the filter.
fn between(estimate: &State, truth: &State) -> [f64; SIZE] {
    let pair = |of: fn(&State) -> Vector3<f64>| (of(estimate), of(truth));
    let contact = |foot: usize| (estimate.contacts[foot].unwrap(), truth.contacts[foot].unwrap());
    let vectors = [
        pair(|s| s.velocity),
        pair(|s| s.position),
        contact(0),
        contact(1),
        contact(2),
        contact(3),
    ];
    let (angle, [v, p, a, b, c, d]) = group_error((&estimate.attitude, &truth.attitude), vectors);
    let (gyro, accelerometer) = (
        estimate.gyro_bias - truth.gyro_bias,
        estimate.accelerometer_bias - truth.accelerometer_bias,
    );
    let mut xi = [0.0; SIZE];
    for (part, of) in xi.chunks_exact_mut(3).zip([angle, v, p, gyro, accelerometer, a, b, c, d]) {
        part.copy_from_slice(of.as_slice());
    }
    xi
}

/// The covariance that a tick makes of an error in one direction alone is the square of what the
/// tick makes of the error: found by moving two states.
#[test]
fn errors_move_as_the_transition_says() {
    let mut dice = Dice::new(3);
    for _ in 0..20 {
        let (state, m) = midway(&mut dice);
        let noiseless = InvariantNoise {
            gyro: 0.0,
            accelerometer: 0.0,
            gyro_bias: 0.0,
            accelerometer_bias: 0.0,
            slip: 0.0,
            ..NOISE
        };
        for direction in 0..SIZE {
            let step = 1e-6;
            let moved = |amount: f64| {
                let (mut one, mut xi) = (state, [0.0; SIZE]);
                xi[direction] = amount;
                one.take(&xi);
                filter(noiseless).predict(&mut one, &m);
                one
            };
            let (ahead, behind) = (moved(step), moved(-step));
            let found = between(&ahead, &behind).map(|x| x / (2.0 * step));
            let mut one = filter(noiseless);
            one.p[direction][direction] = 1.0;
            one.predict(&mut state.clone(), &m);
            for i in 0..SIZE {
                for j in 0..SIZE {
                    let expected = found[i] * found[j];
                    let off = (one.p[i][j] - expected).abs();
                    assert!(off < 2e-7, "{direction}: ({i}, {j}) {} {expected}", one.p[i][j]);
                }
            }
        }
    }
}

/// Theorem 2 of the paper: without biases an error moves by the same matrix, however large it is.
#[test]
fn a_large_error_moves_like_a_small_one() {
    let mut dice = Dice::new(4);
    let (truth, m) = midway(&mut dice);
    // A round foot rolls by the attitude, which the theorem does not know of.
    let point = InvariantFilter::new(NOISE, FEET_MAX, 0.0, 0.3);
    let moved = |size: f64| {
        let (mut one, mut other, mut xi) = (truth, truth, [0.0; SIZE]);
        for k in (ATTITUDE..GYRO_BIAS).chain(CONTACT..SIZE) {
            xi[k] = size * (k as f64).sin();
        }
        one.take(&xi);
        point.clone().predict(&mut one, &m);
        point.clone().predict(&mut other, &m);
        between(&one, &other).map(|x| x / size)
    };
    let (small, large) = (moved(1e-3), moved(1.0));
    for (small, large) in small.iter().zip(&large) {
        assert!((small - large).abs() < 1e-9, "{small} {large}");
    }
}

#[test]
fn innovations_are_what_their_rows_say() {
    let mut dice = Dice::new(6);
    let settings = Settings {
        noise: InvariantNoise { ground: Some(0.01), ..NOISE },
        feet: FEET_MAX,
        foot_radius: RADIUS,
        rest_height: 0.3,
    };
    for _ in 0..20 {
        // The feet where the state has them, so that the innovation is small.
        let (state, mut m) = midway(&mut dice);
        for (foot, contact) in m.feet.iter_mut().zip(state.contacts) {
            *foot = state.attitude.inverse() * (contact.unwrap() - state.position);
        }
        let mut rows = Vec::new();
        settings.measure(&state, &m, |row, _, _| rows.push(row.to_vec()));
        assert_eq!(rows.len(), 4 * 4 + 4);
        for direction in 0..SIZE {
            let seen = |amount: f64| {
                let (mut one, mut xi, mut all) = (state, [0.0; SIZE], Vec::new());
                xi[direction] = amount;
                one.take(&xi);
                settings.measure(&one, &m, |_, z, _| all.push(z));
                all
            };
            let step = 1e-6;
            for ((row, ahead), behind) in rows.iter().zip(seen(step)).zip(seen(-step)) {
                let along = row.iter().filter(|(index, _)| *index == direction);
                let coefficient: f64 = along.map(|(_, c)| c).sum();
                let found = (behind - ahead) / (2.0 * step);
                assert!((found - coefficient).abs() < 1e-7, "{direction}: {row:?} {found}");
            }
        }
    }
}

/// No leg can feel yaw or place. A filter that is told to doubt them more does all as one that is
/// not, and doubts them as much more for ever.
#[test]
fn what_legs_cannot_know_stays_unknown() {
    let mut truth = Trotter::new(NOISE, 8);
    let mut sure = filter(NOISE);
    sure.begin(truth.attitude, truth.velocity, truth.position);
    let mut unsure = sure.clone();
    let more = [(2, 0.3), (6, 1.0), (7, 2.0), (8, 0.5)];
    more.iter().for_each(|&(k, more)| unsure.p[k][k] += more);
    let start = sure.variances();
    for tick in 0..5000 {
        let m = truth.tick();
        sure.update(&m);
        unsure.update(&m);
        // Place means the base and all that it stands on.
        for (k, more) in more {
            let bound = |foot: usize| (k > 2).then_some(CONTACT + 3 * foot + k.saturating_sub(6));
            let standing =
                (0..FEET_MAX).filter(|&foot| sure.state.unwrap().contacts[foot].is_some());
            for at in standing.filter_map(bound).chain([k]) {
                let found = unsure.p[at][k] - sure.p[at][k];
                assert!((found - more).abs() < 1e-9, "tick {tick}: ({at}, {k}) {found} of {more}");
            }
        }
        assert!((sure.position() - unsure.position()).norm() < 1e-9, "tick {tick}");
        assert!(sure.attitude().angle_to(&unsure.attitude()) < 1e-7, "tick {tick}");
    }
    let end = sure.variances();
    for (what, before, after) in [
        ("roll", start.attitude.x, end.attitude.x),
        ("pitch", start.attitude.y, end.attitude.y),
        ("velocity", start.velocity.sum(), end.velocity.sum()),
        ("gyro bias", start.gyro_bias.xy().sum(), end.gyro_bias.xy().sum()),
        ("accelerometer bias", start.accelerometer_bias.z, end.accelerometer_bias.z),
    ] {
        assert!(after < 0.1 * before, "{what}: {before} only fell to {after}");
    }
}

#[test]
fn nothing_that_is_no_number_gets_in_and_none_gets_out() {
    let mut truth = Trotter::new(NOISE, 9);
    let noise = InvariantNoise { ground: Some(2e-3), ..NOISE };
    let mut filter = filter(noise);
    filter.begin(truth.attitude, truth.velocity, truth.position);
    let mut dice = Dice::new(10);
    let mut refused = 0;
    for tick in 0..20_000 {
        let mut m = truth.tick();
        let bad = [f64::NAN, f64::INFINITY, -f64::INFINITY, 1e300, -1e12][tick % 5];
        let before = (filter.attitude(), filter.velocity(), filter.position());
        match tick % 50 {
            3 => m.gyro.x = bad,
            13 => m.accelerometer.z = bad,
            23 => m.dt = bad,
            33 => m.feet[tick % 4].y = bad,
            43 => m.feet_turning[tick % 4].x = bad,
            47 => m.trust = [bad; FEET_MAX],
            49 => m.feet = [dice.vector() * 1e3; FEET_MAX],
            _ => {}
        }
        let usable = m.dt.is_finite() && m.dt > 0.0 && m.gyro.x.is_finite();
        filter.update(&m);
        if !(usable && m.accelerometer.z.is_finite()) {
            refused += 1;
            let after = (filter.attitude(), filter.velocity(), filter.position());
            assert_eq!(before, after, "tick {tick} was to change nothing");
        }
        let (v, p) = (filter.velocity(), filter.position());
        let all = [v, p, filter.gyro_bias(), filter.accelerometer_bias()];
        let numbers = all.iter().flat_map(|v| v.iter());
        assert!(numbers.chain(filter.attitude().coords.iter()).all(|x| x.is_finite()), "{tick}");
        assert!(filter.p.iter().flatten().all(|x| x.is_finite()), "{tick}");
    }
    assert_eq!(filter.counters().skipped, refused);
    assert!(filter.counters().reset > 0, "what was absurd began anew");
    // And it is itself again.
    for _ in 0..3000 {
        filter.update(&truth.tick());
    }
    assert!(tilt(&filter, &truth) < 0.02, "{}", tilt(&filter, &truth));
}

/// Ten minutes of standing with sensors that are nearly perfect: the hardest for the digits.
#[test]
fn its_covariance_stays_symmetric_and_positive() {
    let noise = InvariantNoise {
        gyro: 1e-5,
        accelerometer: 1e-5,
        gyro_bias: 1e-9,
        accelerometer_bias: 1e-9,
        slip: 1e-6,
        foot: 1e-5,
        ground: Some(1e-5),
    };
    let mut filter = filter(noise);
    let mut truth = Trotter::new(noise, 11);
    filter.begin(truth.attitude, truth.velocity, truth.position);
    for tick in 0..60_000 {
        filter.update(&truth.tick());
        if tick % 1000 == 0 {
            let standing: Vec<usize> = (0..FEET_MAX)
                .filter(|&foot| filter.state.unwrap().contacts[foot].is_some())
                .flat_map(|foot| CONTACT + 3 * foot..CONTACT + 3 * foot + 3)
                .collect();
            let all: Vec<usize> = (0..CONTACT).chain(standing).collect();
            let p = DMatrix::from_fn(all.len(), all.len(), |i, j| filter.p[all[i]][all[j]]);
            assert_eq!(p, p.transpose(), "tick {tick}");
            let scale = p.diagonal().map(f64::sqrt);
            let unit =
                DMatrix::from_fn(all.len(), all.len(), |i, j| p[(i, j)] / (scale[i] * scale[j]));
            let least = unit.symmetric_eigenvalues().min();
            assert!(least > -1e-9, "tick {tick}: {least}");
        }
    }
    assert_eq!(filter.counters(), InvariantCounters::default());
}

#[test]
fn variances_are_those_of_the_base_itself() {
    let truth = Trotter::new(NOISE, 12);
    let mut filter = filter(NOISE);
    filter.begin(truth.attitude, truth.velocity, truth.position);
    let start = filter.variances();
    let deviations = start.velocity.map(f64::sqrt);
    assert!((deviations - Vector3::repeat(VELOCITY_START)).norm() < 1e-9, "{deviations}");
    assert!((start.position.z.sqrt() - HEIGHT_START).abs() < 1e-9);
}
