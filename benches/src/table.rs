//! The figures as Markdown tables, which are read on a terminal just as well.

use comfy_table::{CellAlignment, Table, presets::ASCII_MARKDOWN};

use crate::cases::Role;
use crate::results::{CaseResult, Measured, median};

/// One line per case: Whimbrel, the limit, the best peer.
pub fn overview(results: &[CaseResult]) -> String {
    let mut table =
        new(&["case", "limit", "Whimbrel", "of the limit", "wanted", "best peer", "of the best peer", "wanted"]);
    for case in results {
        let limit = case.fastest(Role::Limit).map(|m| (m.label.as_str(), m));
        let peer = case.fastest(Role::Peer).map(|m| (m.label.as_str(), m));
        let named = |found: Option<(&str, &Measured)>| match found {
            Some((label, measured)) => format!("{} ({label})", time(measured.median())),
            None => String::new(),
        };
        table.add_row([
            case.title.clone(),
            named(limit),
            case.whimbrel().map(|m| time(m.median())).unwrap_or_default(),
            ratio(case.ratio(Role::Limit)),
            wanted(case.wanted_of_limit),
            named(peer),
            ratio(case.ratio(Role::Peer)),
            wanted(case.wanted_of_peers),
        ]);
    }
    finish(table, &[0, 1, 5])
}

/// One line per contestant of a case.
pub fn details(case: &CaseResult) -> String {
    let mut table = new(&["", "median", "least", "processor", "times", "of the limit", "memory", "disk", "announced"]);
    let limit = case.fastest(Role::Limit).and_then(Measured::median);
    for measured in &case.contestants {
        let median = measured.median();
        table.add_row([
            match (&measured.left_out, measured.role) {
                (Some(why), _) => format!("{}: left out, {why}", measured.label),
                (None, Role::Limit | Role::Beside) => format!("*{}*", measured.label),
                (None, _) => measured.label.clone(),
            },
            time(median),
            time(measured.least()),
            time(self::median(&measured.processor_nanoseconds)),
            measured.nanoseconds.len().to_string(),
            ratio(median.zip(limit).map(|(median, limit)| median / limit)),
            if measured.peak_kib > 0 { format!("{} MB", measured.peak_kib.div_ceil(1024)) } else { String::new() },
            megabytes(measured.disk_bytes),
            measured.announced_disk_bytes.map(megabytes).unwrap_or_default(),
        ]);
        for (name, part) in &measured.parts {
            let mut row = vec![String::new(); 9];
            row[0] = format!("  {name}");
            row[1] = time(self::median(&part.nanoseconds));
            row[3] = time(self::median(&part.processor_nanoseconds));
            table.add_row(row);
        }
    }
    format!("{}: {}\n\n{}", case.name, case.title, finish(table, &[0]))
}

fn new(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(ASCII_MARKDOWN).set_header(header);
    table
}

/// Numbers stand at the right.
fn finish(mut table: Table, texts: &[usize]) -> String {
    for (place, column) in table.column_iter_mut().enumerate() {
        if !texts.contains(&place) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

fn ratio(ratio: Option<f64>) -> String {
    ratio.map_or_else(String::new, |ratio| if ratio < 0.095 { format!("{ratio:.3}") } else { format!("{ratio:.2}") })
}

fn wanted(ratio: Option<f64>) -> String {
    ratio.map_or_else(String::new, |ratio| format!("≤ {ratio}"))
}

fn megabytes(bytes: u64) -> String {
    if bytes < 1_000_000 { String::new() } else { format!("{} MB", bytes / 1_000_000) }
}

/// Three digits and a unit.
pub fn time(nanoseconds: Option<f64>) -> String {
    let Some(ns) = nanoseconds else { return String::new() };
    let (value, unit) = match ns {
        ns if ns < 1e6 => (ns / 1e3, "µs"),
        ns if ns < 1e10 => (ns / 1e6, "ms"),
        ns => (ns / 1e9, "s"),
    };
    match value {
        value if value < 10.0 => format!("{value:.2} {unit}"),
        value if value < 100.0 => format!("{value:.1} {unit}"),
        value => format!("{value:.0} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times() {
        for (ns, text) in [(5_940.0, "5.94 µs"), (24_300_000.0, "24.3 ms"), (1_278e6, "1278 ms"), (15.2e9, "15.2 s")] {
            assert_eq!(time(Some(ns)), text);
        }
    }
}
