"""sqlite-utils: `transform`, which makes a table anew."""

from importlib.metadata import version

import sqlite_utils

from protocol import main, timed


def transformed(**change):
    def run(file, _folder):
        items = sqlite_utils.Database(file)["items"]
        return timed(lambda: items.transform(**change))

    return run


def added(file, _folder):
    items = sqlite_utils.Database(file)["items"]
    return timed(lambda: items.add_column("stock", int, not_null_default=0))


main(
    f"sqlite-utils {version('sqlite-utils')}",
    {
        "type": transformed(types={"price": int}),
        "same-storage": transformed(types={"created": int}),
        "drop-column": transformed(drop={"note"}),
        "add-column": added,
        "set-not-null": transformed(not_null={"note"}),
        "set-default": transformed(defaults={"note": "none"}),
        "remove-foreign-key": transformed(drop_foreign_keys=["shelf"]),
        "remove-not-null": transformed(not_null={"name": False}),
    },
)
