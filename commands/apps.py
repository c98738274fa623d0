from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


def prepare_database(using: str, **kwargs: Any) -> None:
    from commands import partitions, triggers

    partitions.ensure(using)
    triggers.install(connections[using])


class CommandsConfig(AppConfig):
    name = "commands"
    verbose_name = "IMAPX"

    def ready(self) -> None:
        from commands import changes

        changes.connect()
        from commands import logins

        logins.connect()
        from commands.web import identity

        identity.connect()
        from commands.web import sessions

        sessions.connect()
        post_migrate.connect(prepare_database, sender=self, dispatch_uid="commands.triggers")
