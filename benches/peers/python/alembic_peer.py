"""alembic: compares SQLAlchemy's tables with the database, and changes tables in batches."""

import alembic
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations

from protocol import main, table_count, timed


def models(tables, changed, on_server=False):
    """The tables of the fixture as an app declares them. SQLite's INTEGER PRIMARY KEY is none that is NOT NULL."""
    metadata = sa.MetaData()
    for n in range(tables):
        amount = sa.Text() if changed and n == tables // 2 else sa.REAL()
        columns = [
            sa.Column("id", sa.Integer, primary_key=True, nullable=not on_server),
            sa.Column("name", sa.Text, nullable=False),
            sa.Column("amount", amount),
            sa.Column("created_at", sa.Integer, nullable=False, server_default=sa.text("0")),
            sa.Column("note", sa.Text),
        ]
        if n % 3 == 2:
            columns.append(sa.Column("parent", sa.Integer, sa.ForeignKey(f"table_{n - 1}.id")))
        elif on_server:
            columns.append(sa.Column("parent", sa.Integer))
        table = sa.Table(f"table_{n}", metadata, *columns)
        if n % 2 == 0 or on_server:
            sa.Index(f"table_{n}_name", table.c.name)
        if on_server:
            sa.Index(f"table_{n}_parent", table.c.parent)
    return metadata


def compare(url, metadata):
    with sa.create_engine(url).connect() as connection:
        connection.execute(sa.text("SELECT 1"))
        found = []
        context = MigrationContext.configure(connection)
        time = timed(lambda: found.extend(compare_metadata(context, metadata)))
    if len(found) != 1:
        raise SystemExit(f"{len(found)} changes were found")
    return time


def diff(file, _folder):
    return compare(f"sqlite:///{file}", models(table_count(file), changed=True))


def server_diff(url, folder):
    tables = int(open(f"{folder}/tables.txt").read())
    return compare(url.replace("postgres://", "postgresql+psycopg://"), models(tables, changed=True, on_server=True))


NAMES = {"fk": "fk_%(table_name)s_%(column_0_name)s"}


def batch(change):
    """One batch on the table of items, in one transaction."""

    def run(file, _folder):
        engine = sa.create_engine(f"sqlite:///{file}")

        def work():
            with engine.begin() as connection:
                operations = Operations(MigrationContext.configure(connection))
                with operations.batch_alter_table("items", naming_convention=NAMES) as items:
                    change(items)

        return timed(work)

    return run


def five(items):
    items.create_check_constraint("name_is_there", sa.text("length(name) > 0"))
    items.alter_column("price", type_=sa.Integer(), nullable=False)
    items.alter_column("created", type_=sa.Integer())
    items.drop_column("note")
    items.add_column(sa.Column("stock", sa.Integer(), nullable=False, server_default="0"))


def check(items):
    items.create_check_constraint("note_is_there", sa.text("length(note) > 0"))


main(
    f"alembic {alembic.__version__}",
    {
        "diff:changed": diff,
        "pg-diff": server_diff,
        "type": batch(lambda items: items.alter_column("price", type_=sa.Integer())),
        "same-storage": batch(lambda items: items.alter_column("created", type_=sa.Integer())),
        "five-changes": batch(five),
        "drop-column": batch(lambda items: items.drop_column("note")),
        "add-column": batch(lambda items: items.add_column(
            sa.Column("stock", sa.Integer(), nullable=False, server_default="0"))),
        "set-not-null": batch(lambda items: items.alter_column("note", nullable=False)),
        "add-check": batch(check),
        "set-default": batch(lambda items: items.alter_column("note", server_default="none")),
        "remove-foreign-key": batch(lambda items: items.drop_constraint("fk_items_shelf", type_="foreignkey")),
        "remove-not-null": batch(lambda items: items.alter_column("name", nullable=True)),
    },
)
