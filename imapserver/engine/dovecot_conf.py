"""The configuration of a private Dovecot, 2.3's syntax."""

import grp
import os
import pwd
from dataclasses import dataclass
from pathlib import Path
from string import Template

from imapserver.engine.connection import EngineUnavailable

LISTENER = "imapx"
SIEVE_LISTENER = "imapx-sieve"

# log: errors and warnings alone, since nobody rotates the file and the front records the logins.
# stats: nobody reads them, and an imap that starts while Dovecot ends would wait 5 s for them.
# auth_username_*: the default lower-cases names and refuses some, so that two users would share a mailbox.
# first_valid_*: Dovecot's own guard against mail that belongs to a system user.
# mail_max_userip_connections: all come from the front, which counts its clients itself.
# imap-login: one process for all logins. imap: one process for each connection, and two that wait.
# anvil-auth-penalty: one wrong password would delay every user's login, since all come from the same address.
# auth-userdb: for dovecot-lda, run by the server's own user.
_TEMPLATE = Template("""\
# Written at each start of the server: changes are lost.
base_dir = $base_dir
state_dir = $state_dir
log_path = $log_path
info_log_path = /dev/null
stats_writer_socket_path =
protocols = imap
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain
auth_username_chars =
auth_username_format = %u
mail_max_userip_connections = 10000
mail_uid = $mail_uid
mail_gid = $mail_gid
first_valid_uid = $mail_uid
last_valid_uid = $mail_uid
first_valid_gid = $mail_gid
mail_home = $mail_home
mail_location = maildir:~/Maildir
postmaster_address = postmaster@localhost
hostname = localhost
lda_mailbox_autocreate = yes
passdb {
  driver = static
  args = password={SHA256.hex}$password_hash
}
userdb {
  driver = static
  args = allow_all_users=yes
}
namespace inbox {
  inbox = yes
  mailbox Drafts {
    special_use = \\Drafts
  }
  mailbox Junk {
    special_use = \\Junk
  }
  mailbox Sent {
    special_use = \\Sent
  }
  mailbox Trash {
    special_use = \\Trash
  }
}
service imap-login {
  service_count = 0
  client_limit = 1000
  process_min_avail = 1
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = 0
  }
  unix_listener $listener {
    mode = 0600
    user = $owner
  }
}
service imap {
  process_limit = 1000
  process_min_avail = 2
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  unix_listener auth-userdb {
    mode = 0600
    user = $owner
  }
}
""")

# An ordinary user can neither change users nor chroot.
_ROOTLESS = Template("""\
default_internal_user = $owner
default_login_user = $owner
default_internal_group = $group
service imap-login {
  chroot =
}
service anvil {
  chroot =
}
""")


# The programs' password opens ManageSieve alone, and no mail: the passdb is that protocol's.
_SIEVE = Template("""\
protocols = imap sieve
protocol lda {
  mail_plugins = sieve
}
plugin {
  sieve = file:~/sieve;active=~/.dovecot.sieve
}
protocol sieve {
  passdb {
    driver = static
    args = password={SHA256.hex}$sieve_password_hash
    master = yes
  }
}
service managesieve-login {
  service_count = 0
  client_limit = 1000
  inet_listener sieve {
    port = 0
  }
  unix_listener $sieve_listener {
    mode = 0600
    user = $owner
  }
}
""")

_SIEVE_ROOTLESS = """\
service managesieve-login {
  chroot =
}
"""


@dataclass(frozen=True, slots=True)
class Accounts:
    """Whose the processes and the mail are. Dovecot takes names, not numbers."""

    owner: str
    group: str
    mail_uid: int
    mail_gid: int
    rootless: bool


def accounts_of_this_process() -> Accounts:
    """As root: mail belongs to the system user `mail`, and Dovecot keeps its package's users for the rest."""
    try:
        owner = pwd.getpwuid(os.geteuid())
        group = grp.getgrgid(os.getegid())
        rootless = owner.pw_uid != 0
        mail = owner if rootless else pwd.getpwnam("mail")
    except KeyError as error:
        raise EngineUnavailable(f"Dovecot needs an account that the system has not: {error.args[0]}") from None
    return Accounts(owner.pw_name, group.gr_name, mail.pw_uid, group.gr_gid if rootless else mail.pw_gid, rootless)


def render(
    accounts: Accounts,
    *,
    base_dir: Path,
    engine_dir: Path,
    mail_dir: Path,
    password_hash: str,
    sieve_password_hash: str | None = None,
) -> str:
    """Return the text of dovecot.conf. The hashes are SHA-256 in hexadecimal; paths are absolute.

    `sieve_password_hash` is of the master user's at ManageSieve; None where there is no Pigeonhole.
    """
    values = {
        "base_dir": _quote(base_dir),
        "state_dir": _quote(engine_dir / "state"),
        "log_path": _quote(engine_dir / "dovecot.log"),
        "mail_home": _quote(Path(str(mail_dir).replace("%", "%%")) / "%u"),
        "mail_uid": str(accounts.mail_uid),
        "mail_gid": str(accounts.mail_gid),
        "password_hash": password_hash,
        "listener": LISTENER,
        "owner": accounts.owner,
        "group": accounts.group,
    }
    text = _TEMPLATE.substitute(values) + (_ROOTLESS.substitute(values) if accounts.rootless else "")
    if sieve_password_hash is not None:
        values |= {"sieve_listener": SIEVE_LISTENER, "sieve_password_hash": sieve_password_hash}
        text += _SIEVE.substitute(values) + (_SIEVE_ROOTLESS if accounts.rootless else "")
    return text


def _quote(path: Path) -> str:
    text = str(path)
    if any(ord(character) < 32 for character in text):
        raise EngineUnavailable(f"Dovecot's configuration can't hold the path {text!r}")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
