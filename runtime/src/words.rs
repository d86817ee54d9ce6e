//! The words for levels, modes and postures as people read them, in two languages.

use signals::{Level, Mode, Posture};

/// Every level, from harmless to worst.
pub const LEVELS: [Level; 10] = [
    Level::Nominal,
    Level::Notice,
    Level::Warning,
    Level::Guidance,
    Level::Limited,
    Level::Hold,
    Level::Settle,
    Level::Stopped,
    Level::Cut,
    Level::Falling,
];

const POSTURES: [Posture; 8] = [
    Posture::Limp,
    Posture::Rising,
    Posture::Standing,
    Posture::Walking,
    Posture::Settling,
    Posture::Settled,
    Posture::Damped,
    Posture::Moving,
];

/// What a level means, in Chinese.
#[must_use]
pub const fn level_chinese(level: Level) -> &'static str {
    match level {
        Level::Nominal => "正常",
        Level::Notice => "提示",
        Level::Warning => "警告",
        Level::Guidance => "需人处理",
        Level::Limited => "限速",
        Level::Hold => "站定",
        Level::Settle => "受控趴下",
        Level::Stopped => "已停止",
        Level::Cut => "切断力矩",
        Level::Falling => "跌倒",
    }
}

/// The word for a posture.
#[must_use]
pub const fn posture(posture: Posture) -> &'static str {
    match posture {
        Posture::Limp => "limp",
        Posture::Rising => "rising",
        Posture::Standing => "standing",
        Posture::Walking => "walking",
        Posture::Settling => "settling",
        Posture::Settled => "settled",
        Posture::Damped => "damped",
        Posture::Moving => "moving",
    }
}

/// The word for a posture, in Chinese.
#[must_use]
pub const fn posture_chinese(posture: Posture) -> &'static str {
    match posture {
        Posture::Limp => "无力矩",
        Posture::Rising => "起身",
        Posture::Standing => "站立",
        Posture::Walking => "行走",
        Posture::Settling => "趴下中",
        Posture::Settled => "已趴下",
        Posture::Damped => "阻尼",
        Posture::Moving => "运动中",
    }
}

/// The level with this number, counted from [`Level::Nominal`].
#[must_use]
pub fn level_numbered(number: u8) -> Option<Level> {
    LEVELS.get(usize::from(number)).copied()
}

/// The mode with this number, counted from [`Mode::Off`].
#[must_use]
pub fn mode_numbered(number: u8) -> Option<Mode> {
    Mode::ALL.get(usize::from(number)).copied()
}

/// The posture with this number, counted from [`Posture::Limp`].
#[must_use]
pub fn posture_numbered(number: u8) -> Option<Posture> {
    POSTURES.get(usize::from(number)).copied()
}

/// The level with this word.
#[must_use]
pub fn level_named(word: &str) -> Option<Level> {
    LEVELS.into_iter().find(|candidate| candidate.name() == word)
}

/// The posture with this word.
#[must_use]
pub fn posture_named(word: &str) -> Option<Posture> {
    POSTURES.into_iter().find(|candidate| posture(*candidate) == word)
}

/// The words for all postures, for messages.
#[must_use]
pub fn posture_list() -> String {
    POSTURES.map(posture).join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_words_lead_back_to_the_same_value() {
        for (number, one) in LEVELS.into_iter().enumerate() {
            assert_eq!(one as usize, number);
            assert_eq!(level_numbered(number as u8), Some(one));
            assert_eq!(level_named(one.name()), Some(one));
        }
        assert!(Mode::ALL.into_iter().all(|one| mode_numbered(one as u8) == Some(one)));
        assert!(POSTURES.into_iter().all(|one| posture_numbered(one as u8) == Some(one)));
        assert!(POSTURES.into_iter().all(|one| posture_named(posture(one)) == Some(one)));
        assert_eq!(level_numbered(10), None);
    }
}
