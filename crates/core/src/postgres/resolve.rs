//! Which object, column, attribute and label is which: by answers, hints and names; and what is left to ask.
//!
//! [`resolve`] is a pure function of two schemas and what was said. Schemas come first, then what stands in them, then
//! what tables and types are made of, each under the names that the level above has given. [`statements`] writes the
//! renames so that no name is taken when it is given.
//!
//! **Invariant:** a rename that could lose something is never assumed, and one that was said is never passed over: it
//! is in the result, or it was done before, or it is refused by name.
//! **Invariant:** saying the same once more when all is done changes nothing, but for names that were swapped: what is
//! swapped twice is as before.

use std::collections::{BTreeMap, BTreeSet};

use super::diff::Hints;
use super::print;
use super::schema::{Body, Demands, Index, Kind, Object, ObjectId, Rights, Schema};
use super::token::{quote_literal, quote_name};
use crate::diff::{Answer, Answers, Question, QuestionKind};
use crate::error::{Code, Error, Result};

/// A rename that is certain, or was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rename {
    /// An object has another name, or stands in another schema.
    Object {
        /// As it is, where its schema has its new name.
        before: ObjectId,
        /// As it is to be.
        after: ObjectId,
    },
    /// What an object is made of has another name: a column of a table, an attribute of a composite type, a label of an
    /// enum.
    Member {
        /// The object, under its new name.
        of: ObjectId,
        /// The old name.
        before: String,
        /// The new name.
        after: String,
    },
}

/// A label of an enum that becomes another one, which is there already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merge {
    /// The enum, under its new name.
    pub of: ObjectId,
    /// The label that goes.
    pub before: String,
    /// The label that its values become.
    pub after: String,
}

/// What was found out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resolved {
    /// The renames; none is done before those that it rests on.
    pub renames: Vec<Rename>,
    /// Labels that become others.
    pub merges: Vec<Merge>,
    /// What has to be asked.
    pub questions: Vec<Question>,
    /// Whether names are exchanged, so that the same answers would exchange them back.
    pub swaps: bool,
}

/// The start of the name that something gets which goes while another takes its name.
pub const ASIDE: &str = "_whimbrel_gone_";

fn of_objects(renames: &[Rename]) -> impl Iterator<Item = (&ObjectId, &ObjectId)> {
    renames.iter().filter_map(|rename| match rename {
        Rename::Object { before, after } => Some((before, after)),
        Rename::Member { .. } => None,
    })
}

/// The id that an object of the live schema has when the renames are done.
pub fn new_id(renames: &[Rename], live: &ObjectId) -> ObjectId {
    let mut id = live.clone();
    let space = ObjectId::new(Kind::Namespace, "", id.schema.clone());
    if let Some((_, after)) = of_objects(renames).find(|(before, _)| **before == space) {
        id.schema.clone_from(&after.name);
    }
    of_objects(renames).find(|(before, _)| **before == id).map_or(id, |(_, after)| after.clone())
}

/// The id in the live schema of what has `id` when the renames are done.
pub fn old_id(renames: &[Rename], id: &ObjectId) -> ObjectId {
    let mut old = of_objects(renames).find(|(_, after)| *after == id).map_or(id, |(before, _)| before).clone();
    let space = ObjectId::new(Kind::Namespace, "", old.schema.clone());
    if let Some((before, _)) = of_objects(renames).find(|(_, after)| **after == space) {
        old.schema.clone_from(&before.name);
    }
    old
}

/// The name that a column, attribute or label of `of`, which is the object's new id, has when the renames are done.
pub fn new_member<'n>(renames: &'n [Rename], of: &ObjectId, name: &'n str) -> &'n str {
    let found = renames.iter().find_map(|rename| match rename {
        Rename::Member { of: id, before, after } if id == of && before == name => Some(after.as_str()),
        _ => None,
    });
    found.unwrap_or(name)
}

/// An answer that says how something is called now.
struct Said {
    path: String,
    to: String,
    /// The last part of that.
    name: String,
    is_used: bool,
}

/// Renames of one kind that were said, and new names of those that are done.
type Sites = (Vec<(ObjectId, ObjectId)>, BTreeSet<ObjectId>);

/// The places of a list whose names are a path: as they are written, and only then without regard to case.
fn find<'i, T>(items: &'i [T], path: &str, names: impl Fn(&T) -> Vec<String>) -> Option<&'i T> {
    let tests: [fn(&str, &str) -> bool; 2] = [|a, b| a == b, |a, b| a.eq_ignore_ascii_case(b)];
    tests.iter().find_map(|test| {
        let mut found = items.iter().filter(|item| names(item).iter().any(|name| test(name, path)));
        match (found.next(), found.next()) {
            (Some(item), None) => Some(item),
            _ => None,
        }
    })
}

