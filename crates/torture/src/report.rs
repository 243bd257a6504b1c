//! What is printed: one table of all layers for people, the same as JSON for programs, and each finding with its story.

use std::time::Duration;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};
use serde_json::json;

use crate::{Finding, Layer, Tally};

/// What a layer has tried, and how long that took.
pub type Tried = (Layer, Tally, Duration);

/// One table of all layers, in Markdown.
pub fn table(tried: &[Tried], seed: u64) -> String {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(["layer", "tried", "bad", "seconds", "of them"]);
    for (layer, tally, time) in tried {
        let notes: Vec<String> =
            tally.notes.iter().map(|(about, count)| format!("{} {about}", grouped(*count))).collect();
        table.add_row([
            layer.name.to_owned(),
            format!("{} {}", grouped(tally.tried), layer.counted),
            tally.bad.len().to_string(),
            format!("{:.1}", time.as_secs_f64()),
            notes.join(", "),
        ]);
    }
    for column in 1..=3 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let (bad, time) =
        tried.iter().fold((0, Duration::ZERO), |(bad, sum), (_, tally, time)| (bad + tally.bad.len(), sum + *time));
    let unsure = tried.iter().filter(|(_, tally, _)| !tally.unsure.is_empty()).map(|(layer, tally, _)| {
        let units: Vec<_> = tally.unsure.iter().map(|finding| finding.unit.to_string()).collect();
        format!("not foreseen by {}, and to be looked at: --unit {}\n", layer.name, units.join(", "))
    });
    let unsure: String = unsure.collect();
    format!("{table}\n\n{unsure}{bad} bad in {:.0} s, seed {seed}", time.as_secs_f64())
}

/// The same for programs.
pub fn json(tried: &[Tried], seed: u64) -> String {
    let layers: Vec<_> = tried
        .iter()
        .map(|(layer, tally, time)| {
            let notes: serde_json::Map<_, _> =
                tally.notes.iter().map(|(about, count)| ((*about).to_owned(), json!(count))).collect();
            let bad: Vec<_> =
                tally.bad.iter().map(|f| json!({ "unit": f.unit, "what": f.what, "story": f.story })).collect();
            json!({
                "name": layer.name, "counted": layer.counted, "tried": tally.tried, "bad": bad, "notes": notes,
                "unsure": tally.unsure.iter().map(|f| f.unit).collect::<Vec<_>>(),
                "seconds": time.as_secs_f64(),
            })
        })
        .collect();
    json!({ "version": 1, "seed": seed, "layers": layers }).to_string()
}

/// A finding of a kind, such as `bad`, with what shows it again.
pub fn finding(layer: &Layer, kind: &str, finding: &Finding) -> String {
    let Finding { unit, what, story } = finding;
    format!("{kind}: {what}\n  again: cargo run -p torture --release -- {} --unit {unit}\n{story}\n", layer.name)
}

/// A number with its thousands apart.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
