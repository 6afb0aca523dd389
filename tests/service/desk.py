"""The routes about regions, elections, numbers and the recap, without the rest of the web process."""

from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.api import elections, pleno, problems, recap, regions, stations
from service.services import Services


def desk(services: Services) -> TestClient:
    """A client of these routes alone."""
    app = FastAPI()
    app.state.services = services
    for module in (regions, elections, recap, stations, pleno):
        app.include_router(module.router)
    problems.install(app)
    return TestClient(app, raise_server_exceptions=True)
