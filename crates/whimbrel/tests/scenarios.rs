//! Every folder of `testdata/scenarios` is a test of its own: a database with rows, a declared schema, and what must
//! come of it. What the files of a folder mean stands in `testdata/scenarios/README.md`.
//!
//! `cargo test --test scenarios rename_` runs some of them; `UPDATE_SNAPSHOTS=1` writes their `plan.txt` anew.

mod support;

use std::collections::BTreeSet;

use support::scenario::{Scenario, folder};
use support::{facts, rows};

/// Makes a test of each name, and a list of all names.
macro_rules! scenarios {
    ($($name:ident,)*) => {
        $(
            #[test]
            fn $name() {
                Scenario::read(stringify!($name)).check();
            }
        )*

        const NAMES: &[&str] = &[$(stringify!($name)),*];
    };
}

scenarios! {
    add_not_null_column_to_empty_table,
    add_not_null_column_without_default,
    autoincrement_counter_kept,
    autoincrement_counter_of_empty_table,
    autoincrement_off,
    autoincrement_on,
    backfill_from_dropped_column,
    backfill_from_dropped_table,
    backfill_with_renames,
    boxes,
    broken_view_blocks_rename,
    broken_view_left_alone,
    cascade_children_of_a_rebuilt_parent,
    catalogue_edit_of_a_renamed_table,
    catalogue_edit_with_keys_in_another_order,
    changed_view_read_by_a_view_at_a_rename,
    check_added,
    check_added_that_does_not_fit,
    check_changed,
    check_dropped,
    check_on_a_column_whose_type_changes,
    check_qualified_with_own_table,
    check_renamed,
    collation_changed,
    column_added_after_comment,
    column_added_in_the_middle,
    column_added_that_breaks_its_check,
    column_added_with_constraints,
    column_becomes_key_and_old_key_goes,
    column_dropped_that_a_trigger_elsewhere_names,
    column_in_other_letters_beside_a_quoted_one,
    column_moves_to_another_table,
    column_named_rowid_added,
    column_named_rowid_dropped,
    column_order_alone,
    column_order_strict,
    column_renamed_that_had_the_last_name_of_the_rowid,
    column_renamed_to_and_from_rowid,
    columns_named_all_rowids,
    columns_named_rowid,
    conflict_clauses,
    constraint_name_case,
    constraints_of_one_name,
    created_by_select,
    declared_in_any_order,
    default_changed,
    default_changed_beside_another_case,
    default_dropped,
    default_that_is_a_word_or_a_function,
    default_that_no_real_is,
    defaults_of_all_kinds,
    defaults_one_by_one,
    defaults_that_convert,
    double_quoted_strings,
    dropped_column_in_every_constraint,
    dropped_column_refused,
    everything_dropped,
    extreme_values,
    fill_that_names_a_new_column,
    fill_that_reads_a_new_column_refused,
    filled_beside_an_update_trigger,
    filled_where_the_rows_stand,
    filled_while_its_old_name_is_given_away,
    foreign_key_added,
    foreign_key_added_with_orphans,
    foreign_key_changed,
    foreign_key_deferral_alone,
    foreign_key_dropped,
    foreign_key_to_a_key_that_compares_otherwise,
    foreign_key_to_itself,
    foreign_key_to_nowhere,
    foreign_key_violations_before,
    foreign_keys_added_to_what_changes_too,
    foreign_keys_in_a_circle,
    generated_becomes_plain,
    generated_column_changed,
    generated_column_dropped,
    generated_columns_added,
    generated_last_column_of_another_type,
    id_column_added,
    ignored_tables,
    index_moves_to_another_table,
    indexes_of_all_kinds,
    instead_of_triggers,
    key_filled_where_it_is_null,
    key_renamed_by_a_copy_that_its_own_table_refers_to,
    key_renamed_by_a_copy_with_children,
    key_renamed_that_unique_names_again,
    key_without_a_default,
    key_without_not_null_filled,
    keywords_as_names,
    last_column_converted_that_an_index_uses,
    last_column_converted_where_the_rows_stand,
    many_changes_at_once,
    names_change_kinds,
    names_that_are_words_of_sql,
    new_key_filled_with_text,
    new_key_filled_without_value,
    no_column_kept,
    not_null_and_default_at_once,
    not_null_conflict_clause,
    not_null_dropped,
    not_null_filled_from_a_column_that_is_filled,
    not_null_filled_where_the_rows_stand,
    not_null_that_fits,
    not_null_with_backfill,
    not_null_with_default,
    not_null_without_value,
    notes_app_1_to_2,
    notes_app_1_to_3,
    notes_app_2_to_3,
    notes_app_3_to_1,
    numbers_under_texts_beside_a_new_key,
    odd_identifiers,
    odd_identifiers_renamed,
    only_spelling,
    parent_dropped_children_kept,
    parent_key_changes,
    parent_key_collation_changes,
    parent_key_type_changes,
    partial_unique_index_on_a_new_column,
    plain_becomes_generated,
    primary_key_added,
    primary_key_added_to_duplicates,
    primary_key_becomes_integer,
    primary_key_desc_at_column,
    primary_key_dropped,
    primary_key_null_is_no_id,
    primary_key_of_two_columns,
    rename_and_type_change,
    rename_column,
    rename_column_case,
    rename_column_denied,
    rename_column_everywhere,
    rename_column_not_said,
    rename_columns_in_a_chain,
    rename_columns_rotated,
    rename_columns_swapped,
    rename_columns_swapped_by_hints,
    rename_hint_done_already,
    rename_hints,
    rename_into_dropped_name,
    rename_of_unknown,
    rename_table,
    rename_table_and_columns,
    rename_table_case,
    rename_table_into_dropped_name,
    rename_tables_swapped,
    renames_to_one_name,
    search_added_over_changed_values,
    search_dropped,
    search_of_another_module_refused,
    search_over_a_renamed_column,
    search_over_a_renamed_table,
    search_over_a_table,
    search_over_a_view,
    search_over_implicit_rowids,
    search_over_swapped_tables,
    search_renamed,
    search_renamed_over_other_values,
    search_with_options,
    search_with_own_text,
    search_with_words_in_other_letters,
    search_without_text,
    search_without_text_changed,
    statistics_kept,
    statistics_of_constraints,
    statistics_of_renamed_table,
    stored_column_of_converted_values,
    strict_any,
    strict_column_filled_beside_a_default_that_does_not_fit,
    strict_column_filled_that_does_not_fit,
    strict_default_that_does_not_fit,
    strict_defaults_of_other_types_behind_a_virtual_column,
    strict_key_without_value,
    strict_last_column_gets_a_default_that_does_not_fit,
    strict_off,
    strict_on,
    strict_on_other_classes,
    strict_on_that_does_not_fit,
    string_case_is_a_change,
    swapped_tables_one_with_swapped_columns,
    temporary_name_of_a_search_taken,
    temporary_names_taken,
    trigger_bodies,
    trigger_of_a_generated_column,
    trigger_order,
    trigger_order_as_it_was,
    trigger_order_with_one_made_anew,
    trigger_order_with_the_first_made_anew,
    triggers_on_other_tables,
    type_change_accepted,
    type_change_that_alters_values,
    type_to_integer_that_fits,
    type_to_text_of_infinity,
    type_without_affinity_change,
    undeclared_table_refused,
    unique_added,
    unique_added_to_duplicates,
    unique_after_conversion,
    unique_after_fill,
    unique_dropped,
    unique_index_beside_another_change,
    unique_index_on_a_new_table_of_an_old_name,
    unique_index_on_duplicates,
    unique_nocase_on_duplicates,
    unique_over_what_changes,
    unique_over_what_stays,
    unique_replace_must_not_swallow_rows,
    vault_1_to_2,
    vault_1_to_3,
    vault_2_to_3,
    vault_3_to_1,
    view_becomes_table,
    view_of_all_columns,
    view_reads_dropped_column,
    views_on_views,
    virtual_table_becomes_table,
    windows_text,
    without_rowid_changed,
    without_rowid_off,
    without_rowid_on,
    without_rowid_on_filled_key,
    without_rowid_on_null_key,
    without_rowid_other_key,
}

