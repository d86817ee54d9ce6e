//! Wall time in files: TOML dates with an offset, and how they are written.

use std::time::{SystemTime, UNIX_EPOCH};

use governor::WallTime;
use toml::value::{Datetime, Offset};

/// What the wall clock says; zero before 1970.
#[must_use]
pub fn now() -> WallTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    WallTime(since.as_secs())
}

/// The time of a date with day, time and offset; `None` without one of them, or before 1970.
#[must_use]
pub fn of(date: &Datetime) -> Option<WallTime> {
    let (day, time) = (date.date?, date.time?);
    let offset_minutes = match date.offset? {
        Offset::Z => 0,
        Offset::Custom { minutes } => i64::from(minutes),
    };
    let days = days_from_civil(day.year.into(), day.month.into(), day.day.into());
    let of_day = i64::from(time.hour) * 3600 + i64::from(time.minute) * 60;
    let seconds = days * 86_400 + of_day + i64::from(time.second);
    u64::try_from(seconds - offset_minutes * 60).ok().map(WallTime)
}

/// Days from 1970-01-01. Howard Hinnant, "chrono-compatible low-level date algorithms".
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Clauses: B1.
    #[test]
    fn dates_count_in_seconds_since_1970() {
        let seconds = |text: &str| of(&text.parse().unwrap()).map(|wall| wall.0);
        assert_eq!(seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(seconds("2000-02-29T12:34:56Z"), Some(951_827_696));
        assert_eq!(seconds("2026-01-01T07:59:59+08:00"), Some(1_767_225_599));
        assert_eq!(seconds("2025-12-31T23:59:59Z"), Some(1_767_225_599));
        for incomplete in ["2026-01-01", "2026-01-01T00:00:00", "12:00:00"] {
            assert_eq!(seconds(incomplete), None, "{incomplete}");
        }
        assert_eq!(seconds("1969-12-31T23:59:59Z"), None);
    }
}
