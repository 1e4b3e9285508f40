//! The frame of a chart: its axes, and what is drawn inside them.
//!
//! Charts are SVG set by hand in [`maud`] templates. A plotting library would fix colours in attributes, where these are classes of the page's
//! style sheet and so follow dark mode and print; and it would know nothing of the columns that carry the values to hover over. `maud` is checked
//! when it is compiled and escapes every text, so neither a typo nor a name in a scenario can break a page. An element without content is written
//! `rect {}`: SVG inside HTML has no elements that need no end.

use std::fmt::{self, Write as _};

use maud::{Markup, html};

use super::scale::Scale;

/// Room for the names of an axis and the head of a chart, in pixels.
const TOP: f64 = 44.0;
const BOTTOM: f64 = 42.0;
const RIGHT: f64 = 18.0;
/// What a character of a label takes at most, in pixels.
const CHARACTER: f64 = 6.8;

/// Every chart is drawn twice: one that is read on a screen or on paper, and one that is read on a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Size {
    Wide,
    Narrow,
}

impl Size {
    fn width(self) -> f64 {
        match self {
            Self::Wide => 960.0,
            Self::Narrow => 360.0,
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Wide => "chart wide",
            Self::Narrow => "chart narrow",
        }
    }

    fn left(self) -> f64 {
        match self {
            Self::Wide => 80.0,
            Self::Narrow => 74.0,
        }
    }

    /// Columns that can be told apart by the pointer or a finger.
    pub(super) fn columns(self) -> usize {
        match self {
            Self::Wide => 200,
            Self::Narrow => 80,
        }
    }

    /// Names that an axis below the chart has room for.
    pub(super) fn ticks(self) -> u32 {
        match self {
            Self::Wide => 10,
            Self::Narrow => 4,
        }
    }
}

/// A coordinate: a tenth of a pixel is enough, and shorter.
#[derive(Debug, Clone, Copy)]
pub(super) struct Px(pub(super) f64);

impl fmt::Display for Px {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = (self.0 * 10.0).round() / 10.0;
        write!(f, "{}", if tenths == 0.0 { 0.0 } else { tenths })
    }
}

/// One axis.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub(super) scale: Scale,
    /// What it shows, with its unit where the ticks do not have it.
    pub(super) label: &'static str,
    /// Where it is named, and how.
    pub(super) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// An axis whose ticks are those of its scale.
    pub(super) fn new(scale: Scale, label: &'static str, most: usize, shown: impl Fn(f64) -> String) -> Self {
        let ticks = scale.ticks(most).into_iter().map(|value| (value, shown(value))).collect();
        Self { scale, label, ticks }
    }
}

/// A stretch of the lower axis with a name: a phase.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Band {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) name: String,
    /// `measured`, or `unmeasured` for what no figure covers.
    pub(super) class: &'static str,
}

impl Band {
    /// Its name, or that without what stands in brackets, as far as there is room for it.
    fn named_within(&self, room: f64) -> Option<&str> {
        let short = self.name.split(" (").next().unwrap_or(&self.name);
        [self.name.as_str(), short].into_iter().find(|name| name.chars().count() as f64 * CHARACTER + 8.0 <= room)
    }
}

/// The axes of a chart of one size.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) size: Size,
    /// Of the whole drawing, in pixels.
    pub(super) height: f64,
    pub(super) x: Axis,
    pub(super) y: Axis,
}

impl Frame {
    pub(super) fn left(&self) -> f64 {
        self.size.left()
    }

    pub(super) fn right(&self) -> f64 {
        self.size.width() - RIGHT
    }

    pub(super) fn top(&self) -> f64 {
        TOP
    }

    pub(super) fn bottom(&self) -> f64 {
        self.height - BOTTOM
    }

    pub(super) fn x(&self, value: f64) -> f64 {
        self.left() + self.x.scale.at(value) * (self.right() - self.left())
    }

    pub(super) fn y(&self, value: f64) -> f64 {
        self.bottom() - self.y.scale.at(value) * (self.bottom() - self.top())
    }

    /// The drawing: grid and names of the axes, then `inside`.
    pub(super) fn draw(&self, name: &str, inside: &Markup) -> Markup {
        let (left, right, top, bottom) = (Px(self.left()), Px(self.right()), Px(self.top()), Px(self.bottom()));
        html! {
            svg class=(self.size.class()) viewBox={ "0 0 " (Px(self.size.width())) " " (Px(self.height)) } role="img" aria-label=(name) {
                g class="grid" {
                    @for (value, _) in &self.y.ticks {
                        @let y = Px(self.y(*value));
                        line x1=(left) x2=(right) y1=(y) y2=(y) {}
                    }
                }
                (inside)
                g class="axis" {
                    line x1=(left) x2=(right) y1=(bottom) y2=(bottom) {}
                    @for (value, label) in &self.y.ticks {
                        text x=(Px(self.left() - 8.0)) y=(Px(self.y(*value) + 4.0)) text-anchor="end" { (label) }
                    }
                    @for (value, _) in &self.x.ticks {
                        @let x = self.x(*value);
                        line x1=(Px(x)) x2=(Px(x)) y1=(bottom) y2=(Px(self.bottom() + 5.0)) {}
                    }
                    @for (x, anchor, label) in self.named() {
                        text x=(Px(x)) y=(Px(self.bottom() + 19.0)) text-anchor=(anchor) { (label) }
                    }
                    text class="label" x="4" y="14" { (self.y.label) }
                    text class="label" x=(right) y=(Px(self.height - 6.0)) text-anchor="end" { (self.x.label) }
                }
                rect class="frame" x=(left) y=(top) width=(Px(self.right() - self.left())) height=(Px(self.bottom() - self.top())) {}
            }
        }
    }

