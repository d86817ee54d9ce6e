//! The pages of `docs` that are made from the code: the traceability matrix, and the catalogue of
//! rules in the pages about the governor, between two marks, in two languages.

use std::fmt::Write;
use std::{fs, io};

use governor::{Actor, Hashes, Kind, Language, Record, Rule};
use signals::{Instant, Level, Mode};

use crate::matrix::Matrix;

/// Refreshes every page.
pub const REFRESH: &str = "cargo run -p triune-tests --bin matrix -- --write";

const BEGIN: &str = "<!-- rules -->";
const END: &str = "<!-- /rules -->";

/// Paths and texts of the pages, as they are to be.
fn pages(matrix: &Matrix) -> io::Result<Vec<(&'static str, String)>> {
    let mut pages = vec![("docs/traceability.md", matrix.page())];
    for (path, language) in
        [("docs/governor.md", Language::English), ("docs/governor.zh.md", Language::Chinese)]
    {
        let text = fs::read_to_string(crate::root().join(path))
            .map_err(|error| io::Error::new(error.kind(), format!("{path}: {error}")))?;
        let page = with_rules(&text, &rules(matrix, language)).ok_or_else(|| {
            io::Error::other(format!("{path}: needs one line `{BEGIN}` and below one `{END}`"))
        })?;
        pages.push((path, page));
    }
    Ok(pages)
}

/// Writes what is not as it is to be.
///
/// # Errors
/// When a page cannot be read or written, or has lost its marks.
pub fn write(matrix: &Matrix) -> io::Result<()> {
    for (path, page) in pages(matrix)? {
        fs::write(crate::root().join(path), page)?;
    }
    Ok(())
}

/// A line for each page that is not as it is to be.
///
/// # Errors
/// When a page cannot be read or has lost its marks.
pub fn stale(matrix: &Matrix) -> io::Result<Vec<String>> {
    let differs = |(path, page): (&str, String)| {
        let written = fs::read_to_string(crate::root().join(path)).unwrap_or_default();
        (written != page).then(|| format!("{path}: not as the code has it: run `{REFRESH}`"))
    };
    Ok(pages(matrix)?.into_iter().filter_map(differs).collect())
}

/// `text` with `rules` between the marks.
fn with_rules(text: &str, rules: &str) -> Option<String> {
    let (head, rest) = text.split_once(BEGIN)?;
    let (_, tail) = rest.split_once(END)?;
    Some(format!("{head}{BEGIN}\n\n{rules}\n{END}{tail}"))
}

/// One table with all rules that act somewhere, in the order of the code.
fn rules(matrix: &Matrix, language: Language) -> String {
    let idle: Vec<_> = matrix.idle_rules().collect();
    let mut page = String::from(match language {
        Language::English => {
            "| rule | clause | what it found | asked, allowed | measured, limit | reads like this \
             |\n|---|---|---|---|---|---|\n"
        }
        Language::Chinese => {
            "| 规则 | 条款 | 发现 | 要求与允许 | 测得与限值 | 记录示例 |\n|---|---|---|---|---|---|\n"
        }
    });
    for rule in Rule::ALL.into_iter().filter(|rule| !idle.contains(rule)) {
        let title = match language {
            Language::English => rule.title(),
            Language::Chinese => rule.title_chinese(),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {title} | {} | {} | {} |",
            rule.id(),
            rule.clause(),
            rule.unit(),
            rule.measured_unit(),
            example(rule).sentence(language),
        );
    }
    page
}

/// A record as this rule may leave it, with numbers of a usual size.
fn example(rule: Rule) -> Record {
    let kind = kind_of(rule);
    let plan = rule.id().starts_with("PLAN-") && matches!(kind, Kind::Refused | Kind::Limited);
    let [asked, allowed] = numbers(rule.unit());
    let [measured, limit] = numbers(rule.measured_unit());
    let acts_on_mode = kind == Kind::ModeChanged;
    Record {
        cycle: 4200,
        at: Instant::from_nanos(4_200_000_000),
        rule,
        kind,
        actor: if plan { Actor::Brain } else { Actor::Governor },
        joint: None,
        sequence: plan.then_some(42),
        cause: (kind == Kind::ActRefused).then_some(Rule::RoleForbidden),
        asked,
        allowed,
        measured,
        limit,
        from: Level::Nominal,
        to: Level::Limited,
        from_mode: if acts_on_mode { Mode::SelfTest } else { Mode::Auto },
        to_mode: if rule == Rule::SelfTest { Mode::Inhibited } else { Mode::Lockout },
        ticks: 1,
        hashes: Hashes::default(),
    }
}

/// What a rule mostly does. The order of the cases matters.
fn kind_of(rule: Rule) -> Kind {
    let id = rule.id();
    let refuses = ["PLAN-", "COMMAND-", "CYCLE-UNRULED"].iter().any(|start| id.starts_with(start));
    match rule {
        Rule::SelfTest | Rule::ProfileInvalid | Rule::Strikes => Kind::ModeChanged,
        Rule::OperatorReset
        | Rule::OperatorStart
        | Rule::OperatorAck
        | Rule::GoSafe
        | Rule::TakeOver
        | Rule::HandBack
        | Rule::ModeSelect
        | Rule::Unlock => Kind::ActAccepted,
        _ if !rule.unit().is_empty() => Kind::Limited,
        Rule::PlanSilent | Rule::PlanFaulty => Kind::LevelChanged,
        _ if refuses => Kind::Refused,
        _ => Kind::LevelChanged,
    }
}

/// Two numbers of a usual size in this unit, the second the one that was allowed.
fn numbers(unit: &str) -> [f32; 2] {
    match unit {
        "m/s" => [1.4, 0.8],
        "rad/s" => [2.4, 1.6],
        "m" => [0.42, 0.55],
        "s" => [0.08, 0.06],
        "rad" => [0.66, 0.61],
        "N m" => [31.0, 23.5],
        "N m/rad" => [400.0, 300.0],
        "N m s/rad" => [12.0, 8.0],
        "m/s^2" => [9.0, 1.0],
        "rad/s^2" => [310.0, 250.0],
        "N m/s" => [2400.0, 1000.0],
        "W" => [640.0, 500.0],
        "V" => [19.5, 21.0],
        "degC" => [92.0, 90.0],
        "ticks" | "plans" | "times" => [5.0, 5.0],
        "joints" => [11.0, 12.0],
        "of full" => [0.19, 0.2],
        "h" => [12.5, 30.0],
        "J" => [0.0, 4.0],
        "1/s" => [31.0, 12.0],
        "" => [0.0, 0.0],
        _ => [2.0, 1.0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_stand_between_the_marks() {
        let text = format!("head\n\n{BEGIN}\nold\n{END}\n\ntail\n");
        let expected = format!("head\n\n{BEGIN}\n\nnew\n{END}\n\ntail\n");
        assert_eq!(with_rules(&text, "new"), Some(expected.clone()));
        assert_eq!(with_rules(&expected, "new"), Some(expected));
        assert_eq!(with_rules("no marks", "new"), None);
    }

    #[test]
    fn every_rule_has_its_line_in_both_languages() {
        let matrix = Matrix::of_this_checkout().unwrap();
        let acting = Rule::COUNT - matrix.idle_rules().count();
        for language in [Language::English, Language::Chinese] {
            let page = rules(&matrix, language);
            assert_eq!(page.lines().count(), acting + 2);
            assert!(page.lines().all(|line| line.matches('|').count() == 7), "{page}");
        }
    }
}
