//! A plan for PostgreSQL as a person reads it: changes with their parts, and at the right how each is done and who waits.

use whimbrel::Error;
use whimbrel::plan::{Hazard, Strategy};
use whimbrel::postgres::diff::{Change, Part};
use whimbrel::postgres::steps::{Plan, Step};

use super::plan::{Heading, Line, WIDEST_PART, hazard_line, layout, note_text, shorten, style_of};
use super::{BOLD, DIM, GONE, OTHER, bytes, count, printable, styled};

/// The heading, the changes, hazards, notes and warnings, and a summary. Obstacles and questions are told as errors.
pub fn postgres_plan(heading: &Heading<'_>, plan: &Plan, verbose: bool) -> String {
    let tables = count(plan.before.tables().count() as u64, "table");
    let about = format!("PostgreSQL {}.{}, {tables}", plan.before.version / 10_000, plan.before.version % 10_000);
    let mut out = format!(
        "{} → {}    {}\n\n",
        styled(BOLD, &printable(heading.database)),
        styled(BOLD, &printable(heading.schema)),
        styled(DIM, &about)
    );
    let mut lines = Vec::new();
    for (at, change) in plan.changes.iter().enumerate() {
        let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.change == at).collect();
        change_lines(change, &steps, verbose, &mut lines);
    }
    out.push_str(&layout(&lines));
    for note in &plan.notes {
        // It can be made the same only by hand.
        let text = note_text(note).replace("; --strict-order rebuilds it", ", which PostgreSQL cannot change");
        out.push_str(&format!("\n{}\n", styled(DIM, &text)));
    }
    for (at, warning) in plan.warnings.iter().enumerate() {
        let gap = if at == 0 { "\n" } else { "" };
        out.push_str(&format!("{gap}{} {}\n", styled(OTHER, "warning:"), printable(warning)));
    }
    out.push_str(&format!("\n{}", summary(plan)));
    out
}

fn change_lines(change: &Change, steps: &[&Step], verbose: bool, lines: &mut Vec<Line>) {
    let sign = change.sign();
    let text = printable(&format!("{} {}", change.id().kind.as_str(), change.id().shown()));
    let mut head = Line { indent: 2, sign: Some(sign), text, style: style_of(sign), ..Line::default() };
    let whole: Vec<&&Step> = steps.iter().filter(|step| step.parts.is_empty()).collect();
    head.how = how(&whole);
    let parts = match change {
        Change::Alter(alteration) => alteration.parts.as_slice(),
        Change::Create(_) | Change::Drop(_) => &[],
    };
    lines.push(head);
    for (at, part) in parts.iter().enumerate() {
        if matches!(part, Part::Definition) {
            continue;
        }
        let own: Vec<&&Step> = steps.iter().filter(|step| step.parts.contains(&at)).collect();
        let text = shorten(&printable(&part.describe()), WIDEST_PART);
        let sign = part.sign();
        lines.push(Line {
            indent: 6,
            sign: Some(sign),
            text,
            how: how(&own),
            style: style_of(sign),
            ..Line::default()
        });
    }
    for step in steps {
        lines.extend(step.hazards.iter().filter_map(hazard_line));
        if let Some(Hazard::Rewrite { rows }) = step.hazards.iter().find(|h| matches!(h, Hazard::Rewrite { .. })) {
            let waits = step.lock.as_ref().map_or("", |(lock, _)| lock.blocks());
            let text = format!(
                "! {} writes about {} again ({}), and {waits} wait meanwhile",
                printable(&step.title),
                count(*rows, "row"),
                bytes(step.bytes)
            );
            lines.push(Line { indent: 6, text, style: OTHER, ..Line::default() });
        }
        let writes = step.hazards.iter().any(|hazard| matches!(hazard, Hazard::Rewrite { .. }));
        if let (true, false, Some((lock, _))) = (step.reads, writes, &step.lock) {
            let text = format!(
                "! {} reads about {} under {}, and {} wait meanwhile",
                printable(&step.title),
                count(step.rows, "row"),
                lock.as_str(),
                lock.blocks()
            );
            lines.push(Line { indent: 6, text, style: OTHER, ..Line::default() });
        }
        if let Some(reason) = &step.reason {
            lines.push(Line { indent: 6, text: printable(reason), style: DIM, ..Line::default() });
        }
        if verbose {
            let lock = step.lock.as_ref().map_or(String::new(), |(lock, table)| {
                format!(" ({} on {})", lock.as_str(), printable(&table.shown()))
            });
            let text = format!("{}: {}{lock}", printable(&step.object), printable(&step.title));
            lines.push(Line { indent: 6, text, style: DIM, ..Line::default() });
        }
    }
}

/// How steps are done, in a few words.
fn how(steps: &[&&Step]) -> String {
    let mut words: Vec<&str> = Vec::new();
    let mut say = |word: &'static str| {
        if !words.contains(&word) {
            words.push(word);
        }
    };
    for step in steps {
        if step.alone {
            say("beside other work");
        } else if step.strategy == Strategy::Rebuild {
            say("rebuild");
        } else if step.strategy == Strategy::Recreate {
            say("recreate");
        } else if step.lock.is_some() {
            say("in place");
        }
    }
    words.join(", ")
}

fn summary(plan: &Plan) -> String {
    let changes = count(plan.changes.len() as u64, "change");
    if !plan.questions.is_empty() {
        return format!("{changes}. It depends on {}.", count(plan.questions.len() as u64, "answer"));
    }
    let groups = plan.groups();
    let alone = groups.iter().filter(|group| group.iter().any(|step| step.alone)).count();
    let mut out = match (groups.len() - alone, alone) {
        (0 | 1, 0) => format!("{changes}, one transaction."),
        (together, alone) => format!(
            "{changes}: {}, and {} beside other work. A run that stops is gone on with by the next.",
            count(together as u64, "transaction"),
            count(alone as u64, "step")
        ),
    };
    let losses: Vec<_> =
        plan.losses().map(|(_, what, rows)| format!("{} ({})", printable(what), count(rows, "row"))).collect();
    match losses.as_slice() {
        [] if plan.obstacles.iter().any(Error::is_loss) => {}
        [] => out.push_str(" Nothing is lost."),
        losses => out.push_str(&styled(GONE, &format!(" Lost: {}.", losses.join(", ")))),
    }
    if !plan.obstacles.is_empty() {
        out.push_str(" It cannot run as it stands.");
    }
    out
}
