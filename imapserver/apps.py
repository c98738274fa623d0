from django.apps import AppConfig
from django.core.checks import register


class ImapServerConfig(AppConfig):
    name = "imapserver"
    verbose_name = "IMAP server"

    def ready(self) -> None:
        from imapserver.checks import check_web_engine

        register(check_web_engine)
