"""One web process: uvicorn with our logs, our limits, and a graceful end."""

import socket

import uvicorn
from fastapi import FastAPI

from service.app import create_app
from service.logs import set_up_logs
from service.services import Services
from service.uploads.intake import Intake

KEEP_ALIVE_S = 75
"""Longer than the proxies in front keep a connection idle, so that they close it and not we under their request."""

STOP_WITHIN_S = 25
"""Time that requests under way get when the process is asked to stop; their bytes are kept either way."""


class _Server(uvicorn.Server):
    """Ends uploads under way at once, with 503 and their bytes kept, instead of cutting them when patience runs out."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Called by uvicorn when it is asked to stop."""
        intake: Intake | None = getattr(self._app.state, "intake", None)
        if intake is not None:
            intake.stop_receiving()
        await super().shutdown(sockets)


def run_web(services: Services, host: str, port: int) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit code."""
    settings = services.settings
    set_up_logs(settings)
    app = create_app(services)
    server = _Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_config=None,
            access_log=False,  # our own line says more and holds no path
            server_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=STOP_WITHIN_S,
            proxy_headers=True,
            forwarded_allow_ips=settings.trusted_proxies,
        ),
        app,
    )
    app.state.server = server  # event streams look here whether the process is to stop
    server.run()
    services.store.close()
    return 0 if server.started else 1
