"""Logs: what was done and what went wrong can be read, and neither pictures nor secrets."""

from __future__ import annotations

import base64
import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lookalike.cli import main
from lookalike.errors import UsageError
from lookalike.logs import HIDDEN, LONGEST, hide, log_to, without_secrets
from tests.conftest import Fake, write_picture


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    ours = logging.getLogger("lookalike")
    before = ours.level, logging.raiseExceptions
    yield
    log_to()
    ours.setLevel(before[0])
    logging.raiseExceptions = before[1]


@pytest.fixture
def library(tmp_path: Path, fake: Fake) -> list[str]:
    write_picture(tmp_path / "photos" / "a.png", 1)
    (tmp_path / "photos" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    return ["--library", str(tmp_path / "a.lookalike"), "--quiet"]


def test_a_log_tells_what_was_done_and_how_it_ended(library, tmp_path, capsys):
    log = tmp_path / "run.log"
    index = ["index", str(tmp_path / "photos"), "--descriptor", "fake", *library]
    assert main(["--log", str(log), *index]) == 0
    text = log.read_text()
    assert "index" in text
    assert "added=1" in text
    assert "failed=1" in text
    assert "ended with code 0" in text
    assert "lookalike.cli" not in capsys.readouterr().err
    assert stat.S_IMODE(log.stat().st_mode) == 0o600 or os.name == "nt"
    assert main(["--log", str(log), "search", str(tmp_path / "photos/a.png"), "--descriptor", "pdq", *library]) == 3
    more = log.read_text()
    assert more.startswith(text)
    assert "FingerprintError" in more
    assert "Traceback" in more
    assert "ended with code 3" in more


def test_unless_asked_an_error_is_one_line(tmp_path):
    command = [sys.executable, "-m", "lookalike", "status", "--library", str(tmp_path / "nowhere.lookalike")]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert (ended.returncode, ended.stderr.count("\n"), ended.stderr[:11]) == (3, 1, "lookalike: ")


def test_verbose_says_it_on_standard_error_and_the_variable_names_a_file(library, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LOOKALIKE_LOG", str(tmp_path / "by variable.log"))
    assert main(["--verbose", "status", "--library", str(tmp_path / "nowhere.lookalike")]) == 3
    told = capsys.readouterr()
    assert "LibraryNotFoundError" in told.err
    assert "LibraryNotFoundError" in (tmp_path / "by variable.log").read_text()
    assert told.out == ""
    assert main(["--version"]) == 0
    assert "LookalikeError" not in capsys.readouterr().err


def test_a_log_that_cannot_be_written_is_wrong_use(library, tmp_path, capsys):
    assert main(["--log", str(tmp_path), "status", *library[:2]]) == 2
    assert "name another --log" in capsys.readouterr().err
    with pytest.raises(UsageError):
        log_to(file=tmp_path / "no such folder" / "x.log")


@pytest.mark.parametrize(
    "text",
    [
        "GET /?token=SECRET-1 HTTP/1.1", "Authorization: Bearer SECRET-1", "{'authorization': 'Basic SECRET-1'}",
        "['serve', '--token', 'SECRET-1']", "serve --token SECRET-1", "https://user:SECRET-1@example.org/a.jpg",
        '{"password": "SECRET-1"}', "https://x/?api_key=SECRET-1&b=2", "Cookie: SECRET-1",
    ],
)  # fmt: skip
def test_secrets_are_replaced_wherever_they_stand(text):
    assert "SECRET-1" not in without_secrets(text)
    assert HIDDEN in without_secrets(text)


def test_a_secret_that_is_known_and_the_content_of_files_are_replaced_by_the_log_itself(tmp_path):
    log = tmp_path / "a.log"
    log_to(file=log, secrets=["a token of nine words that nothing announces"])
    hide(None)
    ours = logging.getLogger("lookalike.anything")
    pixels = bytes(range(256)) * 8
    try:
        raise ValueError(f"no picture: {pixels!r}, a token of nine words that nothing announces")
    except ValueError:
        ours.exception("name with\na newline and %s", base64.b64encode(pixels).decode())
    ours.info("x" + " y" * LONGEST)
    text = log.read_text()
    assert "nine words" not in text
    assert base64.b64encode(pixels).decode()[:100] not in text
    assert "\\xfe\\xff" not in text
    assert "name with\\na newline" in text
    assert len(text) < 3 * LONGEST
    assert "ValueError" in text


def test_names_that_are_not_utf8_can_be_logged(tmp_path):
    log_to(file=tmp_path / "a.log")
    logging.getLogger("lookalike.x").info("%s", os.fsdecode(b"caf\xe9.png"))
    assert b"caf\xe9.png" in (tmp_path / "a.log").read_bytes()


def test_the_token_of_a_server_is_in_no_log(tmp_path, monkeypatch, fake, capsys):
    log, token = tmp_path / "serve.log", "abcdefgh" * 4
    monkeypatch.setattr("lookalike.server.run.run", _fail_with_token)
    assert main(["index", str(write_picture(tmp_path / "a.png", 1)), "--descriptor", "fake", "--quiet", "--library",
                 str(tmp_path / "a.lookalike")]) == 0  # fmt: skip
    assert main(["--log", str(log), "serve", "--port", "0", "--no-open", "--token", token, "--library",
                 str(tmp_path / "a.lookalike")]) == 2  # fmt: skip
    assert "went wrong with" in log.read_text()
    assert token not in log.read_text()


def _fail_with_token(library, settings, listening):
    listening.close()
    raise UsageError(f"it went wrong with {settings.token}")
