//! What of a live schema a plan can have to do with: what changes, what needs that, and what all of it needs.
//!
//! A plan is tried out on an empty copy. To copy a schema of a thousand tables takes seconds, and a change of one column
//! can do nothing to most of them. PostgreSQL keeps which object needs which, so that the rest is known.
//!
//! **Invariant:** nothing outside of the part needs an object that changes. What is needed without the catalogue knowing of
//! it, as the tables in the body of a function, shows where the part cannot be made or the plan does not work on it: the
//! caller tries the whole schema then.

use std::collections::{BTreeSet, HashMap};

use super::diff::Change;
use super::resolve::{Rename, old_id};
use super::schema::{Body, Demands, Kind, Object, ObjectId, Schema};

/// The part of two schemas that a plan can have to do with.
pub(super) struct Touched {
    /// What there is of it.
    pub(super) live: Schema,
    /// What it is to be.
    pub(super) target: Schema,
}

impl Touched {
    /// What renames, and changes between two schemas, can have to do with. None where that is all of them, or where
    /// the catalogue does not tell.
    pub(super) fn by(live: &Schema, target: &Schema, renames: &[Rename], changes: &[Change]) -> Option<Touched> {
        let ids = touched(live, target, renames, changes)?;
        let target = target.only(|id| ids.contains(id) || live.get(id).is_none());
        Some(Touched { live: live.only(|id| ids.contains(id)), target })
    }

    /// Adds to what the part has become the rest of the live schema, which stays what it is.
    pub(super) fn complete(&self, schema: &mut Schema, live: &Schema) {
        let rest = live.objects.iter().filter(|(id, _)| self.live.get(id).is_none());
        schema.objects.extend(rest.map(|(id, object)| (id.clone(), object.clone())));
    }
}

fn touched(live: &Schema, target: &Schema, renames: &[Rename], changes: &[Change]) -> Option<BTreeSet<ObjectId>> {
    // What the members of an extension are, and what stands on them, is not read.
    let is_unclear =
        |id: &ObjectId| matches!(id.kind, Kind::Namespace | Kind::Extension | Kind::Collation | Kind::Other);
    let mut found: BTreeSet<&ObjectId> = BTreeSet::new();
    let mut beneath: Vec<ObjectId> = Vec::new();
    // A table that takes the name of one of the same form is no change.
    for rename in renames {
        let named = match rename {
            Rename::Object { before, .. } if is_unclear(before) => return None,
            Rename::Object { before, after } => vec![before.clone(), after.clone()],
            Rename::Member { of, .. } => vec![old_id(renames, of)],
        };
        let objects = || named.iter().filter_map(|id| live.get(id));
        let changed = objects().flat_map(changed_with).filter_map(|id| live.get(&id));
        found.extend(objects().chain(changed).map(|object| &object.id));
    }
    for change in changes {
        if is_unclear(change.id()) {
            return None;
        }
        match change {
            Change::Drop(object) => {
                let changed = changed_with(object).chain([object.id.clone()]);
                found.extend(changed.filter_map(|id| live.get(&id)).map(|object| &object.id));
            }
            Change::Create(object) => {
                found.extend(changed_with(object).filter_map(|id| live.get(&id)).map(|object| &object.id));
                beneath.extend(needs(object));
            }
            Change::Alter(alteration) => {
                let (before, after) = (&alteration.before, &alteration.after);
                let changed = changed_with(before).chain(changed_with(after)).chain([before.id.clone()]);
                found.extend(changed.filter_map(|id| live.get(&id)).map(|object| &object.id));
                beneath.extend(needs(after));
            }
        }
    }
    // An object that is new may need others that are new, and these some that are there.
    let mut seen: BTreeSet<ObjectId> = BTreeSet::new();
    let mut open = std::mem::take(&mut beneath);
    while let Some(id) = open.pop() {
        if live.get(&id).is_some() {
            beneath.push(id);
        } else if let Some(object) = target.get(&id)
            && seen.insert(id)
        {
            open.extend(needs(object));
        }
    }

    let mut needed_by: HashMap<ObjectId, Vec<&ObjectId>> = HashMap::new();
    let mut keys: HashMap<ObjectId, Vec<&ObjectId>> = HashMap::new();
    for object in live.objects.values() {
        for on in needs(object) {
            needed_by.entry(on).or_default().push(&object.id);
        }
        if let (true, Some(table)) = (is_key(object), object.on_table()) {
            keys.entry(table).or_default().push(&object.id);
        }
    }
    let mut open: Vec<&ObjectId> = found.iter().copied().collect();
    while let Some(id) = open.pop() {
        for other in needed_by.get(id).into_iter().flatten() {
            if found.insert(other) {
                open.push(other);
            }
        }
    }

    let mut part: BTreeSet<ObjectId> = BTreeSet::new();
    let everywhere = live.objects.keys().filter(|id| matches!(id.kind, Kind::Namespace | Kind::Extension));
    let mut open: Vec<ObjectId> = found.into_iter().chain(everywhere).cloned().chain(beneath).collect();
    while let Some(id) = open.pop() {
        let Some(object) = live.get(&id).filter(|_| !part.contains(&id)) else { continue };
        // Foreign keys need what makes rows unique, also where the catalogue names only the table.
        open.extend(keys.get(&id).into_iter().flatten().map(|key| (*key).clone()));
        open.extend(needs(object).filter(|on| !part.contains(on)));
        part.insert(id);
    }
    (part.len() < live.objects.len()).then_some(part)
}

/// What changes together with an object: the table that it is made on, and those of which it is a part. A partition takes rows
/// that are in another one, and its indexes become parts of theirs.
fn changed_with(object: &Object) -> impl Iterator<Item = ObjectId> {
    let parents = object.table().into_iter().flat_map(|table| {
        table.partition_of.iter().map(|(parent, _)| parent.clone()).chain(table.inherits.iter().cloned())
    });
    parents.chain(object.on_table())
}

/// What has to be there before an object can be.
fn needs(object: &Object) -> impl Iterator<Item = ObjectId> {
    let mut more = Vec::new();
    match &object.body {
        Body::Table(table) => {
            more.extend(table.partition_of.iter().map(|(parent, _)| parent.clone()));
            more.extend(table.inherits.iter().cloned());
            let index = table.clustered_on.iter().map(|name| ObjectId::new(Kind::Index, &object.id.schema, name));
            more.extend(index);
        }
        Body::Sequence(sequence) => more.extend(sequence.owned_by.iter().map(|(table, _)| table.clone())),
        Body::Constraint(constraint) => more.extend(constraint.references.clone()),
        Body::Index(index) => {
            for part in &index.attached {
                more.extend([part.table.clone(), part.id(), part.constraint(), part.to.clone()]);
            }
        }
        _ => {}
    }
    more.extend(object.on_table());
    let itself = object.id.clone();
    object.needs.iter().map(|need| need.on.clone()).chain(more).filter(move |id| *id != itself)
}

/// Whether an object makes the rows of its table unique.
fn is_key(object: &Object) -> bool {
    match &object.body {
        Body::Constraint(constraint) => matches!(constraint.demands, Demands::PrimaryKey | Demands::Unique),
        Body::Index(index) => index.unique,
        _ => false,
    }
}
