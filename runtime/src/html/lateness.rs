//! How late ticks began: a histogram with logarithmic axes.

use std::time::Duration;

use super::{HtmlInput, put};
use crate::realtime::{Bucket, Lateness};

const WIDTH: f64 = 1080.0;
const HEIGHT: f64 = 160.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 56.0;
/// Shown from here, us; earlier falls into the first bar.
const FROM_US: f64 = 1.0;

pub(super) fn draw(input: &HtmlInput<'_>) -> String {
    let real = input.report.time == "real";
    let mut lateness = Lateness::new();
    for tick in input.ticks.iter().filter(|_| real) {
        lateness.record(Duration::from_nanos(tick.lateness_ns.into()));
    }
    let buckets: Vec<_> = lateness.buckets().collect();
    let Some(last) = buckets.last() else {
        return "<p>On virtual time no tick is ever late. <span lang=\"zh\">虚拟时间下没有延迟。</span></p>\n"
            .into();
    };
    let scale = Scale {
        decades: (last.to_us.max(100.0) / FROM_US).log10().ceil(),
        most: buckets.iter().map(|bucket| bucket.count).max().unwrap_or(1) as f64,
    };
    let bottom = TOP + HEIGHT;
    let mut svg = format!("<svg viewBox=\"0 0 {WIDTH} {}\" role=\"img\">\n", bottom + 26.0);
    put(
        &mut svg,
        format_args!(
            "<text class=\"name\" x=\"{LEFT}\" y=\"14\">ticks <tspan class=\"dim\">by how late \
             they \
             began, us; both axes logarithmic 对数坐标</tspan></text>\n"
        ),
    );
    axes(&mut svg, &scale);
    for bucket in &buckets {
        bar(&mut svg, &scale, bucket);
    }
    let late = input.report.timing.lateness_us;
    for (index, (name, value)) in
        [("p50", late.p50), ("p99", late.p99), ("p99.9", late.p999), ("max", late.max)]
            .into_iter()
            .enumerate()
    {
        // Two heights in turn, above the bars, so that close ones do not cover each other.
        let (x, y) = (scale.x(value), TOP - 20.0 + 14.0 * (index % 2) as f64);
        let (text_x, anchor) = if x > WIDTH - 90.0 { (x - 4.0, "end") } else { (x + 4.0, "start") };
        put(
            &mut svg,
            format_args!(
                "<line class=\"quantile\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{:.1}\" \
                 y2=\"{bottom}\"/>\
                 <text class=\"tick strong\" x=\"{text_x:.1}\" y=\"{y:.1}\" \
                 text-anchor=\"{anchor}\">{name} {value:.0}</text>\n",
                y - 9.0,
            ),
        );
    }
    svg + "</svg>\n"
}

struct Scale {
    decades: f64,
    most: f64,
}

impl Scale {
    fn x(&self, us: f64) -> f64 {
        let share = (us.max(FROM_US) / FROM_US).log10() / self.decades;
        LEFT + share.clamp(0.0, 1.0) * (WIDTH - LEFT - RIGHT)
    }

    /// A bar of one tick is still seen: the axis begins at half a tick.
    fn y(&self, count: f64) -> f64 {
        let share = (count.max(0.5) / 0.5).log10() / (self.most.max(1.0) / 0.5).log10();
        TOP + HEIGHT * (1.0 - share.clamp(0.0, 1.0))
    }
}

fn axes(svg: &mut String, scale: &Scale) {
    let (right, bottom) = (WIDTH - RIGHT, TOP + HEIGHT);
    for decade in 0..=scale.decades as i32 {
        let us = FROM_US * 10_f64.powi(decade);
        let x = scale.x(us);
        put(
            svg,
            format_args!(
                "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
                 <text class=\"tick\" x=\"{x:.1}\" y=\"{}\" \
                 text-anchor=\"middle\">{us:.0}</text>\n",
                bottom + 17.0
            ),
        );
    }
    let mut count = 1.0;
    while count <= scale.most {
        let y = scale.y(count);
        put(
            svg,
            format_args!(
                "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{right}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>\
                 <text class=\"tick\" x=\"56\" y=\"{:.1}\" text-anchor=\"end\">{count:.0}</text>\n",
                y + 4.0
            ),
        );
        count *= 10.0;
    }
}

fn bar(svg: &mut String, scale: &Scale, bucket: &Bucket) {
    let (from, to) = (scale.x(bucket.from_us), scale.x(bucket.to_us));
    let y = scale.y(bucket.count as f64);
    put(
        svg,
        format_args!(
            "<rect class=\"bar\" x=\"{from:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>\n",
            (to - from - 0.6).max(0.8),
            TOP + HEIGHT - y
        ),
    );
}