/// The names by which an object is called: with its schema, without it where that is `near`, and as it is shown.
fn names_of(id: &ObjectId, near: &str) -> Vec<String> {
    let mut names = vec![id.shown(), format!("{}.{}", id.schema, id.name)];
    if id.schema == near {
        names.push(id.name.clone());
    }
    names
}

fn find_object<'i>(ids: &'i [ObjectId], path: &str, near: &str) -> Option<&'i ObjectId> {
    find(ids, path, |id| if id.schema == near { names_of(id, near) } else { Vec::new() })
        .or_else(|| find(ids, path, |id| names_of(id, near)))
        .or_else(|| find(ids, path, |id| vec![id.name.clone()]))
}

/// What two lists of names have in common.
struct Matching<K> {
    /// Names before and after of what is the same under another name.
    renames: Vec<(K, K)>,
    /// What is gone.
    gone: Vec<K>,
    /// What is new.
    new: Vec<K>,
    /// What is gone and whose name another one takes.
    displaced: Vec<K>,
    is_cycle: bool,
}

/// Matches two lists of names. `arrived` are names of which it was said that another one became them, and that is done.
fn match_up<K: Ord + Clone>(
    before: &[K],
    after: &[K],
    said: &[(K, K)],
    arrived: &BTreeSet<K>,
    hints: &[(K, K)],
    shown: impl Fn(&K) -> String,
) -> Result<Matching<K>> {
    if before == after && said.is_empty() && hints.is_empty() {
        return Ok(Matching {
            renames: Vec::new(),
            gone: Vec::new(),
            new: Vec::new(),
            displaced: Vec::new(),
            is_cycle: false,
        });
    }
    let mut map: BTreeMap<K, K> = BTreeMap::new();
    let mut back: BTreeMap<K, K> = BTreeMap::new();
    for (from, to) in said {
        let other_name = map.insert(from.clone(), to.clone()).filter(|other| other != to);
        let other_path = back.insert(to.clone(), from.clone()).filter(|other| other != from);
        let message = match (other_name, other_path) {
            (Some(other), _) => format!("{} cannot become both {} and {}", shown(from), shown(&other), shown(to)),
            (None, Some(other)) => format!("{} and {} cannot both become {}", shown(&other), shown(from), shown(to)),
            (None, None) => continue,
        };
        return Err(Error::new(Code::UnknownName, message).help("say each rename once"));
    }
    map.retain(|from, to| from != to);
    back.retain(|to, from| from != to);
    let (all_before, all_after): (BTreeSet<&K>, BTreeSet<&K>) = (before.iter().collect(), after.iter().collect());
    let (is_before, is_after) = (|name: &K| all_before.contains(name), |name: &K| all_after.contains(name));
    let mut is_cycle = false;
    let mut done: BTreeSet<K> = BTreeSet::new();
    for from in map.keys() {
        // Whether it goes round, or else both ends of the chain.
        let (mut first, mut last) = (from.clone(), from.clone());
        let mut round = false;
        while let Some(next) = map.get(&last) {
            last = next.clone();
            if last == *from {
                round = true;
                break;
            }
        }
        if round {
            is_cycle = true;
            continue;
        }
        while let Some(earlier) = back.get(&first) {
            first = earlier.clone();
        }
        if !is_before(&last) || !is_after(&first) {
            continue;
        }
        if arrived.contains(&first) {
            done.insert(from.clone());
            continue;
        }
        let (from, to) = (shown(&first), shown(&last));
        let message = format!("{from} cannot be renamed to {to}: both are there, and both are declared");
        return Err(Error::new(Code::UnknownName, message).help(format!(
            "leave the rename out where it is done; two that swap names: say also --rename {to}={from}"
        )));
    }
    map.retain(|from, _| !done.contains(from));
    let mut taken: BTreeSet<K> = map.keys().cloned().collect();
    let mut matched: BTreeSet<K> = map.values().cloned().collect();
    // A hint stays in the schema when the rename is done, and must do nothing then. In a chain one makes place for the
    // next.
    loop {
        let round = map.len();
        for (old, new) in hints {
            let is_free = |name: &K| is_before(name) && !taken.contains(name);
            if old != new && is_free(old) && !is_free(new) && is_after(new) && !matched.contains(new) {
                map.insert(old.clone(), new.clone());
                taken.insert(old.clone());
                matched.insert(new.clone());
            }
        }
        if map.len() == round {
            break;
        }
    }
    for name in before {
        if is_after(name) && !matched.contains(name) && !taken.contains(name) {
            taken.insert(name.clone());
            matched.insert(name.clone());
        }
    }
    let gone: Vec<K> = before.iter().filter(|name| !taken.contains(name)).cloned().collect();
    let taking: BTreeSet<&K> = map.values().collect();
    let displaced = gone.iter().filter(|name| taking.contains(name)).cloned().collect();
    let new = after.iter().filter(|name| !matched.contains(name)).cloned().collect();
    let renames = before.iter().filter_map(|from| Some((from.clone(), map.get(from)?.clone()))).collect();
    Ok(Matching { renames, gone, new, displaced, is_cycle })
}

