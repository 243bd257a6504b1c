//! A plan as a person reads it: one line per change with its parts below, and at the right how it is done.

use anstyle::Style;
use unicode_width::UnicodeWidthStr;
use whimbrel::diff::{Change, Note, Part, TableChange};
use whimbrel::plan::{Hazard, Plan, Step, Strategy};
use whimbrel::schema::{KeyPart, KeyTerm, Origin, same_name};
use whimbrel::{Code, Error};

use super::{BOLD, DIM, GONE, NEW, OTHER, bytes, count, printable, styled};

/// What stands above a plan.
pub struct Heading<'a> {
    /// The database.
    pub database: &'a str,
    /// Its size; none where it is to be created.
    pub bytes: Option<u64>,
    /// The sources of the declared schema.
    pub schema: &'a str,
}

/// Text in the left column beyond this does not push the other columns further.
const WIDEST_TEXT: usize = 56;
/// The same of the middle column.
const WIDEST_REMARK: usize = 36;
/// Names listed of one object are cut here.
const WIDEST_LIST: usize = 64;
/// The text of a part is cut here.
pub(super) const WIDEST_PART: usize = 80;
/// The reason for a strategy is cut here.
const WIDEST_REASON: usize = 100;

/// One line: what, a remark, and how.
#[derive(Default)]
pub(super) struct Line {
    pub indent: usize,
    pub sign: Option<char>,
    pub text: String,
    pub remark: String,
    pub how: String,
    pub style: Style,
}

/// The heading, the changes, hazards, notes and warnings, and a summary. Obstacles and questions are told as errors.
pub fn plan(heading: &Heading<'_>, plan: &Plan, verbose: bool) -> String {
    let mut out = format!(
        "{} → {}    {}\n\n",
        styled(BOLD, &printable(heading.database)),
        styled(BOLD, &printable(heading.schema)),
        styled(DIM, &about(heading, plan))
    );
    let mut lines = Vec::new();
    for (at, change) in plan.changes.iter().enumerate() {
        let steps: Vec<&Step> = plan.steps.iter().filter(|step| step.change == at).collect();
        change_lines(change, &steps, verbose, &mut lines);
        // Where rows do not fit, the errors say so, with their number.
        if plan.obstacles.iter().all(|obstacle| obstacle.code() == Code::DataLoss) {
            lines.extend(steps.iter().flat_map(|step| &step.hazards).filter_map(fit_line));
        }
    }
    out.push_str(&layout(&lines));
    for note in &plan.notes {
        out.push_str(&format!("\n{}\n", styled(DIM, &note_text(note))));
    }
    if verbose && !plan.ignored.is_empty() {
        let names: Vec<_> = plan.ignored.iter().map(|name| printable(name)).collect();
        out.push_str(&format!("\n{}\n", styled(DIM, &format!("left out: {}", names.join(", ")))));
    }
    for (at, warning) in plan.warnings.iter().enumerate() {
        let gap = if at == 0 { "\n" } else { "" };
        out.push_str(&format!("{gap}{} {}\n", styled(OTHER, "warning:"), printable(warning)));
    }
    out.push_str(&format!("\n{}", summary(plan)));
    out
}

fn about(heading: &Heading<'_>, plan: &Plan) -> String {
    let version = plan.basis.version;
    let sqlite = format!("SQLite {}.{}", version / 1_000_000, version / 1000 % 1000);
    let Some(size) = heading.bytes else { return format!("{sqlite}, new database") };
    format!("{sqlite}, {}, {}", count(plan.tables as u64, "table"), bytes(size))
}

fn change_lines(change: &Change, steps: &[&Step], verbose: bool, lines: &mut Vec<Line>) {
    let sign = change.sign();
    let mut head =
        Line { indent: 2, sign: Some(sign), text: change_text(change), style: style_of(sign), ..Line::default() };
    let rebuild = steps.iter().find(|step| step.strategy == Strategy::Rebuild);
    let mut below = Vec::new();
    if let Change::AlterTable(table) = change {
        head.how = rebuild.map_or_else(String::new, |step| how(step));
        for (at, part) in table.parts.iter().enumerate() {
            // What a rebuild makes stands at the table; the renames before it are steps of their own.
            let own = steps.iter().find(|step| step.parts.contains(&at) && step.strategy != Strategy::Rebuild);
            let how = own.map_or_else(String::new, |step| how(step));
            if matches!(part, Part::Rename) {
                let hint = table.after.renamed_from.as_deref();
                head.remark = origin_of_rename(hint, &table.before.name, &table.after.origin);
                head.how = if head.how.is_empty() { how } else { head.how };
                continue;
            }
            let sign = part.sign();
            let text = shorten(&printable(&part.describe()), WIDEST_PART);
            let remark = remark(table, part);
            below.push(Line { indent: 6, sign: Some(sign), text, remark, how, style: style_of(sign) });
        }
    } else {
        head.how = steps.iter().map(|step| how(step)).find(|how| !how.is_empty()).unwrap_or_default();
    }
    lines.push(head);
    lines.extend(below);
    for step in steps {
        if let Some(reason) = &step.reason {
            let text = format!("{}: {}", step.strategy, shorten(&printable(reason), WIDEST_REASON));
            lines.push(Line { indent: 6, text, style: DIM, ..Line::default() });
        }
        lines.extend(step.hazards.iter().filter_map(hazard_line));
        if verbose && !same_name(&step.object, change.object()) {
            let text = format!("{} {}: {}", step.strategy, printable(&step.object), printable(&step.title));
            lines.push(Line { indent: 6, text, style: DIM, ..Line::default() });
        }
    }
}

