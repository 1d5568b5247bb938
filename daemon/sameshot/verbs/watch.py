"""The daemon: watch the roots, look at what arrives, answer, until told to stop.

Comes in: a config file and the locations. Goes out: nothing; it runs. A SIGHUP puts a config that can be used in the
place of the old one; one that cannot is told in the log, and the old one serves on. A state that can no longer be used,
as on a full disk, is tried again and again, less and less often; whoever asks meanwhile hears why.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import time
from collections.abc import Iterator
from pathlib import Path

from sameshot.app import open_app
from sameshot.config import LoadedConfig, load_with_sources
from sameshot.config_roots import check_roots
from sameshot.errors import BadInput, SameshotError, StateUnavailable
from sameshot.locations import Locations
from sameshot.service.control import ControlServer, Request
from sameshot.service.logs import occupy_standard_streams, open_logs
from sameshot.service.memory import return_freed_memory
from sameshot.service.notify import Notifier
from sameshot.service.probe import Probe
from sameshot.service.signals import Signals, Stopped
from sameshot.verbs.check import template_problems
from sameshot.verbs.diary import Diary
from sameshot.verbs.service_loop import Daemon

_log = logging.getLogger(__name__)
_PATIENCE_S = 5.0
_TRY_AGAIN_S = (2.0, 300.0)
"""The first and the longest wait for a state that cannot be used."""
_LOOK_UP_S = 5.0


def watch(config_file: Path | None, locations: Locations) -> None:
    """Serves in the foreground until SIGTERM or SIGINT.

    Raises BadInput when the config cannot be used, StateUnavailable when another process holds the state.
    """
    occupy_standard_streams()
    return_freed_memory()
    with Signals() as signals:
        service = _Service(config_file, locations, signals)
        try:
            service.run()
        except Stopped:
            service.notifier.stopping()
            _log.info("stopped, as asked, before it was ready")
        finally:
            service.close()


class _Service:
    """The service through all its reloads: one socket, one log and diary, one config after another."""

    def __init__(self, config_file: Path | None, locations: Locations, signals: Signals) -> None:
        self.notifier = Notifier()
        self._config_file, self._locations, self._signals = config_file, locations, signals
        self._server: ControlServer | None = None
        self._diary = Diary()
        self._logs: logging.Handler | None = None
        self._before: LoadedConfig | None = None
        """The config that served last."""
        self._wait_s = _TRY_AGAIN_S[0]
        self._may_wait = False

    def run(self) -> None:
        """Serves until told to stop. Raises Stopped when that comes while it gets ready."""
        loaded: LoadedConfig | None = self._usable_config()
        while loaded is not None:
            serving, began_s = loaded, time.monotonic()
            try:
                loaded = self._live(serving)
            except StateUnavailable as error:
                if not self._may_wait:  # at the start whoever started it hears of it
                    raise
                if time.monotonic() - began_s > _TRY_AGAIN_S[1]:
                    self._wait_s = _TRY_AGAIN_S[0]
                loaded = self._wait(error, serving)

    def _live(self, loaded: LoadedConfig) -> LoadedConfig | None:
        """Serves one config. Returns the one to go on with, None when it was told to stop."""
        with contextlib.ExitStack() as life:
            try:
                with self._signals.abandoning():
                    daemon = life.enter_context(self._ready(loaded))
            except SameshotError as error:
                if self._before is None or isinstance(error, StateUnavailable):
                    raise
                _tell_rejected(error)
                before, self._before = self._before, None
                return before
            self._before, self._may_wait = loaded, True
            return self._serve(daemon)

    def _wait(self, error: StateUnavailable, loaded: LoadedConfig) -> LoadedConfig | None:
        """Has everybody who asks hear the error for a while. Returns what to go on with, None when told to stop."""
        _log.error("%s; tried again in %.0f s", error, self._wait_s)
        self.notifier.status(str(error))

        def refuse(_: Request) -> None:
            raise error

        until_s = time.monotonic() + self._wait_s
        self._wait_s = min(2 * self._wait_s, _TRY_AGAIN_S[1])
        with selectors.DefaultSelector() as selector:
            selector.register(self._signals, selectors.EVENT_READ)
            if self._server is not None:
                selector.register(self._server, selectors.EVENT_READ)
            while not self._signals.anything_asked and (left_s := until_s - time.monotonic()) > 0:
                selector.select(min(left_s, self.notifier.watchdog_interval_s or _LOOK_UP_S, _LOOK_UP_S))
                self._signals.drain()
                self.notifier.watchdog()
                if self._server is not None:
                    self._server.handle(refuse, time.monotonic())
        if not self._signals.anything_asked:
            return loaded
        if self._signals.taken() == "reload":
            self.notifier.reloading()
            try:
                return self._usable_config()
            except SameshotError as rejected:
                _tell_rejected(rejected)
                return loaded
        self.notifier.stopping()
        return None

    def close(self) -> None:
        """Hangs up on everybody."""
        if self._server is not None:
            self._server.close()

    @contextlib.contextmanager
    def _ready(self, loaded: LoadedConfig) -> Iterator[Daemon]:
        logging.getLogger("sameshot").setLevel(loaded.config.log_level.upper())
        with open_app(loaded, self._locations, lambda *_: None, verb="watch", writing=True) as app:
            self._logs = self._logs or _open_logs(self._locations)
            # One socket through all reloads: who asks meanwhile is answered later, not turned away.
            self._server = self._server or ControlServer(self._locations.socket)
            self._server.keep_reachable()
            daemon = Daemon(app, self._server, self.notifier, self._signals, self._diary)
            try:
                daemon.start()
                _log.info("serving %s", ", ".join(str(root.path) for root in loaded.config.roots))
                yield daemon
            finally:
                daemon.close()

    def _serve(self, daemon: Daemon) -> LoadedConfig | None:
        """Runs the daemon. Returns the config to go on with, None when it was told to stop."""
        while daemon.run() == "reload":
            self.notifier.reloading()
            try:
                return self._usable_config()
            except SameshotError as error:
                _tell_rejected(error)
                self.notifier.ready()
        self.notifier.stopping()
        _log.info("stopped, as asked")
        return None

    def _usable_config(self) -> LoadedConfig:
        with self._signals.abandoning():
            return usable_config(self._config_file)


def _tell_rejected(error: SameshotError) -> None:
    """A line of the log for each line of the message."""
    for line in str(error).splitlines():
        _log.error("the config before it serves on: %s", line.strip())


def _open_logs(locations: Locations) -> logging.Handler:
    try:
        return open_logs(locations.log_file)
    except OSError as error:
        _log.warning("the log %s cannot be written: %s", locations.log_file, error.strerror)
        return logging.NullHandler()


def usable_config(config_file: Path | None) -> LoadedConfig:
    """Returns the config. Raises BadInput with every problem but absent folders: their disk may be mounted later."""
    # It may lie on a share too.
    loaded = Probe(lambda _: load_with_sources(config_file)).wait(Path("/"), _PATIENCE_S)
    if loaded is None:
        raise BadInput(f"The config {config_file} could not be read within {_PATIENCE_S:.0f} s", "Look at its disk")
    if not loaded.config.roots:
        raise BadInput("There is nothing to watch", "Put roots into the config: `sameshot init DIR`")
    # A share whose server is gone answers nothing; it may come back as an absent disk may.
    asked = Probe(lambda _: check_roots(loaded.config)).wait(Path("/"), _PATIENCE_S)
    problems = [str(problem) for problem in asked or [] if not problem.may_heal]
    problems += template_problems(loaded.config)
    if problems:
        raise BadInput("\n".join(problems))
    return loaded