/// What can be renamed by an answer, in the order in which a name is looked for.
pub(super) const KINDS: [Kind; 9] = [
    Kind::Table,
    Kind::Enum,
    Kind::Composite,
    Kind::Domain,
    Kind::Range,
    Kind::View,
    Kind::MaterializedView,
    Kind::Sequence,
    Kind::Index,
];

/// Which object, column, attribute and label is which.
///
/// # Errors
/// [`Code::UnknownName`] where an answer names what is not there, or answers contradict each other.
pub fn resolve(before: &Schema, after: &Schema, answers: &Answers, hints: &Hints) -> Result<Resolved> {
    let said = answers.spelled().map(|(path, to, name)| Said { path, to, name, is_used: false }).collect();
    let mut resolving = Resolving { before, after, answers, said, done: Vec::new(), out: Resolved::default() };
    let live = resolving.namespaces()?;
    let pairs = resolving.objects(&live, hints)?;
    resolving.members(&pairs, hints)?;
    resolving.refuse_unused()?;
    Ok(resolving.out)
}

struct Resolving<'a> {
    before: &'a Schema,
    after: &'a Schema,
    answers: &'a Answers,
    said: Vec<Said>,
    /// Paths of objects that were renamed before, with the names that they have.
    done: Vec<(String, ObjectId)>,
    out: Resolved,
}

fn of_kind(schema: &Schema, kind: Kind) -> Vec<ObjectId> {
    schema.objects.keys().filter(|id| id.kind == kind).cloned().collect()
}