pub(super) fn style_of(sign: char) -> Style {
    match sign {
        '+' => NEW,
        '-' => GONE,
        _ => OTHER,
    }
}

fn change_text(change: &Change) -> String {
    let name = printable(change.object());
    let text = match change {
        Change::AlterTable(table) if table.before.name != table.after.name => {
            format!("{} → {name}", printable(&table.before.name))
        }
        Change::AlterTable(_) => name,
        Change::CreateTable(table) => {
            let columns: Vec<_> = table.columns.iter().map(|column| printable(&column.name)).collect();
            format!("table {name} ({})", list(&columns))
        }
        Change::AlterVirtualTable { before, after } if before.name != after.name => {
            format!("virtual table {} → {name}", printable(&before.name))
        }
        Change::CreateVirtualTable(table) => format!("virtual table {name} using {}", printable(&table.module)),
        Change::CreateIndex(index) => {
            let unique = if index.unique { "unique " } else { "" };
            format!("{unique}index {name} ({})", key(&index.parts))
        }
        Change::AlterIndex { before, after } if key(&before.parts) != key(&after.parts) => {
            format!("index {name} ({}) → ({})", key(&before.parts), key(&after.parts))
        }
        Change::CreateTrigger(trigger) => format!("trigger {name} on {}", printable(&trigger.target)),
        Change::DropTable(_)
        | Change::DropVirtualTable(_)
        | Change::AlterVirtualTable { .. }
        | Change::DropIndex(_)
        | Change::AlterIndex { .. }
        | Change::CreateView(_)
        | Change::DropView(_)
        | Change::AlterView { .. }
        | Change::DropTrigger(_)
        | Change::AlterTrigger { .. } => format!("{} {name}", change.object_kind()),
    };
    shorten(&text, 2 * WIDEST_LIST)
}

fn key(parts: &[KeyPart]) -> String {
    let text = |part: &KeyPart| {
        let term = match &part.term {
            KeyTerm::Column(name) => printable(name),
            KeyTerm::Expression(expression) => printable(expression.text()),
        };
        if part.descending { format!("{term} DESC") } else { term }
    };
    list(&parts.iter().map(text).collect::<Vec<_>>())
}

/// Names with commas, cut where there are too many to read.
fn list(names: &[String]) -> String {
    let mut out = String::new();
    for (at, name) in names.iter().enumerate() {
        if at > 0 && out.width() + name.width() > WIDEST_LIST {
            return format!("{out}, … {} more", names.len() - at);
        }
        out.push_str(if at == 0 { "" } else { ", " });
        out.push_str(name);
    }
    out
}

/// What is worth saying of a part besides itself.
fn remark(table: &TableChange, part: &Part) -> String {
    match part {
        Part::RenameColumn { before, after } => {
            let column = table.after.column(after);
            let hint = column.and_then(|column| column.renamed_from.as_deref());
            column.map_or_else(String::new, |column| origin_of_rename(hint, before, &column.origin))
        }
        Part::AddColumn(column) | Part::AlterColumn { after: column, .. } => {
            column.backfill.as_ref().map_or_else(String::new, |e| format!("filled with {}", printable(e.text())))
        }
        _ => String::new(),
    }
}

fn origin_of_rename(hint: Option<&str>, before: &str, origin: &Origin) -> String {
    let hinted = hint.is_some_and(|hint| same_name(hint, before));
    match (&origin.source, origin.line_and_column()) {
        (Some(source), Some((line, _))) if hinted => format!("renamed (hint at {}:{line})", printable(&source.name)),
        _ => "renamed".to_owned(),
    }
}

