from django.apps import AppConfig


class ImapServerConfig(AppConfig):
    name = "imapserver"
    verbose_name = "IMAP server"
