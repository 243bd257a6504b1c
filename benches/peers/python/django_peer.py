"""Django: its schema editor, with the operations that a migration would hold."""

import django
from django.conf import settings
from django.db import connection, models

from protocol import main, timed

settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}, USE_TZ=False)
django.setup()

APP = "peer"


class Shelf(models.Model):
    place = models.TextField()

    class Meta:
        app_label = APP
        db_table = "shelves"


class Item(models.Model):
    id = models.IntegerField(primary_key=True)
    name = models.TextField()
    price = models.TextField(null=True)
    created = models.BigIntegerField()
    note = models.TextField(null=True)

    class Meta:
        app_label = APP
        db_table = "items"
        indexes = [
            models.Index(fields=["name"], name="items_name"),
            models.Index(fields=["created"], name="items_created"),
        ]


class ShelvedItem(models.Model):
    id = models.IntegerField(primary_key=True)
    name = models.TextField()
    price = models.TextField(null=True)
    created = models.BigIntegerField()
    shelf = models.ForeignKey(Shelf, models.DO_NOTHING, null=True, db_column="shelf", db_index=False)

    class Meta:
        app_label = APP
        db_table = "items"
        indexes = [
            models.Index(fields=["name"], name="items_name"),
            models.Index(fields=["created"], name="items_created"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(price__gt=""), name="price_is_there"),
        ]


def altered(model, name, field):
    """The step that gives a field another declaration."""

    def step(editor):
        field.set_attributes_from_name(name)
        field.model = model
        editor.alter_field(model, model._meta.get_field(name), field)
        fields = model._meta.local_fields
        fields[[f.name for f in fields].index(name)] = field
        model._meta._expire_cache()

    return step


def removed(model, name):
    def step(editor):
        field = model._meta.get_field(name)
        editor.remove_field(model, field)
        model._meta.local_fields.remove(field)
        model._meta._expire_cache()

    return step


def added(model, name, field):
    def step(editor):
        field.set_attributes_from_name(name)
        field.model = model
        editor.add_field(model, field)

    return step


def checked(model, condition, name):
    """The table is made as the model says, so that has to have the constraint before."""

    def step(editor):
        constraint = models.CheckConstraint(condition=condition, name=name)
        model._meta.constraints = [*model._meta.constraints, constraint]
        editor.add_constraint(model, constraint)

    return step


def unchecked(model):
    def step(editor):
        constraint, model._meta.constraints = model._meta.constraints[0], []
        editor.remove_constraint(model, constraint)

    return step


def steps(*all_steps):
    def run(file, _folder):
        connection.settings_dict["NAME"] = file
        connection.ensure_connection()

        def work():
            with connection.schema_editor() as editor:
                for step in all_steps:
                    step(editor)

        return timed(work)

    return run


main(
    f"Django {django.__version__}",
    {
        "type": steps(altered(Item, "price", models.IntegerField(null=True))),
        "same-storage": steps(altered(Item, "created", models.IntegerField())),
        "five-changes": steps(
            checked(Item, models.Q(name__gt=""), "name_is_there"),
            altered(Item, "price", models.IntegerField()),
            altered(Item, "created", models.IntegerField()),
            removed(Item, "note"),
            added(Item, "stock", models.IntegerField(default=0, db_default=0)),
        ),
        "drop-column": steps(removed(Item, "note")),
        "add-column": steps(added(Item, "stock", models.IntegerField(default=0, db_default=0))),
        "set-not-null": steps(altered(Item, "note", models.TextField())),
        "add-check": steps(checked(Item, models.Q(note__gt=""), "note_is_there")),
        "set-default": steps(altered(Item, "note", models.TextField(null=True, db_default="none"))),
        "remove-check": steps(unchecked(ShelvedItem)),
        "remove-foreign-key": steps(altered(ShelvedItem, "shelf", models.ForeignKey(
            Shelf, models.DO_NOTHING, null=True, db_column="shelf", db_index=False, db_constraint=False))),
        "remove-not-null": steps(altered(ShelvedItem, "name", models.TextField(null=True))),
    },
)
