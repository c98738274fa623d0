"""`manage.py demo`: users, verbs and rules for a trial on this machine. It may be run again at any time."""

import dataclasses
import sys
from datetime import date
from pathlib import Path, PurePath
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError
from django.db import models, transaction

from commands import demo_data
from commands.changes import by_command
from commands.demo_data import DemoRule, DemoUser, DemoVerb
from commands.execution.environment import make_home
from commands.models import ActionVerb, Parameter, Rule, Signature, Tag, Verb
from commands.programs.locked_file import change_file


class Command(BaseCommand):
    help = (
        "Make what a trial needs: the users demo, ann and admin, whose passwords are their names, the bundled verbs, "
        "rules, a calendar, a recording. What is there stays as it is, but for the path of a program that has moved."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.DEBUG:
            raise CommandError("These passwords are known to everybody: only for a trial, where IMAPX_DEBUG is on.")
        self.made: list[str] = []
        self.found: list[str] = []
        try:
            with by_command("demo"), transaction.atomic():
                self._make_all()
        except OSError as error:
            raise CommandError(f"The files of demo can't be made: {error}") from error
        for title, names in (("Made", self.made), ("There already", self.found)):
            if names:
                self.stdout.write(f"{title}: {', '.join(names)}.")
        users = ", ".join(f"{user.name}/{user.name}" for user in demo_data.USERS)
        self.stdout.write(f"Users and their passwords, unless changed since: {users} (for the web admin).")

    def _make_all(self) -> None:
        tags = {name: self._make_tag(name, text) for name, text in demo_data.TAGS.items()}
        verbs = {entry.name: self._make_verb(entry, tags) for entry in demo_data.verbs(Path(settings.DATA_DIR))}
        for name in demo_data.ACTION_VERBS:
            if not ActionVerb.objects.filter(name=name).exists():
                _save(ActionVerb(name=name))
                self.made.append(f"action verb {name}")
        for entry in demo_data.USERS:
            user = self._make_user(entry)
            rules = [(Rule.Effect.ALLOW, name) for name in entry.verbs]
            rules += [(Rule.Effect.DENY, name) for name in entry.denied]
            for effect, name in rules:
                # Where both were there, a rule is missing because somebody took it away.
                if not {f"user {user}", f"verb {name}"}.isdisjoint(self.made):
                    self._make_rule(Rule(effect=effect, user=user, verb=verbs[name], reason=entry.reason))
        for rule in demo_data.RULES:
            if not {f"tag {rule.tag}", f"verb {rule.verb}"}.isdisjoint(self.made):
                self._make_rule(_rule_for_many(rule, verbs, tags))
        self._make_calendar(User.objects.get(username="demo"))
        self._make_recording()

    def _make_tag(self, name: str, description: str) -> Tag:
        tag = Tag.objects.filter(name=name).first()
        if tag is None:
            tag = Tag(name=name, description=description)
            _save(tag)
            self.made.append(f"tag {name}")
        return tag

    def _make_verb(self, entry: DemoVerb, tags: dict[str, Tag]) -> Verb:
        argv = [_path_of_script(entry.script), *entry.arguments] if entry.script else []
        verb = Verb.objects.filter(name=entry.name).first()
        if verb is None:
            self.made.append(f"verb {entry.name}")
            return _create_verb(entry, argv, tags)
        self.found.append(f"verb {entry.name}")
        moved = _with_new_paths(verb.argv, argv)
        if moved != verb.argv:
            verb.argv = moved
            verb.save(update_fields=["argv"])
            self.made.append(f"new path in verb {entry.name}")
        return verb

    def _make_user(self, entry: DemoUser) -> User:
        user = User.objects.filter(username=entry.name).first()
        if user is None:
            self.made.append(f"user {entry.name}")
            user = User(username=entry.name, is_staff=entry.administrator, is_superuser=entry.administrator)
            user.set_password(entry.name)
            _save(user)
            return user
        self.found.append(f"user {entry.name}")
        if not user.has_usable_password():
            user.set_password(entry.name)
            user.save(update_fields=["password"])
            self.made.append(f"password of {entry.name}")
        return user

    def _make_rule(self, rule: Rule) -> None:
        same = {"user": rule.user, "domain": rule.domain, "everyone": rule.everyone, "verb": rule.verb, "tag": rule.tag}
        if not Rule.objects.filter(**same).exists():
            _save(rule)
            self.made.append(f'rule "{rule}"')

    def _make_calendar(self, user: User) -> None:
        """At the end of the transaction: what is in a file can't be rolled back."""
        path = make_home(user.pk) / "calendar.ics"
        if path.exists():
            self.found.append(f"calendar of {user}")
            return
        change_file(str(path), lambda data: demo_data.calendar_file(date.today()) if data is None else None)
        self.made.append(f"calendar of {user}")

    def _make_recording(self) -> None:
        directory = Path(settings.DATA_DIR, "voicemail", "demo")
        if directory.exists():
            self.found.append("recording of demo")
            return
        directory.mkdir(mode=0o700, parents=True)
        (directory / "two-tones.wav").write_bytes(demo_data.recording())
        self.made.append("recording of demo")


def _create_verb(entry: DemoVerb, argv: list[str], tags: dict[str, Tag]) -> Verb:
    verb = Verb(
        name=entry.name,
        description=entry.description,
        mode=entry.mode,
        kind="plugin" if entry.plugin else "program",
        argv=argv,
        plugin=entry.plugin,
        changes_mail=entry.changes_mail,
        time_limit=entry.time_limit,
        idle_limit=entry.idle_limit,
        output_limit=entry.output_limit,
        takes_input=entry.takes_input,
        transcript=entry.transcript,
        redactions=list(entry.redactions),
    )
    with verb.without_history():
        _save(verb)
        verb.tags.set(tags[name] for name in entry.tags)
        for position, parameters in enumerate(entry.signatures):
            signature = Signature(verb=verb, position=position)
            _save(signature)
            for place, parameter in enumerate(parameters):
                _save(Parameter(signature=signature, position=place, **dataclasses.asdict(parameter)))
    verb.add_version(is_new=True)
    return verb


def _rule_for_many(rule: DemoRule, verbs: dict[str, Verb], tags: dict[str, Tag]) -> Rule:
    return Rule(
        effect=rule.effect, reason=rule.reason, verb=verbs.get(rule.verb), tag=tags.get(rule.tag), **rule.fields
    )


def _save(row: models.Model) -> None:
    row.full_clean()
    row.save()


def _path_of_script(name: str) -> str:
    """Beside this interpreter, whose own link is not followed: that would lead out of the virtual environment."""
    path = Path(sys.executable).parent / name
    if not path.is_file():
        raise CommandError(f"{path} is not there: install this project (make install).")
    return str(path)


def _with_new_paths(argv: list[str], bundled: list[str]) -> list[str]:
    """`argv` with each path that ends like one of ours (bin/imapx-…, engine/dovecot.conf) as that one now is."""
    new = {PurePath(path).parts[-2:]: path for path in bundled if path.startswith("/")}
    return [new.get(PurePath(each).parts[-2:], each) if each.startswith("/") else each for each in argv]
