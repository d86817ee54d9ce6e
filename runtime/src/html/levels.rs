//! The level over time: one row a level, a bar wherever the robot was in it, and the events.

use signals::Level;

use super::plot::{time_axis, time_to_x};
use super::{HtmlInput, escape, put, span};
use crate::words::{LEVELS, level_chinese};

const WIDTH: f64 = 1080.0;
const ROW: f64 = 15.0;
/// Rows of numbers above the bars, so that close events do not cover each other.
const LABEL_ROWS: usize = 4;
const LABEL: f64 = 16.0;
/// Two numbers closer than this would touch.
const APART: f64 = 20.0;

pub(super) fn draw(input: &HtmlInput<'_>) -> String {
    if input.ticks.is_empty() {
        return "<p>No ticks were kept. <span lang=\"zh\">没有保留周期数据。</span></p>\n".into();
    }
    let top = LABEL * LABEL_ROWS as f64 + 8.0;
    let bottom = top + ROW * LEVELS.len() as f64;
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\">\n", bottom + 26.0);
    time_axis(&mut svg, [WIDTH, top, bottom], span(input.ticks), true);
    for (row, of_row) in LEVELS.into_iter().rev().enumerate() {
        let y = top + ROW * row as f64 + 11.0;
        put(
            &mut svg,
            format_args!(
                "<text class=\"tick\" x=\"58\" y=\"{y:.1}\" text-anchor=\"end\">{}</text>\n",
                of_row.name()
            ),
        );
    }
    bars(&mut svg, input, top);
    markers(&mut svg, input, top, bottom);
    svg + "</svg>\n" + &legend() + &events(input)
}

fn bars(svg: &mut String, input: &HtmlInput<'_>, top: f64) {
    let span = span(input.ticks);
    let mut previous: Option<f64> = None;
    for stretch in input.ticks.chunk_by(|a, b| a.level == b.level) {
        let [Some(first), Some(last)] = [stretch.first(), stretch.last()] else { continue };
        let [from, to] = [first, last].map(|tick| time_to_x(tick.at.as_seconds(), span, WIDTH));
        let number = first.level as usize;
        let y = top + ROW * (LEVELS.len() - 1 - number) as f64;
        // A stretch of one tick is still wide enough to be seen.
        let width = (to - from).max(2.0);
        put(
            svg,
            format_args!(
                "<rect class=\"level{number}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{width:.1}\" \
                 height=\"{:.1}\" rx=\"2\"/>\n",
                y + 1.5,
                ROW - 3.0
            ),
        );
        let middle = y + ROW / 2.0;
        if let Some(before) = previous {
            put(
                svg,
                format_args!(
                    "<line class=\"step\" x1=\"{from:.1}\" x2=\"{from:.1}\" y1=\"{before:.1}\" \
                     y2=\"{middle:.1}\"/>\n"
                ),
            );
        }
        previous = Some(middle);
    }
}

/// A number and a thin line for each event.
fn markers(svg: &mut String, input: &HtmlInput<'_>, top: f64, bottom: f64) {
    let mut ends = [f64::NEG_INFINITY; LABEL_ROWS];
    for (index, event) in input.events.iter().enumerate() {
        let x = time_to_x(event.at_s, span(input.ticks), WIDTH);
        let free = ends.iter().position(|end| *end + APART <= x);
        // With every row taken, the row whose last number is farthest away.
        let row = free.unwrap_or_else(|| {
            let order = |a: &(usize, &f64), b: &(usize, &f64)| a.1.total_cmp(b.1);
            ends.iter().enumerate().min_by(order).map_or(0, |(row, _)| row)
        });
        if let Some(end) = ends.get_mut(row) {
            *end = x;
        }
        let y = top - 8.0 - LABEL * row as f64;
        put(
            svg,
            format_args!(
                "<line class=\"mark\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" y2=\"{bottom:.1}\"/>\
                 <circle class=\"badge\" cx=\"{x:.1}\" cy=\"{:.1}\" r=\"7.5\"/>\
                 <text class=\"badge\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n",
                y - 4.0,
                y - 4.0,
                y - 0.6,
                index + 1
            ),
        );
    }
}

fn legend() -> String {
    let mut out = String::from("<p class=\"legend\">");
    for one in LEVELS {
        put(
            &mut out,
            format_args!(
                "<span class=\"key\"><i class=\"square level{}\"></i>{} <span \
                 lang=\"zh\">{}</span></span>",
                one as usize,
                one.name(),
                level_chinese(one)
            ),
        );
    }
    out + "</p>\n"
}

/// The events with their numbers.
fn events(input: &HtmlInput<'_>) -> String {
    if input.events.is_empty() {
        return String::new();
    }
    let mut out = String::from("<ol class=\"events\">\n");
    for event in input.events {
        put(
            &mut out,
            format_args!(
                "<li><span class=\"time\">{:.2} s</span> {} <span lang=\"zh\">{}</span></li>\n",
                event.at_s,
                escape(&event.sentence),
                escape(&event.sentence_zh)
            ),
        );
    }
    out + "</ol>\n"
}

/// The class of a level in the style sheet.
pub(super) fn class(of: Level) -> usize {
    of as usize
}