impl Resolving<'_> {
    fn is_dropped(&self, question: &Question) -> bool {
        let qualified = question.key().replacen("table:", "column:", 1);
        let is_said = |key: &str| matches!(self.answers.get(key), Some(Answer::DropAndAdd));
        self.answers.drop_the_rest || is_said(&question.key()) || is_said(&qualified)
    }

    /// Schemas that have another name. Returns each live id with the one that it has then.
    fn namespaces(&mut self) -> Result<Vec<(ObjectId, ObjectId)>> {
        let (before, after) = (of_kind(self.before, Kind::Namespace), of_kind(self.after, Kind::Namespace));
        let kinds = |path: &str, to: &str| {
            KINDS.iter().any(|kind| {
                let old = find_object(&of_kind(self.before, *kind), path, "public").cloned();
                old.is_some_and(|old| find_object(&of_kind(self.after, *kind), to, &old.schema).is_some())
            })
        };
        let mut pairs = Vec::new();
        let mut arrived = BTreeSet::new();
        let mut used = Vec::new();
        for (at, said) in self.said.iter().enumerate() {
            let (old, new) = (find_object(&before, &said.path, ""), find_object(&after, &said.to, ""));
            let Some(new) = new.filter(|_| !kinds(&said.path, &said.to)) else { continue };
            match old {
                Some(old) => pairs.push((old.clone(), new.clone())),
                None if before.contains(new) && !said.path.contains('.') => {
                    // It may as well be a table that was renamed: that is looked for later.
                    let mut tables = KINDS.iter().flat_map(|kind| of_kind(self.after, *kind));
                    if tables.any(|id| id.name == said.to) {
                        continue;
                    }
                    arrived.insert(new.clone());
                }
                None => continue,
            }
            used.push(at);
        }
        for at in used {
            self.said[at].is_used = true;
        }
        let found = match_up(&before, &after, &pairs, &arrived, &[], ObjectId::shown)?;
        self.out.swaps |= found.is_cycle;
        let mut all = found.renames.clone();
        all.extend(found.displaced.iter().map(|id| (id.clone(), self.aside(id))));
        let map: BTreeMap<String, String> = all.iter().map(|(b, a)| (b.name.clone(), a.name.clone())).collect();
        self.out.renames.extend(all.into_iter().map(|(before, after)| Rename::Object { before, after }));
        let moved = |id: &ObjectId| ObjectId {
            schema: map.get(&id.schema).cloned().unwrap_or_else(|| id.schema.clone()),
            ..id.clone()
        };
        Ok(self.before.objects.keys().map(|id| (id.clone(), moved(id))).collect())
    }

    /// The name of something that goes while another takes its name.
    fn aside(&self, id: &ObjectId) -> ObjectId {
        let mut aside = ObjectId { name: shortened(ASIDE, &id.name), ..id.clone() };
        let mut n = 1;
        while self.before.get(&aside).is_some() || self.after.get(&aside).is_some() {
            n += 1;
            aside.name = shortened(&format!("{ASIDE}{n}_"), &id.name);
        }
        aside
    }

    /// Objects that have another name or stand in another schema. Returns which is which: the live id, the one that it
    /// has in a schema with its new name, and the new one.
    fn objects(&mut self, live: &[(ObjectId, ObjectId)], hints: &Hints) -> Result<Vec<(ObjectId, ObjectId, ObjectId)>> {
        let mut out = Vec::new();
        let mut sites: BTreeMap<Kind, Sites> = BTreeMap::new();
        for said in &mut self.said {
            if said.is_used {
                continue;
            }
            let lists = KINDS.iter().map(|kind| {
                let now: Vec<ObjectId> =
                    live.iter().map(|(_, now)| now).filter(|id| id.kind == *kind).cloned().collect();
                (*kind, now, of_kind(self.after, *kind))
            });
            let lists: Vec<(Kind, Vec<ObjectId>, Vec<ObjectId>)> = lists.collect();
            let renamed = lists.iter().find_map(|(kind, now, after)| {
                // As it was called before its schema had another name, too.
                let was: Vec<ObjectId> =
                    live.iter().map(|(was, _)| was).filter(|id| id.kind == *kind).cloned().collect();
                let old = find_object(now, &said.path, "public").cloned().or_else(|| {
                    let found = find_object(&was, &said.path, "public")?;
                    live.iter().find(|(was, _)| was == found).map(|(_, now)| now.clone())
                })?;
                let new = find_object(after, &said.to, &old.schema)?;
                Some((*kind, old, new.clone()))
            });
            if let Some((kind, old, new)) = renamed.filter(|(_, old, new)| old != new) {
                sites.entry(kind).or_default().0.push((old, new));
                said.is_used = true;
                continue;
            }
            let done = lists.iter().find_map(|(kind, now, after)| {
                let new = find_object(after, &said.to, "public").filter(|new| now.contains(new))?;
                Some((*kind, new.clone()))
            });
            // `a.b` may be a table of a schema as well as a column of a table, which is looked at later.
            if let Some((kind, new)) = done {
                self.done.push((said.path.clone(), new.clone()));
                if !said.path.contains('.') {
                    sites.entry(kind).or_default().1.insert(new);
                    said.is_used = true;
                }
            }
        }
        let former: BTreeMap<&ObjectId, &ObjectId> = live.iter().map(|(was, now)| (now, was)).collect();
        let was = |id: &ObjectId| former.get(id).map_or_else(|| id.clone(), |was| (*was).clone());
        for kind in KINDS {
            let now: Vec<ObjectId> = live.iter().map(|(_, now)| now).filter(|id| id.kind == kind).cloned().collect();
            let wanted = of_kind(self.after, kind);
            let (said, arrived) = sites.remove(&kind).unwrap_or_default();
            let hinted = hints.tables.iter().filter(|_| kind == Kind::Table).filter_map(|(new, old)| {
                let same_schema = ObjectId::new(Kind::Table, &new.schema, old);
                let old = now.iter().find(|id| **id == same_schema).or_else(|| find_object(&now, old, &new.schema))?;
                Some((old.clone(), new.clone()))
            });
            let hinted: Vec<(ObjectId, ObjectId)> = hinted.collect();
            let found = match_up(&now, &wanted, &said, &arrived, &hinted, ObjectId::shown)?;
            self.out.swaps |= found.is_cycle;
            let map: BTreeMap<&ObjectId, &ObjectId> = found.renames.iter().map(|(b, a)| (b, a)).collect();
            let gone: BTreeSet<&ObjectId> = found.gone.iter().collect();
            for id in now.iter().filter(|id| !gone.contains(id)) {
                let new = map.get(id).map_or_else(|| id.clone(), |new| (*new).clone());
                out.push((was(id), id.clone(), new));
            }
            if kind == Kind::Table {
                self.ask_for_tables(&found, &was);
            }
            let aside = found.displaced.iter().map(|id| (id.clone(), self.aside(id))).collect::<Vec<_>>();
            for (before, after) in aside.into_iter().chain(found.renames) {
                self.out.renames.push(Rename::Object { before, after });
            }
        }
        Ok(out)
    }

    fn ask_for_tables(&mut self, found: &Matching<ObjectId>, was: &impl Fn(&ObjectId) -> ObjectId) {
        let columns = |schema: &Schema, id: &ObjectId| -> BTreeSet<String> {
            schema.table(id).into_iter().flat_map(|t| &t.columns).map(|c| c.name.clone()).collect()
        };
        for id in &found.gone {
            let old = was(id);
            let have = columns(self.before, &old);
            let shared = |id: &ObjectId| columns(self.after, id).intersection(&have).count();
            let is_alike =
                |id: &&ObjectId| shared(id) * 2 >= have.len().max(columns(self.after, id).len()) && shared(id) > 0;
            let mut candidates: Vec<&ObjectId> = found.new.iter().filter(is_alike).collect();
            candidates.sort_by_key(|id| std::cmp::Reverse(shared(id)));
            let candidates: Vec<String> = candidates.iter().map(|id| id.shown()).collect();
            let question = Question { kind: QuestionKind::Table, before: old.shown(), candidates };
            if !question.candidates.is_empty() && !self.is_dropped(&question) {
                self.out.questions.push(question);
            }
        }
    }

    /// Columns, attributes and labels that have another name.
    fn members(&mut self, pairs: &[(ObjectId, ObjectId, ObjectId)], hints: &Hints) -> Result<()> {
        let owned = |names: Vec<&str>| -> Vec<String> { names.into_iter().map(str::to_owned).collect() };
        for (was, now, new) in pairs {
            let old_names = self.before.get(was).map(Object::members).unwrap_or_default();
            let new_names = self.after.get(new).map(Object::members).unwrap_or_default();
            if old_names == new_names && self.said.iter().all(|said| said.is_used) {
                continue;
            }
            let (old_names, new_names) = (owned(old_names), owned(new_names));
            // Its new name counts where that is nobody else's old one.
            let is_free = |id: &ObjectId| id == was || self.before.get(id).is_none();
            let mut objects = names_of(was, "public");
            for other in [now, new] {
                objects.extend(is_free(other).then(|| names_of(other, "public")).into_iter().flatten());
            }
            objects.extend(self.done.iter().filter(|(_, id)| id == new).map(|(path, _)| path.clone()));
            let (mut said, mut arrived) = (Vec::new(), BTreeSet::new());
            let mut wrong = None;
            for answer in self.said.iter_mut().filter(|answer| !answer.is_used) {
                let is_of = |object: &String| {
                    let start = answer.path.get(..object.len())?;
                    let rest = answer.path.get(object.len()..)?.strip_prefix('.')?;
                    start.eq_ignore_ascii_case(object).then(|| rest.to_owned())
                };
                let Some(path) = objects.iter().find_map(is_of) else { continue };
                let of = |list: &[String], name: &str| find(list, name, |n| vec![n.clone()]).cloned();
                match (of(&old_names, &path), of(&new_names, &answer.name)) {
                    (Some(old), Some(new)) => said.push((old, new)),
                    (None, Some(new)) if old_names.contains(&new) => {
                        arrived.insert(new);
                    }
                    (_, None) => wrong = Some((format!("{}.{}", new.shown(), answer.name), "the declared schema")),
                    (None, _) => wrong = Some((answer.path.clone(), "the database")),
                }
                answer.is_used = true;
            }
            if let Some((what, whose)) = wrong {
                return Err(unknown(&what, whose));
            }
            // A partition's columns are those of its parent.
            let is_partition = self.after.table(new).is_some_and(|table| table.partition_of.is_some());
            if is_partition && said.is_empty() {
                continue;
            }
            let hinted = hints.columns.iter().filter(|(table, ..)| table == new);
            let hinted: Vec<(String, String)> = hinted.map(|(_, name, old)| (old.clone(), name.clone())).collect();
            let shown = |name: &String| format!("{}.{name}", new.shown());
            let found = match_up(&old_names, &new_names, &said, &arrived, &hinted, shown)?;
            self.out.swaps |= found.is_cycle;
            if !matches!(new.kind, Kind::Enum) {
                self.ask_for_members(was, new, &found);
            }
            for name in found.displaced.iter().filter(|_| new.kind != Kind::Enum) {
                let (of, before) = (new.clone(), name.clone());
                self.out.renames.push(Rename::Member { of, before, after: shortened(ASIDE, name) });
            }
            for (before, after) in found.renames {
                let of = new.clone();
                // A label that is there takes the rows of the other.
                if new.kind == Kind::Enum && found.displaced.contains(&after) {
                    self.out.merges.push(Merge { of, before, after });
                } else {
                    self.out.renames.push(Rename::Member { of, before, after });
                }
            }
        }
        Ok(())
    }

    fn ask_for_members(&mut self, was: &ObjectId, new: &ObjectId, found: &Matching<String>) {
        // What is computed holds nothing that could be lost, and what is inherited is its parent's.
        let part = |schema: &Schema, id: &ObjectId, name: &str| -> Option<String> {
            match &schema.get(id)?.body {
                Body::Table(table) => {
                    let column = table.column(name)?;
                    (column.generated.is_none() && column.local).then(|| column.data_type.clone())
                }
                Body::Composite(attributes) => {
                    attributes.iter().find(|a| a.name == name).map(|attribute| attribute.data_type.clone())
                }
                _ => None,
            }
        };
        for name in &found.gone {
            let Some(data_type) = part(self.before, was, name) else { continue };
            let mut candidates: Vec<(&String, String)> =
                found.new.iter().filter_map(|name| Some((name, part(self.after, new, name)?))).collect();
            candidates.sort_by_key(|(_, other)| *other != data_type);
            let candidates: Vec<String> = candidates.into_iter().map(|(name, _)| name.clone()).collect();
            let kind = QuestionKind::Column { table: was.shown() };
            let question = Question { kind, before: name.clone(), candidates };
            let by_new_name = Question {
                kind: QuestionKind::Column { table: new.shown() },
                before: name.clone(),
                candidates: Vec::new(),
            };
            if !question.candidates.is_empty() && !self.is_dropped(&question) && !self.is_dropped(&by_new_name) {
                self.out.questions.push(question);
            }
        }
    }

    /// What names nothing is refused; what is done may be said again.
    fn refuse_unused(&self) -> Result<()> {
        for said in self.said.iter().filter(|said| !said.is_used) {
            if self.done.iter().any(|(path, _)| *path == said.path) {
                continue;
            }
            let mut ids = self.after.objects.keys();
            let is_declared = ids.any(|id| names_of(id, "public").contains(&said.to) || id.name == said.to)
                || self.after.tables().any(|(_, table)| table.column(&said.name).is_some());
            return Err(match is_declared {
                true => unknown(&said.path, "the database"),
                false => unknown(&said.to, "the declared schema"),
            });
        }
        Ok(())
    }
}

