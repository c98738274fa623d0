from typing import Any

from django.apps import AppConfig
from django.db import connections
from django.db.models.signals import post_migrate


def install_triggers(using: str, **kwargs: Any) -> None:
    from commands import triggers

    triggers.install(connections[using])


class CommandsConfig(AppConfig):
    name = "commands"
    verbose_name = "IMAPX"

    def ready(self) -> None:
        post_migrate.connect(install_triggers, sender=self, dispatch_uid="commands.triggers")
