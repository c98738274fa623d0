"""How the programs reach a ManageSieve server, and what they say when they don't."""

import socket

import pytest

from tests.commands.programs.sieve_user import DONE
from tests.support.dovecot import free_ports

AWAY = b"your mail filters can't be reached now\n"


@pytest.fixture
def failure(user):
    """Runs `forward show`, which must fail with this status; what the log is told."""

    def run(status: int, *options: str, program: str = "forward") -> str:
        given = user.run(program, "show", options=options)
        assert given[:2] == (status, AWAY)
        assert given[2].startswith(program.encode() + b": ") and given[2].count(b"\n") == 1
        return given[2].decode().removeprefix(f"{program}: ").removesuffix("\n")

    return run


def test_each_way_to_the_server_leads_to_the_users_scripts(user, pigeonhole):
    ca = str(pigeonhole.certificate)
    user.server = ("--server", f"localhost:{pigeonhole.sieve[1]}", "--ca", ca)  # STARTTLS
    assert user.forward("set", "bob@example.com") == DONE
    shown = (0, b"forward to bob@example.com\ncopy on\n", b"")
    for server in (
        ("--server", f"localhost:{pigeonhole.sieves[1]}", "--tls", "tls", "--ca", ca),
        ("--server", f"127.0.0.1:{pigeonhole.sieve[1]}", "--tls", "off"),
        ("--server", f"unix:{pigeonhole.sieve_socket}", "--tls", "off"),
    ):
        user.server = server
        assert user.forward("show") == shown


def test_socket_is_found_through_a_link_with_a_path_longer_than_sockets_may_have(user, pigeonhole):
    deep = user.home / ("x" * 120)
    deep.mkdir()
    (deep / "run").symlink_to(pigeonhole.sieve_socket.parent)
    user.server = ("--server", f"unix:{deep}/run/sieve.socket", "--tls", "off")
    assert user.forward("show") == (0, b"off\n", b"")


@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_certificate_that_is_not_trusted_gets_no_password(user, failure, pigeonhole, tls):
    port = (pigeonhole.sieve if tls == "starttls" else pigeonhole.sieves)[1]
    user.server = ("--server", f"localhost:{port}", "--tls", tls)
    logins = pigeonhole.log().count("Login: user=")
    assert "certificate verify failed" in failure(69)
    assert pigeonhole.log().count("Login: user=") == logins


def test_server_that_is_not_there_is_status_69(user, failure):
    [port] = free_ports(1)
    user.server = ("--server", f"127.0.0.1:{port}", "--tls", "off")
    assert failure(69) == f"127.0.0.1:{port} can't be reached: Connection refused"
    user.server = ("--server", f"unix:{user.home}/none", "--tls", "off")
    assert "can't be reached: No such file" in failure(69, program="vacation")


def test_server_that_does_not_answer_is_status_75(user, failure):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        user.server = ("--server", f"127.0.0.1:{listener.getsockname()[1]}", "--tls", "off")
        assert failure(75, "--seconds", "1") == "the server does not answer"


def test_login_that_is_refused_is_status_77(user, failure):
    assert "Authentication failed" in failure(77, "--master", "nobody")
    user.password_file.write_text("wrong\n")
    assert "Authentication failed" in failure(77)


def test_user_that_the_server_does_not_know_is_status_77(user, failure):
    user.user = "nobody"
    failure(77)


@pytest.mark.parametrize("name", ["../ann", "ann/..", "a\nb"])
def test_name_that_would_leave_the_directory_of_homes_is_status_78(user, failure, name):
    user.user = name
    assert failure(78) == f"no scripts are kept for a user named {name!a}"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_password_that_others_can_read_is_not_used(user, failure, mode):
    user.password_file.chmod(mode)
    assert failure(78) == f"{user.password_file} can be read by others than its owner: chmod 600"


@pytest.mark.parametrize("password", [b"", b"\n", b"two\nlines\n"])
def test_file_without_a_password_on_one_line_is_status_78(user, failure, password):
    user.password_file.write_bytes(password)
    assert failure(78) == f"{user.password_file} holds no password on one line"


@pytest.mark.parametrize("options", [
    ("--password-file", "/nowhere"),
    ("--tls", "maybe"),
    ("--tls", "starttls"),  # over a Unix socket
    ("--server", "host:port"),
    ("--server", "unix:relative"),
    ("--server", ""),
    ("--seconds", "0"),
    ("--secret", "x"),
])  # fmt: skip
def test_wrong_options_are_status_78(failure, options):
    failure(78, *options)


def test_certificate_authorities_that_are_not_there_are_status_78(user, failure, pigeonhole):
    user.server = ("--server", f"localhost:{pigeonhole.sieve[1]}")
    assert "/nowhere can't be read" in failure(78, "--ca", "/nowhere")


def test_arguments_of_the_users_are_never_options(user):
    other = user.home / "other"
    other.write_text("wrong")
    assert user.forward("--password-file", str(other), "show")[0] == 64
    assert user.vacation("on", "--server") == DONE
    assert user.vacation("show")[1].endswith(b"\n--server\n")


def test_lock_of_one_that_hangs_is_freed_by_its_end(user):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        good = user.server
        user.server = ("--server", f"127.0.0.1:{listener.getsockname()[1]}", "--tls", "off")
        process = user.start("forward", "show")
        listener.settimeout(30)
        connection, _ = listener.accept()
        user.server = good
        waiting = user.start("forward", "show")
        process.kill()
        process.communicate(timeout=30)
        connection.close()
        assert waiting.communicate(timeout=30) == (b"off\n", b"")
