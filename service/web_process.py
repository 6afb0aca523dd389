"""One web process: uvicorn with our logs, our limits, and a graceful end."""

import uvicorn

from service.app import create_app
from service.logs import set_up_logs
from service.services import Services

KEEP_ALIVE_S = 75
"""Longer than the proxies in front keep a connection idle, so that they close it and not we under their request."""

STOP_WITHIN_S = 25
"""Time that requests under way get when the process is asked to stop; their bytes are kept either way."""


def run_web(services: Services, host: str, port: int) -> int:
    """Serves until SIGTERM or SIGINT; returns the exit code."""
    settings = services.settings
    set_up_logs(settings)
    app = create_app(services)
    server = uvicorn.Server(
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
        )
    )
    app.state.server = server  # event streams look here whether the process is to stop
    server.run()
    services.store.close()
    return 0 if server.started else 1
