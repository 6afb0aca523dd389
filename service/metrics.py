"""What Prometheus is told. Labels are route patterns, codes and states: never ids, never regions."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()

REQUESTS = Counter("turus_requests_total", "Requests answered.", ("method", "route", "status"), registry=REGISTRY)
REQUEST_SECONDS = Histogram(
    "turus_request_seconds",
    "Time to answer.",
    ("method", "route"),
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 15, 60),
    registry=REGISTRY,
)
IN_FLIGHT = Gauge("turus_requests_in_flight", "Requests being answered.", registry=REGISTRY)
PROBLEMS = Counter("turus_problems_total", "Errors answered, by code.", ("code",), registry=REGISTRY)
JOBS = Gauge("turus_jobs", "Readings by state.", ("state",), registry=REGISTRY)
OLDEST_WAIT = Gauge("turus_oldest_waiting_seconds", "Age of the oldest photo nobody has read.", registry=REGISTRY)
WORKERS = Gauge("turus_workers_alive", "Workers heard of within half a minute.", registry=REGISTRY)
PHOTOS = Gauge("turus_photos", "Photos by state.", ("state",), registry=REGISTRY)
FREE_BYTES = Gauge("turus_storage_free_bytes", "Room left for photos; absent where unknown.", registry=REGISTRY)
