import pytest

from commands.execution.smtp_guard import SmtpGuard


def permits(data: bytes) -> bool:
    """Whether all of it may be sent; it must not depend on how it comes."""
    whole = SmtpGuard().permits(data)
    guard = SmtpGuard()
    octets = [guard.permits(data[place : place + 1]) for place in range(len(data))]
    assert all(octets) is whole
    return whole


@pytest.mark.parametrize(
    "data",
    [
        b"XCLIENT LOGIN=ann\r\n",
        b"xclient login=ann\r\n",
        b" \t XCLIENT LOGIN=ann\r\n",
        b'"XCLIENT" LOGIN=ann\r\n',
        b"X\0CLIENT LOGIN=ann\r\n",
        b"\x80" * 1000 + b" " * 1000 + b"XCLIENT\tLOGIN=ann\r\n",
        b"EHLO x\nXCLIENT LOGIN=ann\n",
        b"DATA\r\nXCLIENT LOGIN=ann\r\n",
        b"STARTTLS\r\n",
        b"BDAT 3 LAST\r\n",
        b"XFORWARD NAME=x\r\n",
    ],
)
def test_a_command_that_only_the_server_may_send_is_not_permitted(data: bytes) -> None:
    assert not permits(data)


@pytest.mark.parametrize(
    "data",
    [
        b"EHLO client.example.org\r\nMAIL FROM:<demo@example.org>\r\nRCPT TO:<xclient@example.net>\r\nDATA\r\n",
        b"From: x\r\nX-Client: mutt\r\nSubject: XCLIENT\r\n\r\nThe XCLIENT of Postfix\r\nXclients\r\n.\r\nQUIT\r\n",
        b"\x00\xff\r" * 1000 + b"\r\n",
        b"",
    ],
)
def test_all_else_is(data: bytes) -> None:
    assert permits(data)
