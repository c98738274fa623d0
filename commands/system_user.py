"""Who runs a management command, for the record."""

import os
import pwd


def system_user() -> str:
    """As the system knows it: what the environment says (getpass.getuser) anybody may set."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:  # a number without a name, as in a container
        return str(os.getuid())