fn unknown(what: &str, whose: &str) -> Error {
    Error::new(Code::UnknownName, format!("{what} is not in {whose}"))
        .help("names of a rename are those of the database on the left and of the schema on the right")
}

/// Renames that lose nothing whatever they were meant to be: the same thing under another name.
pub fn certain_renames(before: &Schema, after: &Schema) -> Vec<Rename> {
    let same = |object: &Object, other: &Object| {
        other.id.kind == object.id.kind
            && match (&object.body, &other.body) {
                (Body::Constraint(a), Body::Constraint(b)) => object.id.table_id() == other.id.table_id() && a == b,
                (Body::Index(a), Body::Index(b)) => a.valid && a.table == b.table && index_tail(a) == index_tail(b),
                (Body::Sequence(a), Body::Sequence(b)) => a.owned_by.is_some() && a.owned_by == b.owned_by,
                (Body::Enum(a), Body::Enum(b)) => a == b,
                (Body::Composite(a), Body::Composite(b)) => a == b,
                (Body::Domain(a), Body::Domain(b)) => {
                    a.data_type == b.data_type && a.default == b.default && a.checks.is_empty() && b.checks.is_empty()
                }
                _ => false,
            }
    };
    // What has its place under its own name stays there; when tables swap names, what belongs to them does too.
    let stays = |object: &Object| after.get(&object.id).is_some_and(|other| same(object, other));
    let may_swap = |kind: Kind| matches!(kind, Kind::Index | Kind::Sequence);
    let is_open = |id: &ObjectId| match before.get(id) {
        Some(object) => may_swap(id.kind) && !stays(object),
        None => true,
    };
    let mut taken = BTreeSet::new();
    let mut pairs: Vec<(ObjectId, ObjectId)> = Vec::new();
    let leaves = |object: &&Object| after.get(&object.id).is_none() || (may_swap(object.id.kind) && !stays(object));
    for object in before.objects.values().filter(leaves) {
        let mut found = after.objects.values().filter(|other| {
            other.id != object.id && is_open(&other.id) && !taken.contains(&other.id) && same(object, other)
        });
        let (Some(other), more) = (found.next(), found.next()) else { continue };
        if more.is_some() && !matches!(object.id.kind, Kind::Constraint | Kind::Index) {
            continue;
        }
        taken.insert(other.id.clone());
        pairs.push((object.id.clone(), other.id.clone()));
    }
    for (id, table) in before.tables() {
        let Some(wanted) = after.table(id) else { continue };
        for column in &table.columns {
            let of = |column: &super::schema::Column| column.identity.as_ref().map(|i| i.sequence.clone());
            if let (Some(old), Some(new)) = (of(column), wanted.column(&column.name).and_then(of))
                && old != new
            {
                let sequence = |name| ObjectId::new(Kind::Sequence, &id.schema, name);
                pairs.push((sequence(old), sequence(new)));
            }
        }
    }
    // A name that another one keeps cannot be had.
    loop {
        let sources: BTreeSet<ObjectId> = pairs.iter().map(|(from, _)| from.clone()).collect();
        let count = pairs.len();
        pairs.retain(|(_, to)| before.get(to).is_none() || sources.contains(to) || after.get(to).is_none());
        if pairs.len() == count {
            break;
        }
    }
    pairs.into_iter().map(|(before, after)| Rename::Object { before, after }).collect()
}

