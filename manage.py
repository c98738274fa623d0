#!/usr/bin/env python
"""Django's command line: runimap, demo, migrate and the rest."""

import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "imapx_site.settings")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)