/// How a step is done, where its sign does not say it already.
fn how(step: &Step) -> String {
    match step.strategy {
        Strategy::Create | Strategy::Drop => String::new(),
        Strategy::InPlace | Strategy::Recreate | Strategy::Catalogue => {
            let rewritten = step.hazards.iter().find_map(|hazard| match hazard {
                Hazard::Rewrite { rows } => Some(*rows),
                _ => None,
            });
            match rewritten {
                Some(rows) => format!("{}: {}", step.strategy, count(rows, "row")),
                None => step.strategy.to_string(),
            }
        }
        Strategy::Rebuild if step.bytes > 0 => {
            format!("{}: {}, {}", step.strategy, count(step.rows, "row"), bytes(step.bytes))
        }
        Strategy::Rebuild => format!("{}: {}", step.strategy, count(step.rows, "row")),
    }
}

pub(super) fn hazard_line(hazard: &Hazard) -> Option<Line> {
    let (text, style) = match hazard {
        Hazard::DataLoss { what, rows } => (format!("! data loss: {}, {}", printable(what), count(*rows, "row")), GONE),
        // How many rows are written again stands at the right; what cannot be undone is what is lost; and rows were
        // looked at already.
        Hazard::Rewrite { .. } | Hazard::Irreversible | Hazard::MayFail { .. } => return None,
    };
    Some(Line { indent: 6, text, style, ..Line::default() })
}

/// What the rows that are there were found to satisfy.
fn fit_line(hazard: &Hazard) -> Option<Line> {
    let Hazard::MayFail { constraint, rows } = hazard else { return None };
    let rows =
        if *rows == 1 { "the row that is there fits".to_owned() } else { format!("all {} fit", count(*rows, "row")) };
    Some(Line { indent: 6, text: format!("{}: {rows}", printable(constraint)), style: DIM, ..Line::default() })
}

pub(super) fn note_text(note: &Note) -> String {
    let list = |names: &[String]| list(&names.iter().map(|name| printable(name)).collect::<Vec<_>>());
    match note {
        Note::ColumnOrder { table, stored, declared } => format!(
            "note: the columns of {} stand in another order than declared; --strict-order rebuilds it\n  stored    {}\n  declared  {}",
            printable(table),
            list(stored),
            list(declared)
        ),
    }
}

fn summary(plan: &Plan) -> String {
    let mut out = format!("{}, one transaction.", count(plan.changes.len() as u64, "change"));
    if !plan.questions.is_empty() {
        return format!("{out} It depends on {}.", count(plan.questions.len() as u64, "answer"));
    }
    let losses: Vec<_> =
        plan.losses().map(|(_, what, rows)| format!("{} ({})", printable(what), count(rows, "row"))).collect();
    match losses.as_slice() {
        [] if plan.obstacles.iter().any(Error::is_loss) => {}
        [] => out.push_str(" Nothing is lost."),
        losses => out.push_str(&styled(GONE, &format!(" Lost: {}.", losses.join(", ")))),
    }
    if plan.disk_bytes > 0 {
        out.push_str(&format!(" {} of free disk needed.", bytes(plan.disk_bytes)));
    }
    if !plan.obstacles.is_empty() {
        out.push_str(" It cannot run as it stands.");
    }
    out
}

pub(super) fn shorten(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let kept: String = text.chars().take(width - 1).collect();
    format!("{}…", kept.trim_end())
}

/// Lines with their columns aligned.
pub(super) fn layout(lines: &[Line]) -> String {
    let text_width = |line: &Line| line.indent + 2 + line.text.width();
    let widest = |widths: &mut dyn Iterator<Item = usize>| widths.max().unwrap_or(0);
    let left = widest(
        &mut lines
            .iter()
            .filter(|l| !l.remark.is_empty() || !l.how.is_empty())
            .map(text_width)
            .filter(|w| *w <= WIDEST_TEXT),
    );
    let middle = widest(&mut lines.iter().map(|l| l.remark.width()).filter(|w| *w <= WIDEST_REMARK));
    let gap = |width: usize, column: usize| " ".repeat(column.saturating_sub(width) + 2);
    let mut out = String::new();
    for line in lines {
        out.push_str(&" ".repeat(line.indent));
        match line.sign {
            Some(sign) => {
                out.push_str(&styled(line.style, &sign.to_string()));
                out.push_str(&format!(" {}", line.text));
            }
            None => out.push_str(&styled(line.style, &line.text)),
        }
        if !line.remark.is_empty() || !line.how.is_empty() {
            out.push_str(&gap(text_width(line), left));
            out.push_str(&styled(DIM, &line.remark));
        }
        if !line.how.is_empty() {
            if middle > 0 {
                out.push_str(&gap(line.remark.width(), middle));
            }
            out.push_str(&styled(DIM, &line.how));
        }
        out.push('\n');
    }
    out
}
