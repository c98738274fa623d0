"""The configuration of the Dovecot that an operator already has, 2.3's syntax."""

from string import Template

# auth_failure_delay, anvil-auth-penalty: a test that gives a wrong password must not wait.
# stats: an imap that starts while Dovecot ends would wait for them.
# zlib: an operator's Dovecot offers COMPRESS, behind which a relay would be blind.
CONFIGURATION = Template("""\
base_dir = $directory/run
state_dir = $directory/state
log_path = $directory/log
stats_writer_socket_path =
protocols = imap
listen = 127.0.0.1
login_trusted_networks = 127.0.0.0/8
ssl = yes
ssl_cert = <$directory/tls/certificate.pem
ssl_key = <$directory/tls/key.pem
ssl_min_protocol = TLSv1.2
auth_mechanisms = plain login
auth_master_user_separator = *
auth_failure_delay = 0
mail_uid = $mail_uid
mail_gid = $mail_gid
first_valid_uid = $mail_uid
last_valid_uid = $mail_uid
first_valid_gid = $mail_gid
mail_home = $directory/mail/%u
mail_location = maildir:~/Maildir
passdb {
  driver = passwd-file
  args = $directory/masters
  master = yes
  result_success = continue
}
passdb {
  driver = passwd-file
  args = $directory/users
}
userdb {
  driver = passwd-file
  args = $directory/users
}
namespace inbox {
  inbox = yes
  mailbox Drafts {
    special_use = \\Drafts
  }
  mailbox Sent {
    special_use = \\Sent
  }
  mailbox Trash {
    special_use = \\Trash
  }
}
protocol imap {
  mail_plugins = imap_zlib
}
service imap-login {
  inet_listener imap {
    port = $imap
  }
  inet_listener imaps {
    port = $imaps
  }
  unix_listener imap.socket {
    mode = 0666
  }
}
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
""")

# An ordinary user can neither change users nor chroot.
ROOTLESS = Template("""\
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