/// An index's definition without its name.
fn index_tail(index: &Index) -> (bool, &str) {
    (index.unique, index.definition.split_once(" ON ").map_or("", |(_, tail)| tail))
}

/// Where a name must not be twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Slot {
    class: u8,
    /// The schema, or the object that has it.
    of: String,
    name: String,
}

/// The slots of a rename, before and after; `original` names the object as the schema knows it.
fn slots(schema: &Schema, original: &Rename, rename: &Rename) -> (Slot, Slot) {
    match (original, rename) {
        (Rename::Object { before: known, .. }, Rename::Object { before, after }) => {
            let is_key = |object: &Object| matches!(&object.body, Body::Constraint(c) if !matches!(c.demands, Demands::Check | Demands::ForeignKey));
            let slot = |id: &ObjectId| {
                let (class, of) = match known.kind {
                    Kind::Namespace => (0, String::new()),
                    // The key's index has the name, among all relations.
                    Kind::Constraint if schema.get(known).is_some_and(is_key) => (1, id.schema.clone()),
                    Kind::Constraint => (3, id.table_sql()),
                    Kind::Enum | Kind::Composite | Kind::Domain | Kind::Range => (2, id.schema.clone()),
                    _ => (1, id.schema.clone()),
                };
                Slot { class, of, name: id.name.clone() }
            };
            (slot(before), slot(after))
        }
        (_, Rename::Member { of, before, after }) => {
            let slot = |name: &String| Slot { class: 4, of: format!("{:?} {}", of.kind, of.sql()), name: name.clone() };
            (slot(before), slot(after))
        }
        (_, Rename::Object { before, after }) => {
            let slot = |id: &ObjectId| Slot { class: 5, of: id.schema.clone(), name: id.name.clone() };
            (slot(before), slot(after))
        }
    }
}

