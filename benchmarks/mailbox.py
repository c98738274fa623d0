"""The mailbox that is measured: the INBOX, with messages of about 4 KiB."""

from benchmarks.client import Client

MESSAGE_SIZE = 4096
AT_ONCE = 500
"""Messages in one APPEND: Dovecot gives each transaction an fsync."""


def fill(client: Client, count: int) -> None:
    """Put the messages there, and see them first, so that none is \\Recent for who comes later. Logs out."""
    for first in range(0, count, AT_ONCE):
        messages = (message(number) for number in range(first, min(first + AT_ONCE, count)))
        client.command(b"APPEND INBOX " + b" ".join(b"{%d+}\r\n%b" % (len(each), each) for each in messages))
    client.command(b"SELECT INBOX")
    client.log_out()


def message(number: int) -> bytes:
    head = (
        b"From: Ann Jones <ann@example.com>\r\nTo: demo@example.com\r\nSubject: message %d of the benchmark\r\n"
        b"Date: Thu, 01 Jan 2026 08:00:00 +0000\r\nMessage-ID: <%d.benchmark@example.com>\r\n\r\n" % (number, number)
    )
    line = b"All mail here is about as long as the mail that people write.\r\n"
    return head + line * ((MESSAGE_SIZE - len(head)) // len(line))
