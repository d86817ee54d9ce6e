//! Topics: what is said, where, by whom, how often.

use core::marker::PhantomData;

use serde_json::{Value, json};

use super::error::NetworkError;
use super::layout::{Header, Layout, fields_json, hash_text};

/// Bytes of the code over a sample that needs a lease.
pub const CODE: usize = 16;

/// Which way a topic goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the robot to whoever may read it.
    Out,
    /// To the robot.
    In,
}

/// One kind of sample under one key.
#[derive(Debug)]
pub struct Topic<T> {
    /// `<layer>/<topic>`: the end of its key.
    pub key: &'static str,
    /// Which way it goes.
    pub direction: Direction,
    /// Its samples carry a code made with a lease.
    pub leased: bool,
    /// Every sample counts; else only the newest does.
    pub stream: bool,
    /// How often a sample comes at most, 1/s; zero where that depends on what happens.
    pub rate_hz: f32,
    layout: PhantomData<fn() -> T>,
}

impl<T: Layout> Topic<T> {
    /// Of this only the newest sample counts; the robot sends it at most `rate_hz` times a second.
    #[must_use]
    pub const fn out(key: &'static str, rate_hz: f32) -> Self {
        let (direction, layout) = (Direction::Out, PhantomData);
        Self { key, direction, leased: false, stream: false, rate_hz, layout }
    }

    /// The robot sends it when something happens, and each one counts.
    #[must_use]
    pub const fn stream(key: &'static str) -> Self {
        Self { stream: true, ..Self::out(key, 0.0) }
    }

    /// The robot takes it from anybody, at most `rate_hz` times a second.
    #[must_use]
    pub const fn open(key: &'static str, rate_hz: f32) -> Self {
        Self { direction: Direction::In, ..Self::out(key, rate_hz) }
    }

    /// The robot takes it from who holds the lease, at most `rate_hz` times a second.
    #[must_use]
    pub const fn leased(key: &'static str, rate_hz: f32) -> Self {
        Self { leased: true, ..Self::open(key, rate_hz) }
    }

    /// Its key on `robot`.
    #[must_use]
    pub fn of(&self, robot: &str) -> String {
        key(robot, self.key)
    }

    /// Bytes of a whole sample.
    #[must_use]
    pub const fn size(&self) -> usize {
        size_of::<Header>() + size_of::<T>() + if self.leased { CODE } else { 0 }
    }

    /// What a program needs to know to read it.
    #[must_use]
    pub fn schema(&self) -> Value {
        json!({
            "schema": "triune.topic/1", "key": self.key, "name": T::NAME, "about": T::ABOUT,
            "layout": hash_text(T::HASH), "size": size_of::<T>(), "header": size_of::<Header>(),
            "code": if self.leased { CODE } else { 0 },
            "direction": if self.direction == Direction::Out { "out" } else { "in" },
            "stream": self.stream, "rate_hz": self.rate_hz, "fields": fields_json::<T>(),
        })
    }

    /// The schema that the other end published is this one.
    ///
    /// # Errors
    /// [`NetworkError::Layout`], with the first field that differs.
    pub fn check_schema(&self, theirs: &Value) -> Result<(), NetworkError> {
        if theirs["layout"].as_str() == Some(&hash_text(T::HASH)) {
            return Ok(());
        }
        let (ours, empty) = (fields_json::<T>(), Vec::new());
        let ours = ours.as_array().unwrap_or(&empty).clone();
        let fields = theirs["fields"].as_array().unwrap_or(&empty);
        let shown = |field: &Value| {
            let part = |name: &str| field[name].as_str().unwrap_or_default().to_owned();
            let (count, offset) = (&field["count"], &field["offset"]);
            format!("{} ({} x {count} at {offset}, {:?})", part("name"), part("type"), part("unit"))
        };
        let differs = (0..ours.len().max(fields.len())).find_map(|at| {
            let (here, there) = (ours.get(at).map(shown), fields.get(at).map(shown));
            let absent = || "nothing".to_owned();
            let pair = (here.clone().unwrap_or_else(absent), there.clone().unwrap_or_else(absent));
            (here != there).then(|| format!("here {}, there {}", pair.0, pair.1))
        });
        Err(NetworkError::Layout {
            topic: self.key.to_owned(),
            ours: hash_text(T::HASH),
            theirs: theirs["layout"].as_str().unwrap_or("none").to_owned(),
            field: differs.unwrap_or_else(|| "a frame".to_owned()),
        })
    }
}

/// The key of `rest` on `robot`.
#[must_use]
pub fn key(robot: &str, rest: &str) -> String {
    format!("triune/{robot}/{rest}")
}