    /// The names of the lower axis, with where they stand; those are left out that would run into the one before.
    fn named(&self) -> Vec<(f64, &'static str, &str)> {
        let mut free = f64::NEG_INFINITY;
        let placed = self.x.ticks.iter().filter_map(|(value, label)| {
            let x = self.x(*value);
            let (anchor, room) = (self.anchor(x, label), label.chars().count() as f64 * CHARACTER);
            let from = if anchor == "end" { x - room } else { x - room / 2.0 };
            let fits = from >= free;
            free = if fits { from + room + 4.0 } else { free };
            fits.then_some((x, anchor, label.as_str()))
        });
        placed.collect()
    }

    /// A name at the end of the axis must not reach beyond the drawing.
    fn anchor(&self, x: f64, label: &str) -> &'static str {
        let half = label.chars().count() as f64 * CHARACTER / 2.0;
        if x + half > self.size.width() { "end" } else { "middle" }
    }

    /// A line through points; where a value is missing there is a gap.
    pub(super) fn line(&self, class: &str, points: impl Iterator<Item = (f64, Option<f64>)>) -> Markup {
        let mut path = String::new();
        let mut pen = Pen::Up;
        for (x, y) in points {
            let Some(y) = y else {
                pen = Pen::Up;
                continue;
            };
            let (x, y) = (Px(self.x(x)), Px(self.y(y)));
            // Writing into a String cannot fail, here and below. A point alone is seen by its round ends.
            let _ = match pen {
                Pen::Up => write!(path, "M{x} {y}h0"),
                Pen::Down => write!(path, "L{x} {y}"),
            };
            pen = Pen::Down;
        }
        html! { path class={ "line " (class) } d=(path) {} }
    }

    /// The area between two lines that share their x.
    pub(super) fn ribbon(&self, class: &str, points: &[(f64, f64, f64)]) -> Markup {
        let mut path = String::new();
        let there = points.iter().map(|&(x, low, _)| (x, low));
        let back = points.iter().rev().map(|&(x, _, high)| (x, high));
        for (i, (x, y)) in there.chain(back).enumerate() {
            let _ = write!(path, "{}{} {}", if i == 0 { "M" } else { "L" }, Px(self.x(x)), Px(self.y(y)));
        }
        html! { @if !path.is_empty() { path class={ "ribbon " (class) } d={ (path) "Z" } {} } }
    }

    /// Phases: shaded where no figure covers them, named where there is room for the name.
    pub(super) fn bands(&self, bands: &[Band]) -> Markup {
        html! {
            g class="bands" {
                @for band in bands {
                    @let (from, to) = (self.x(band.from), self.x(band.to));
                    rect class=(band.class) x=(Px(from)) y=(Px(TOP - 20.0)) width=(Px((to - from).max(0.0))) height=(Px(self.bottom() - TOP + 20.0)) {
                        title { (band.name) }
                    }
                    line x1=(Px(from)) x2=(Px(from)) y1=(Px(TOP - 20.0)) y2=(Px(self.bottom())) {}
                    @if let Some(name) = band.named_within(to - from) {
                        text x=(Px(from + 5.0)) y=(Px(TOP - 6.0)) { (name) }
                    }
                }
            }
        }
    }

    /// Columns that show their values when they are pointed at.
    pub(super) fn hover(&self, columns: impl Iterator<Item = (f64, f64, String)>) -> Markup {
        html! {
            g class="hover" {
                @for (from, to, said) in columns {
                    @let (x, to) = (self.x(from), self.x(to));
                    rect x=(Px(x)) y=(Px(TOP)) width=(Px((to - x).max(0.0))) height=(Px(self.bottom() - TOP)) {
                        title { (said) }
                    }
                }
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Pen {
    Up,
    Down,
}

/// A chart in both sizes, with what it shows above it and how to read it below.
pub(super) fn figure(name: &str, legend: &[(&str, &str)], reading: &str, draw: impl Fn(Size) -> Markup) -> Markup {
    html! {
        figure {
            figcaption {
                b { (name) }
                @if !legend.is_empty() {
                    span class="legend" {
                        @for (class, what) in legend { span { i class={ "key " (class) } {} (what) } " " }
                    }
                }
            }
            (draw(Size::Wide))
            (draw(Size::Narrow))
            @if !reading.is_empty() { p class="reading" { (reading) } }
        }
    }
}
