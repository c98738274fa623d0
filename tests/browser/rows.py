"""What the pages show in these tests: made by the server's own models, before it starts."""

make_rows = """
from datetime import timedelta
from django.contrib.auth.models import Group, User
from django.utils import timezone
from commands import audit, roles
from commands.audit_text import encode_arguments
from commands.models import AuditEvent, Execution, Lock, Rule, TranscriptChunk, Verb

roles.make()
for name, role in (
    ("auditor", "Auditors"), ("operator", "Operators"), ("ruler", "Rule editors"), ("verber", "Verb editors"),
):
    user = User.objects.create_user(name, password=name, is_staff=True)
    user.groups.add(Group.objects.get(name=role))
Group.objects.create(name="staff").user_set.add(User.objects.get(username="ann"))

demo, calendar = User.objects.get(username="demo"), Verb.objects.get(name="calendar")
for verb in Verb.objects.all():
    verb.save()  # a second version
Rule.objects.first().save()
Rule.objects.create(user=User.objects.get(username="admin"), verb=calendar)
Lock.objects.create(user=User.objects.get(username="ann"), reason="lost phone", made_by="admin")
now = timezone.now()
for number, (verb, outcome, code) in enumerate(
    [("calendar", "exit", 0), ("blacklist", "exit", 1), ("blacklist", "timeout", None), ("whitelist", "canceled", None)]
):
    started = now - timedelta(minutes=7 * number + 1, microseconds=876544)
    execution = Execution.objects.create(
        user_id=demo.pk, username="demo", verb=verb, door="imap", started=started, ended=started + timedelta(seconds=3),
        outcome=outcome, exit_code=code, remote_addr="192.0.2.7", transcript="full" if verb == "calendar" else "none",
    )
    common = dict(
        actor="demo", actor_id=demo.pk, verb=verb, node="mail1:7", remote_addr="192.0.2.7", execution_id=execution.pk
    )
    AuditEvent.objects.create(kind="accept", outcome="accepted", at=started, **common)
    AuditEvent.objects.create(kind="exit", outcome=outcome, exit_code=code, at=started, **common)
    if verb == "calendar":
        for sequence, (stream, data) in enumerate(
            [("i", b"list schedule today 8:00 10:00\\n"), ("o", b"8:00 make coffee\\n9:00 meeting with boss\\nok\\n")]
        ):
            TranscriptChunk.objects.create(
                execution_id=execution.pk, sequence=sequence + 1, offset=sequence * 500000, stream=stream,
                size=len(data), data=data, at=started,
            )
AuditEvent.objects.create(
    kind="reject", outcome="noperm", actor="ann", verb="blacklist", node="mail1:7", remote_addr="192.0.2.8", at=now,
    arguments=encode_arguments((b"add", b"joe@smith.com")), arguments_text="add joe@smith.com", reason="no rule allows",
)
"""
