//! Rights, policies and triggers: P41 to P45.

use super::{Found, Lock, Rule};
use crate::lint::Level;
use crate::postgres::statement::{Change, Kind, Name, Object};

pub(super) const NO_POLICY: Rule = Rule {
    code: "P41",
    level: Level::Warning,
    why: "with row-level security on and no policy, everybody but the owner reads no row and writes none",
    help: "CREATE POLICY in the same transaction",
    find: |context| {
        let mut found = Vec::new();
        for (table, action) in context.actions().filter(|(_, action)| action.change == Change::RowSecurity("ENABLE")) {
            let behind = context.statements[context.at..].iter();
            let is_made = behind.into_iter().any(|statement| match &statement.kind {
                Kind::Policy { table: of, creates: true, .. } => of.may_be(table),
                _ => false,
            });
            if !is_made && context.known.table(table).is_none_or(|known| known.policies == 0) {
                let message = format!("row-level security of {table} is switched on, and no policy lets anybody in");
                found.push(Found::new(message).at(&action.range));
            }
        }
        found
    },
};

pub(super) const DEFINER: Rule = Rule {
    code: "P42",
    level: Level::Warning,
    why: "it runs with its owner's rights and looks names up where its caller says, so that a caller can have it use tables \
          and functions of his own",
    help: "SET search_path = '' in its declaration, and schemas before all names in its body",
    find: |context| match context.kind() {
        Kind::CreateFunction(function) if function.security_definer && !function.sets_search_path => {
            vec![Found::new(format!("{} is SECURITY DEFINER and leaves search_path to its caller", function.name))]
        }
        _ => Vec::new(),
    },
};

pub(super) const PUBLIC: Rule = Rule {
    code: "P43",
    level: Level::Warning,
    why: "PUBLIC is every role of the server, those that are made later included",
    help: "grant it to a role, and make those members of it who need the right",
    find: |context| match context.kind() {
        Kind::Grant { to_public: true, what, by_default } => {
            let message = match by_default {
                true => format!("everybody gets {what} of whatever is made later"),
                false => format!("everybody gets {what}"),
            };
            vec![Found::new(message)]
        }
        _ => Vec::new(),
    },
};

pub(super) const TRIGGERS_OFF: Rule = Rule {
    code: "P44",
    level: Level::Warning,
    why: "without their triggers rows are written that foreign keys and other rules would have refused, by everybody, and \
          nothing looks at them later",
    help: "leave them on; a migration that has to write around one trigger says so in that trigger's WHEN",
    find: |context| {
        let mut found = Vec::new();
        for (table, action) in context.live_actions() {
            if let Change::DisableTrigger(which) = &action.change {
                let message = format!("DISABLE TRIGGER {which} of {table} lets rows in that nothing has looked at");
                found.push(Found::new(message).at(&action.range).lock(Lock::ShareRowExclusive));
            }
        }
        if let Kind::Set { name, value, .. } = context.kind()
            && name == "session_replication_role"
            && value.eq_ignore_ascii_case("replica")
        {
            found.push(Found::new(
                "session_replication_role = replica switches triggers and foreign keys off".to_owned(),
            ));
        }
        found
    },
};

pub(super) const LOCKS: Rule = Rule {
    code: "P45",
    level: Level::Advice,
    why: "it is done at once, and waits until all that use the table are done; whoever comes after waits behind it",
    help: "in a transaction of its own, with a short lock_timeout",
    find: |context| {
        let locked = |what: String, table: &Name, lock: Lock| {
            let is_live = !context.is_new(table);
            is_live.then(|| Found::new(format!("{what} locks {table}")).lock(lock))
        };
        let mut found: Vec<Found> = Vec::new();
        match context.kind() {
            Kind::CreateTrigger { name, table, .. } => {
                found.extend(locked(format!("making trigger {name}"), table, Lock::ShareRowExclusive));
            }
            Kind::Policy { name, table, creates } => {
                let verb = if *creates { "making" } else { "changing" };
                found.extend(locked(format!("{verb} policy {name}"), table, Lock::AccessExclusive));
            }
            Kind::Drop(drop) if matches!(drop.object, Object::Trigger | Object::Policy | Object::Rule) => {
                for name in &drop.names {
                    let Some(table) = &name.schema else { continue };
                    let table = Name { schema: None, name: table.clone() };
                    let what = format!("dropping {} {}", drop.object.word(), name.name);
                    found.extend(locked(what, &table, Lock::AccessExclusive));
                }
            }
            _ => {}
        }
        for (table, action) in context.actions() {
            let (what, lock) = match &action.change {
                Change::RowSecurity(verb) => (format!("{verb} ROW LEVEL SECURITY"), Lock::AccessExclusive),
                Change::EnableTrigger => ("ENABLE TRIGGER".to_owned(), Lock::ShareRowExclusive),
                _ => continue,
            };
            found.extend(locked(what, table, lock).map(|found| found.at(&action.range)));
        }
        found
    },
};

#[cfg(test)]
mod tests {
    use crate::lint::postgres::tests::{NONE, told};

    #[test]
    fn policies() {
        let enable = "ALTER TABLE a ENABLE ROW LEVEL SECURITY";
        assert_eq!(told("P41", enable), [1]);
        assert_eq!(told("P41", &format!("{enable}; CREATE POLICY p ON b USING (true)")), [1]);
        assert_eq!(told("P41", &format!("{enable}; CREATE POLICY p ON a USING (true)")), NONE);
        assert_eq!(told("P41", &format!("CREATE POLICY p ON s.a USING (true); {enable}")), NONE);
        assert_eq!(told("P41", "ALTER TABLE a DISABLE ROW LEVEL SECURITY"), NONE);
    }

    #[test]
    fn definer() {
        let function = |options: &str| format!("CREATE FUNCTION f() RETURNS int LANGUAGE sql {options} AS 'SELECT 1'");
        assert_eq!(told("P42", &function("SECURITY DEFINER")), [1]);
        assert_eq!(told("P42", &function("EXTERNAL SECURITY DEFINER SET work_mem = '1MB'")), [1]);
        assert_eq!(told("P42", &function("SECURITY DEFINER SET search_path = ''")), NONE);
        assert_eq!(told("P42", &function("SECURITY INVOKER")), NONE);
    }

    #[test]
    fn public() {
        assert_eq!(
            told("P43", "GRANT SELECT ON a TO b, PUBLIC; ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO public"),
            [1, 2]
        );
        assert_eq!(
            told("P43", "GRANT USAGE ON SCHEMA public TO app; REVOKE ALL ON a FROM PUBLIC; GRANT a TO \"public\""),
            NONE
        );
    }

    #[test]
    fn triggers() {
        assert_eq!(told("P44", "ALTER TABLE a DISABLE TRIGGER ALL; SET session_replication_role = replica"), [1, 2]);
        assert_eq!(told("P44", "ALTER TABLE a ENABLE TRIGGER ALL; SET session_replication_role = 'origin'"), NONE);
        let trigger = "CREATE TRIGGER t AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()";
        assert_eq!(told("P45", &format!("{trigger}; CREATE POLICY p ON a; DROP TRIGGER t ON a")), [1, 2, 3]);
        assert_eq!(
            told("P45", &format!("CREATE TABLE a (b int); {trigger}; ALTER TABLE a FORCE ROW LEVEL SECURITY")),
            NONE
        );
    }
}
