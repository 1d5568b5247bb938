"""The daemon: watch the roots, look at what arrives, answer, until told to stop.

Comes in: a config file and the locations. Goes out: nothing; it runs. A SIGHUP puts a config that can be used in the
place of the old one; one that cannot is told in the log, and the old one serves on.
"""

from __future__ import annotations

import logging
import signal
from pathlib import Path

from sameshot.app import open_app
from sameshot.config import LoadedConfig, load_with_sources
from sameshot.config_roots import check_roots
from sameshot.errors import BadInput, SameshotError
from sameshot.locations import Locations
from sameshot.service.control import ControlServer
from sameshot.service.logs import open_logs
from sameshot.service.memory import return_freed_memory
from sameshot.service.notify import Notifier
from sameshot.service.probe import Probe
from sameshot.verbs.check import template_problems
from sameshot.verbs.service_loop import Daemon

_log = logging.getLogger(__name__)
_PATIENCE_S = 5.0


def watch(config_file: Path | None, locations: Locations) -> None:
    """Serves in the foreground until SIGTERM or SIGINT.

    Raises BadInput when the config cannot be used, StateUnavailable when another process holds the state.
    """
    # While nothing serves yet, or again, a hang-up must not end the process, which it does by default.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return_freed_memory()
    notifier = Notifier()
    server: ControlServer | None = None
    logs: logging.Handler | None = None
    loaded: LoadedConfig | None = usable_config(config_file)
    while loaded is not None:
        logging.getLogger("sameshot").setLevel(loaded.config.log_level.upper())
        with open_app(loaded, locations, lambda *_: None, verb="watch", writing=True) as app:
            logs = logs or _open_logs(locations)
            _log.info("serving %s", ", ".join(str(root.path) for root in loaded.config.roots))
            # One socket through all reloads: who asks meanwhile is answered later, not turned away.
            server = server or ControlServer(locations.socket)
            daemon = Daemon(app, server, notifier)
            loaded = None
            try:
                loaded = _serve(daemon, config_file)
            finally:
                daemon.close()
                if loaded is None:
                    server.close()


def _open_logs(locations: Locations) -> logging.Handler:
    try:
        return open_logs(locations.log_file)
    except OSError as error:
        _log.warning("the log %s cannot be written: %s", locations.log_file, error.strerror)
        return logging.NullHandler()


def _serve(daemon: Daemon, config_file: Path | None) -> LoadedConfig | None:
    """Runs the daemon. Returns the config to go on with, None when it was told to stop."""
    while daemon.run() == "reload":
        try:
            return usable_config(config_file)
        except SameshotError as error:
            _log.error("the config before it serves on: %s", error)
    _log.info("stopped, as asked")
    return None


def usable_config(config_file: Path | None) -> LoadedConfig:
    """Returns the config. Raises BadInput with every problem but absent folders: their disk may be mounted later."""
    loaded = load_with_sources(config_file)
    if not loaded.config.roots:
        raise BadInput("There is nothing to watch", "Put roots into the config: `sameshot init DIR`")
    # A share whose server is gone answers nothing; it may come back as an absent disk may.
    asked = Probe(lambda _: check_roots(loaded.config)).wait(Path("/"), _PATIENCE_S)
    problems = [str(problem) for problem in asked or [] if not problem.may_heal]
    problems += template_problems(loaded.config)
    if problems:
        raise BadInput("\n".join(problems))
    return loaded
