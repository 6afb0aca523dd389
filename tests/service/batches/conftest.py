from tests.service.jobs.conftest import recorded, stub, world

__all__ = ["recorded", "stub", "world"]
