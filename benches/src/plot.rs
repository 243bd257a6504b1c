//! The figures as a picture: a line per case, on which everybody stands as many times the limit as they took.
//!
//! It is plain SVG with the colours of the page it stands on in mind: grey for words, so that it can be read on white and
//! on black.

use std::fmt::Write as _;

use crate::cases::Role;
use crate::results::{CaseResult, Measured};
use crate::table::time;

const WIDTH: f64 = 960.0;
/// Where the scale begins, right of the titles.
const LEFT: f64 = 330.0;
const RIGHT: f64 = 40.0;
const TOP: f64 = 70.0;
const LINE: f64 = 34.0;

/// The picture. Cases without a limit, or without Whimbrel, are not in it.
pub fn svg(results: &[CaseResult]) -> String {
    let lines: Vec<(&CaseResult, f64)> = results
        .iter()
        .filter(|case| case.whimbrel().is_some())
        .filter_map(|case| Some((case, case.fastest(Role::Limit)?.median()?)))
        .collect();
    let ratios = lines.iter().flat_map(|(case, limit)| shown(case).map(move |(_, median)| median / limit));
    let (least, most) =
        ratios.fold((0.5, 10.0), |(least, most): (f64, f64), ratio| (least.min(ratio), most.max(ratio)));
    let (from, to) = (least.log10().floor(), most.log10().ceil());
    let x = |ratio: f64| LEFT + (ratio.log10() - from) / (to - from) * (WIDTH - LEFT - RIGHT);
    let height = TOP + LINE * lines.len() as f64 + 20.0;

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\" fill=\"#777\">\n\
         <title>Times, as multiples of what SQLite itself takes</title>\n\
         <g><circle cx=\"20\" cy=\"18\" r=\"6\" fill=\"#d9480f\"/><text x=\"32\" y=\"22\">Whimbrel</text>\
         <circle cx=\"120\" cy=\"18\" r=\"5\" fill=\"none\" stroke=\"#1971c2\" stroke-width=\"2\"/>\
         <text x=\"132\" y=\"22\">others</text><path d=\"M210 10v16\" stroke=\"#2f9e44\" stroke-width=\"3\"/>\
         <text x=\"220\" y=\"22\">the fastest by hand, 1×; to the left is faster</text></g>\n"
    );
    for power in from as i32..=to as i32 {
        let (ratio, at) = (10f64.powi(power), x(10f64.powi(power)));
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.1} {TOP}V{:.1}\" stroke=\"#999\" stroke-width=\"0.5\"/>\
             <text x=\"{at:.1}\" y=\"{}\" text-anchor=\"middle\">{ratio}×</text>",
            height - 16.0,
            TOP - 10.0
        );
    }
    for (n, (case, limit)) in lines.iter().enumerate() {
        let y = TOP + LINE * (n as f64 + 0.5);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
             <path d=\"M{:.1} {:.1}v16\" stroke=\"#2f9e44\" stroke-width=\"3\"/>",
            LEFT - 14.0,
            y + 4.0,
            escaped(&case.title),
            x(1.0),
            y - 8.0,
        );
        for (measured, median) in shown(case) {
            let at = x(median / limit);
            let told = escaped(&format!("{}: {}", measured.label, time(Some(median))));
            let mark = match measured.role {
                Role::Whimbrel => "r=\"6\" fill=\"#d9480f\"",
                _ => "r=\"5\" fill=\"none\" stroke=\"#1971c2\" stroke-width=\"2\"",
            };
            let _ = writeln!(svg, "<circle cx=\"{at:.1}\" cy=\"{y:.1}\" {mark}><title>{told}</title></circle>");
        }
    }
    svg + "</svg>\n"
}

/// Whimbrel comes last, so that nobody hides it.
fn shown(case: &CaseResult) -> impl Iterator<Item = (&Measured, f64)> {
    let of = |role: Role| case.contestants.iter().filter(move |m| m.role == role);
    of(Role::Peer).chain(of(Role::Whimbrel)).filter_map(|measured| Some((measured, measured.median()?)))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
