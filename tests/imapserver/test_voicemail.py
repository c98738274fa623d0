"""A recording of megabytes over IMAP: the program, the server and its forms together."""

import os
import sys
from pathlib import Path

import pytest

from tests.support import verbs
from tests.support.conversation import Client
from tests.support.server import Server
from tests.support.verbs import TestVerb

PROGRAM = str(Path(sys.executable).parent / "imapx-voicemail")


@pytest.fixture(scope="module")
def recording(server: Server) -> bytes:
    """Of all octets there are, those that could pass for lines and ends of IMAP among them."""
    spool = server.data / "recordings"
    (spool / "demo").mkdir(parents=True)
    data = b")\r\n100 OK [EXIT 0] voicemail completed\r\n\0" + os.urandom(20 * 1024 * 1024)
    (spool / "demo" / "a.wav").write_bytes(data)
    argv = [PROGRAM, "--directory", f"{spool}/{{user}}", "{*}"]
    verbs.add(server, TestVerb("long-voicemail", argv, texts=2, output_limit=64 * 1024 * 1024))
    verbs.add(server, TestVerb("short-voicemail", argv, texts=2))
    return data


def test_a_recording_of_megabytes_comes_byte_for_byte(demo: Client, recording: bytes) -> None:
    listed, end = demo.execute("99 EXECUTE long-voicemail list")
    assert listed.split(b"\t")[4:] == [b"%d" % len(recording), b"a.wav\n"]
    assert end == "99 OK [EXIT 0] long-voicemail completed"
    assert demo.execute("100 EXECUTE long-voicemail fetch 1") == (recording, "100 OK [EXIT 0] long-voicemail completed")


def test_a_recording_over_the_output_limit_ends_with_limit(demo: Client, recording: bytes) -> None:
    output, end = demo.execute("100 EXECUTE short-voicemail fetch a.wav")
    assert end.startswith("100 NO [LIMIT]")
    assert recording.startswith(output) and len(output) <= 1024 * 1024


def test_what_is_not_there_is_said(demo: Client, recording: bytes) -> None:
    output, end = demo.execute("100 EXECUTE long-voicemail fetch ../demo/a.wav")
    assert (output, end[:15]) == (b"there is no such recording\n", "100 NO [EXIT 1]")