#[test]
fn every_folder_is_read() {
    let entries = std::fs::read_dir(folder()).expect("testdata/scenarios").map(|entry| entry.expect("an entry"));
    let folders = entries.filter(|entry| entry.path().is_dir());
    let folders: BTreeSet<String> = folders.map(|folder| folder.file_name().to_string_lossy().into_owned()).collect();
    let names: BTreeSet<String> = NAMES.iter().map(|name| (*name).to_owned()).collect();
    let forgotten: Vec<_> = folders.difference(&names).collect();
    assert!(forgotten.is_empty(), "folders that scenarios.rs does not list: {forgotten:?}");
    let files = ["after.sql", "before.sql", "plan.txt", "rows.sql", "scenario.txt"];
    for name in folders {
        for entry in std::fs::read_dir(folder().join(&name)).expect("a folder") {
            let file = entry.expect("a file").file_name().to_string_lossy().into_owned();
            assert!(files.contains(&file.as_str()), "{name}/{file} is read by nobody");
        }
    }
}

/// Negative controls: a change that goes wrong in one small way is seen by the oracle, in the rows or in the schema.
#[test]
fn the_oracle_sees_what_goes_wrong() {
    let made = "CREATE TABLE p(id INTEGER PRIMARY KEY); CREATE TABLE log(n INT);
         CREATE TABLE t(a TEXT COLLATE NOCASE DEFAULT 'x', n, p INT REFERENCES p(id) ON DELETE CASCADE, CHECK (n <> 'Bad'));
         CREATE INDEX i ON t(a DESC) WHERE n > 1; CREATE VIEW v AS SELECT 'One' AS one FROM t;
         CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 'One'; END;";
    let filled = "INSERT INTO t(rowid, a, n) VALUES (1, 'x', '5'), (7, 'y', 2), (9, NULL, x'00');";
    let seen = |made_then: &str, filled_then: &str| {
        let [before, after] = [(made, filled), (made_then, filled_then)].map(|(made, filled)| {
            let conn = rusqlite::Connection::open_in_memory().expect("a database in memory");
            conn.execute_batch(made).expect("a schema");
            conn.execute_batch(filled).expect("rows");
            (facts::facts(&conn, false).expect("the facts"), rows::read_all(&conn).expect("the rows"))
        });
        let in_rows = rows::differences(&before.1, &after.1, &Vec::new(), &[]).expect("the defaults");
        facts::differences(&after.0, &before.0) + &in_rows
    };
    assert_eq!(seen(made, filled), "");
    assert_eq!(seen(&made.replace("CREATE TABLE t(a TEXT", "create  table [t](\"a\" text -- why\n"), filled), "");
    let rows_gone_wrong = [
        ("'5')", "5)"),
        ("(7, 'y'", "(8, 'y'"),
        (", (9, NULL, x'00')", ""),
        ("(9, NULL,", "(9, '',"),
        ("x'00'", "x'0000'"),
        ("'y', 2", "'Y', 2"),
        ("2)", "2.0)"),
        ("x'00');", "x'00'); INSERT INTO p VALUES (1); INSERT INTO log VALUES (1);"),
    ];
    for (right, wrong) in rows_gone_wrong {
        assert_ne!(seen(made, &filled.replace(right, wrong)), "", "{right} became {wrong}");
    }
    let schemas_gone_wrong = [
        (" COLLATE NOCASE", ""),
        (" DEFAULT 'x'", " DEFAULT 'X'"),
        (" ON DELETE CASCADE", ""),
        ("ON DELETE CASCADE", "ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED"),
        (", CHECK (n <> 'Bad')", ""),
        ("'Bad'", "'bad'"),
        ("a DESC", "a"),
        (" WHERE n > 1", ""),
        ("CREATE INDEX", "CREATE UNIQUE INDEX"),
        ("SELECT 'One' AS one", "SELECT 'one' AS one"),
        ("AFTER INSERT", "BEFORE INSERT"),
        ("CREATE TRIGGER g AFTER INSERT ON t BEGIN SELECT 'One'; END;", ""),
        ("p INT", "p INTEGER"),
        ("p INT", "p INT NOT NULL ON CONFLICT IGNORE"),
        ("<> 'Bad'))", "<> 'Bad')) STRICT"),
    ];
    for (right, wrong) in schemas_gone_wrong {
        let strict = wrong.contains("STRICT");
        let made_then = made.replacen(right, wrong, 1).replace(" n,", if strict { " n ANY," } else { " n," });
        // A schema that takes no such rows is compared without any.
        let filled = if strict || wrong.contains("NOT NULL") { "" } else { filled };
        assert_ne!(seen(&made_then, filled), "", "{right} became {wrong}");
    }
}