/// The statements of renames, in an order in which no name is taken when it is given. Where names go round, one waits
/// under a name of its own. `schema` is the schema that they are done to; what has to be there for them is made first.
pub fn statements(schema: &Schema, target: &Schema, renames: &[Rename]) -> Vec<(Rename, Vec<String>)> {
    let mut out: Vec<(Rename, Vec<String>)> = Vec::new();
    let mut made = BTreeSet::new();
    let mut aside = 0;
    let is_space = |rename: &Rename| matches!(rename, Rename::Object { before, .. } if before.kind == Kind::Namespace);
    let is_object = |rename: &Rename| matches!(rename, Rename::Object { .. }) && !is_space(rename);
    // Schemas come first, then what stands in them, so that all is found under its new name.
    let levels: [Vec<&Rename>; 3] = [
        renames.iter().filter(|r| is_space(r)).collect(),
        renames.iter().filter(|r| is_object(r)).collect(),
        renames.iter().filter(|r| !is_space(r) && !is_object(r)).collect(),
    ];
    for level in levels {
        // What is to be done, where it is by now, and where it goes.
        let mut open: Vec<(&Rename, Rename)> = level.into_iter().map(|rename| (rename, rename.clone())).collect();
        while !open.is_empty() {
            let held: BTreeSet<Slot> = open.iter().map(|(rename, now)| slots(schema, rename, now).0).collect();
            let is_possible = |rename: &Rename, now: &Rename| {
                let (from, to) = slots(schema, rename, now);
                from == to || !held.contains(&to)
            };
            match open.iter().position(|(rename, now)| is_possible(rename, now)) {
                Some(at) => {
                    let (rename, now) = open.remove(at);
                    let mut sql = Vec::new();
                    if let Some(space) = missing_space(schema, target, renames, &now)
                        && made.insert(space.clone())
                    {
                        sql.push(format!("CREATE SCHEMA {}", space.sql()));
                    }
                    sql.extend(sql_of(schema, rename, &now));
                    out.push((rename.clone(), sql));
                }
                None => {
                    aside += 1;
                    let (rename, now) = &mut open[0];
                    let name = format!("_whimbrel_aside_{aside}");
                    let (there, rest) = by_way_of(now, name);
                    out.push(((*rename).clone(), sql_of(schema, rename, &there)));
                    *now = rest;
                }
            }
        }
    }
    out
}

