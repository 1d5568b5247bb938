"""The control socket: what it answers, whom it refuses, and that nobody can hold it up."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import threading
import time

import pytest

from sameshot.errors import BadInput, SameshotError, StateUnavailable
from sameshot.service import control
from sameshot.service.client import ServiceAbsent, call
from sameshot.service.control import MOST_CONNECTIONS, ControlServer, Request


def answer(request: Request) -> None:
    match request.verb:
        case "echo":
            request.progress({"done": 1, "of": 2})
            request.progress({"done": 2, "of": 2})
            request.finish({"arguments": request.arguments, "config": request.config})
        case "large":
            request.finish("x" * request.arguments["bytes"])
        case "bad":
            raise BadInput("No such photo", "Name another")
        case "busy":
            raise StateUnavailable("Busy")
        case "partly":
            raise SameshotError("One failed")
        case "fault":
            _ = 1 / 0


class Service:
    """A service loop of its own thread, as small as one can be."""

    def __init__(self, path, on_request=answer):
        self.path = path
        self.on_request = on_request
        self.longest_turn_s = 0.0
        self.clock_s = 0.0
        self._server = ControlServer(path)
        self._ended, self._end = os.pipe()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        os.write(self._end, b"x")
        self._thread.join()
        self._server.close()
        os.close(self._end)
        os.close(self._ended)

    def _serve(self):
        while True:
            ready, _, _ = select.select([self._server, self._ended], [], [], 0.05)
            if self._ended in ready:
                return
            before = time.thread_time()
            self._server.handle(self.on_request, time.monotonic() + self.clock_s)
            self.longest_turn_s = max(self.longest_turn_s, time.thread_time() - before)


@pytest.fixture
def service(tmp_path):
    with Service(tmp_path / "control.socket") as running:
        yield running


def connect(path) -> socket.socket:
    line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    line.settimeout(10)
    line.connect(str(path))
    return line


def everything(line: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := line.recv(65536):
            received += piece
    return received


def test_a_verb_its_progress_and_its_result(service):
    progress: list[dict] = []
    arguments = {"files": ["/photos/caf\udce9.jpg", "/photos/\u2603\n.jpg"], "of": 0.5}
    result = call(service.path, "echo", arguments, config="/etc/c.yaml", on_progress=progress.append)
    assert result == {"arguments": arguments, "config": "/etc/c.yaml"}
    assert progress == [{"done": 1, "of": 2}, {"done": 2, "of": 2}]
    assert service.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("verb", "kind", "text"),
    [
        ("bad", BadInput, "No such photo. Name another"),
        ("busy", StateUnavailable, "Busy"),
        ("partly", SameshotError, "One failed"),
    ],
)
def test_errors_arrive_as_they_were_raised(service, verb, kind, text):
    with pytest.raises(kind) as caught:
        call(service.path, verb, {})
    assert type(caught.value) is kind
    assert str(caught.value) == text


def test_a_fault_in_a_verb_is_logged_and_the_service_goes_on(service, caplog):
    with pytest.raises(SameshotError, match="met a fault in itself"):
        call(service.path, "fault", {})
    assert "ZeroDivisionError" in caplog.text
    assert call(service.path, "echo", {})["arguments"] == {}


@pytest.mark.parametrize(
    "line",
    [b"hello", b"[]", b"{}", b'{"verb": 1, "arguments": {}, "config": null}', b'{"verb": "echo", "arguments": []}',
     b"\xff\xfe", b"[" * 100_000, b'{"verb": "echo", "arguments": {}, "config": 3}'],
)  # fmt: skip
def test_what_is_no_request_gets_a_sentence(service, line):
    with connect(service.path) as client:
        client.sendall(line + b"\n")
        error = json.loads(everything(client))["error"]
    assert error["message"].startswith("A request is one line of JSON")
    assert error["exit_code"] == 2


def test_a_request_without_end_is_cut_off(service):
    with connect(service.path) as client, contextlib.suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(40):
            client.sendall(b"x" * 65_536)
    with connect(service.path) as client:
        client.sendall(b"x" * 1_000_001)
        assert b"at most 1 MB" in everything(client)
    with pytest.raises(BadInput, match="too much for one request"):
        call(service.path, "echo", {"files": ["x" * 1_000_000]})


def test_a_large_answer_arrives_whole_and_a_boundless_one_as_an_error(service, monkeypatch):
    assert len(call(service.path, "large", {"bytes": 30_000_000})) == 30_000_000
    monkeypatch.setattr(control, "LARGEST_ANSWER_BYTES", 1000)
    with pytest.raises(SameshotError, match=r"The answer is too large\. Ask for less"):
        call(service.path, "large", {"bytes": 1000})


def test_hostile_clients_hold_up_nobody_and_are_dropped(service):
    lines = [connect(service.path) for _ in range(20)]
    for index, line in enumerate(lines):
        # A third says nothing, a third half a request, a third asks for much and reads none of it.
        line.sendall(
            [b"", b'{"verb": "ec', b'{"verb": "large", "arguments": {"bytes": 5000000}, "config": null}\n'][index % 3]
        )
    before = time.monotonic()
    for _ in range(20):
        assert call(service.path, "echo", {}, silence_s=30)
    assert time.monotonic() - before < control.PATIENCE_S, "none waited for a hostile one to be dropped"
    assert service.longest_turn_s < 0.5
    service.clock_s = control.PATIENCE_S + 1
    time_limit = time.monotonic() + 30
    while len(service._server._connections) and time.monotonic() < time_limit:
        service.clock_s += control.PATIENCE_S + 1
        call(service.path, "echo", {})
    assert service._server._connections == set()
    for line in lines:
        line.close()


def test_more_clients_than_it_takes_wait_their_turn(service):
    lines = [connect(service.path) for _ in range(control.MOST_CONNECTIONS)]
    with connect(service.path) as extra:
        extra.sendall(b'{"verb": "echo", "arguments": {}, "config": null}\n')
        extra.settimeout(0.5)
        with pytest.raises(TimeoutError):
            extra.recv(1)
        lines.pop().close()
        extra.settimeout(10)
        assert b'"result"' in everything(extra)
    for line in lines:
        line.close()
    assert call(service.path, "echo", {})


def test_a_client_that_hangs_up_leaves_its_request_abandoned(tmp_path):
    waiting: list[Request] = []
    with Service(tmp_path / "s", waiting.append) as service:
        line = connect(service.path)
        line.sendall(b'{"verb": "echo", "arguments": {}, "config": null}\n')
        wait_until(lambda: waiting)
        assert not waiting[0].abandoned
        line.close()
        wait_until(lambda: waiting[0].abandoned)
        waiting[0].progress({"done": 1})
        waiting[0].finish("nobody hears this")


def wait_until(holds) -> None:
    limit = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < limit
        os.sched_yield()


def test_an_answer_in_a_later_turn(tmp_path):
    waiting: list[Request] = []
    answers: list[str] = []

    def answer_the_one_before(request: Request) -> None:
        if waiting:
            waiting[0].finish("at last")
            request.finish("at once")
        waiting.append(request)

    with Service(tmp_path / "s", answer_the_one_before) as service:
        asking = threading.Thread(target=lambda: answers.append(call(service.path, "echo", {})))
        asking.start()
        wait_until(lambda: waiting)
        assert call(service.path, "echo", {}) == "at once"
        asking.join()
    assert answers == ["at last"]


def test_a_service_that_ends_or_goes_silent(tmp_path):
    with Service(tmp_path / "s", lambda _: None) as service:
        with pytest.raises(StateUnavailable, match=r"did not answer for 0\.1 s"):
            call(service.path, "echo", {}, silence_s=0.1)
        caught: list[Exception] = []

        def ask() -> None:
            try:
                call(service.path, "echo", {})
            except StateUnavailable as error:
                caught.append(error)

        asking = threading.Thread(target=ask)
        asking.start()
        wait_until(lambda: any(connection._asked for connection in [*service._server._connections]))
    asking.join()
    assert "ended before it had answered" in str(caught[0])
    assert not service.path.exists()
    with pytest.raises(ServiceAbsent, match="No sameshot service is running"):
        call(service.path, "echo", {})


def test_a_stale_socket_is_replaced_and_a_live_one_is_not(tmp_path):
    path = tmp_path / "s"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    with pytest.raises(ServiceAbsent):
        call(path, "echo", {})
    with Service(path) as service:
        assert call(path, "echo", {})
        with pytest.raises(StateUnavailable, match="Another service answers"):
            ControlServer(path)
        assert call(service.path, "echo", {})


def test_a_socket_that_was_removed_is_bound_anew_and_another_services_is_left(tmp_path):
    path = tmp_path / "s"
    server = ControlServer(path)
    server.keep_reachable()
    bound = path.stat().st_ino
    path.rename(tmp_path / "away")
    server.keep_reachable()
    assert path.stat().st_ino != bound
    path.unlink()
    with Service(path) as service:
        with pytest.raises(StateUnavailable, match="Another service answers"):
            server.keep_reachable()
        server.close()
        assert call(service.path, "echo", {}), "who has the place keeps it"


def test_a_service_that_takes_no_more_calls_is_waited_for_no_longer_than_asked(tmp_path):
    with contextlib.ExitStack() as lines, contextlib.closing(ControlServer(tmp_path / "s")):
        for _ in range(MOST_CONNECTIONS + 1):
            line = lines.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
            line.connect(str(tmp_path / "s"))
        with pytest.raises(StateUnavailable, match=r"did not answer for 0\.2 s"):
            call(tmp_path / "s", "echo", {}, silence_s=0.2)


def test_what_is_no_socket_is_left_alone(tmp_path):
    (tmp_path / "s").write_text("mine")
    with pytest.raises(StateUnavailable, match="is in the way of the control socket"):
        ControlServer(tmp_path / "s")
    assert (tmp_path / "s").read_text() == "mine"
    with pytest.raises(StateUnavailable, match="cannot be made: No such file or directory"):
        ControlServer(tmp_path / "absent" / "s")


def test_paths_longer_than_the_kernel_takes(tmp_path):
    folder = tmp_path / ("d" * 120) / "\udcff"
    folder.mkdir(parents=True)
    with Service(folder / "s") as service:
        assert call(service.path, "echo", {"a": 1})["arguments"] == {"a": 1}
        assert service.path.stat().st_mode & 0o777 == 0o600
    assert not service.path.exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_user_is_not_heard(service):
    for folder in (service.path.parent, *service.path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    script = (
        "import os, socket, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "line = socket.socket(socket.AF_UNIX); line.settimeout(5)\n"
        "try:\n    line.connect(sys.argv[1])\n    print(line.recv(100))\n"
        "except PermissionError:\n    print('refused')\n"
    )
    ask = [sys.executable, "-c", script, str(service.path)]
    assert subprocess.run(ask, capture_output=True, text=True, check=True).stdout == "refused\n"
    service.path.chmod(0o666)
    assert subprocess.run(ask, capture_output=True, text=True, check=True).stdout == "b''\n", "its uid is refused too"