/// The schema that something goes to, where it is not there yet.
fn missing_space(schema: &Schema, target: &Schema, renames: &[Rename], rename: &Rename) -> Option<ObjectId> {
    let Rename::Object { before, after } = rename else { return None };
    let space = ObjectId::new(Kind::Namespace, "", &after.schema);
    let is_there = schema.objects.keys().any(|id| id.kind == Kind::Namespace && new_id(renames, id) == space);
    (before.schema != after.schema && !is_there && target.get(&space).is_some()).then_some(space)
}

/// A rename in two: to a name of its own, and from there.
fn by_way_of(rename: &Rename, name: String) -> (Rename, Rename) {
    match rename.clone() {
        Rename::Object { before, after } => {
            let between = ObjectId { name, ..before.clone() };
            (Rename::Object { before, after: between.clone() }, Rename::Object { before: between, after })
        }
        Rename::Member { of, before, after } => {
            (Rename::Member { of: of.clone(), before, after: name.clone() }, Rename::Member { of, before: name, after })
        }
    }
}

/// The statements of one rename; `original` names the object as the schema knows it.
fn sql_of(schema: &Schema, original: &Rename, rename: &Rename) -> Vec<String> {
    match rename {
        Rename::Object { before, after } => {
            let Rename::Object { before: known, .. } = original else { return Vec::new() };
            rename_object(schema, known, before, after)
        }
        Rename::Member { of, before, after } => vec![match of.kind {
            Kind::Enum => {
                format!("ALTER TYPE {} RENAME VALUE {} TO {}", of.sql(), quote_literal(before), quote_literal(after))
            }
            Kind::Composite => {
                format!("ALTER TYPE {} RENAME ATTRIBUTE {} TO {}", of.sql(), quote_name(before), quote_name(after))
            }
            _ => format!("ALTER TABLE {} RENAME COLUMN {} TO {}", of.sql(), quote_name(before), quote_name(after)),
        }],
    }
}

/// Renames what is called `known` in the schema and `now` by now.
fn rename_object(schema: &Schema, known: &ObjectId, now: &ObjectId, after: &ObjectId) -> Vec<String> {
    let mut out = Vec::new();
    let named = |id: &ObjectId| {
        let object = schema.get(known).map(|object| Object { id: id.clone(), ..object.clone() });
        let object = object.unwrap_or_else(|| Object {
            id: id.clone(),
            comment: None,
            rights: Rights::default(),
            needs: Vec::new(),
            body: Body::Namespace,
        });
        print::named(&object)
    };
    let rename = |id: &ObjectId, name: &str| match known.kind {
        Kind::Constraint => {
            let (table, old) = (id.table_sql(), quote_name(&id.name));
            format!("ALTER TABLE {table} RENAME CONSTRAINT {old} TO {}", quote_name(name))
        }
        _ => format!("ALTER {} RENAME TO {}", named(id), quote_name(name)),
    };
    let mut current = now.clone();
    let moves = current.schema != after.schema;
    // Either name may be taken in the other schema: it goes there under the new one.
    if current.name != after.name {
        let taken = ObjectId { name: after.name.clone(), ..current.clone() };
        if moves && schema.get(&taken).is_some() {
            let between = ObjectId { name: shortened("_whimbrel_aside_", &after.name), ..current.clone() };
            out.push(rename(&current, &between.name));
            current = between;
        } else {
            out.push(rename(&current, &after.name));
            current.name.clone_from(&after.name);
        }
    }
    if moves {
        out.push(format!("ALTER {} SET SCHEMA {}", named(&current), quote_name(&after.schema)));
        current.schema.clone_from(&after.schema);
    }
    if current.name != after.name {
        out.push(rename(&current, &after.name));
    }
    out
}

/// A name that starts so. Names of more than 63 bytes are cut by PostgreSQL, and two could become one.
pub fn shortened(prefix: &str, name: &str) -> String {
    let whole = format!("{prefix}{name}");
    if whole.len() <= 63 {
        return whole;
    }
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3));
    format!("{prefix}{hash:016x}")
}
