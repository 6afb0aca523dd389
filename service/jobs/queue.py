"""What the service needs of a durable job queue; :mod:`service.jobs.dbos_engine` is one."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

RunState = Literal["waiting", "running", "ended", "foreign", "unknown"]
"""In the queue; begun; over (well or not); made by another version of the code, which alone can run it; not there."""


@dataclass(frozen=True, slots=True)
class Run:
    """One handing over of a job to the queue.

    Attributes:
        job_id: the job's row.
        run: its :attr:`~service.store.readings.Job.runs` at that time: an older run of the same job does nothing.
    """

    job_id: str
    run: int

    @property
    def id(self) -> str:
        """Name of the run in the queue."""
        return f"{self.job_id}:{self.run}"

    @classmethod
    def of_id(cls, run_id: str) -> "Run":
        """The run that :attr:`id` names.

        Raises:
            ValueError: it names none.
        """
        job_id, _, run = run_id.rpartition(":")
        return cls(job_id, int(run))


class Handler(Protocol):
    """What the queue calls. Each may be called again for the same run, after a crash; neither raises."""

    def read(self, run: Run) -> bool:
        """Reads the photo; returns whether there is something to decide."""

    def decide(self, run: Run) -> str:
        """Decides its station; returns a word for the log."""


class JobQueue(Protocol):
    """A queue that loses no run, whatever dies, and may run one twice: the steps are made for that."""

    def start(self, handler: Handler) -> None:
        """Begins to run what is in the queue, first what this worker had begun before it died."""

    def submit(self, runs: Sequence[Run]) -> None:
        """Puts runs in, in this order; one that is there already is no error."""

    def status(self, runs: Sequence[Run]) -> Mapping[Run, RunState]:
        """Where each run is."""

    def in_flight(self) -> Mapping[str, int]:
        """Number of begun runs by worker, dead ones too."""

    def resume_dead(self, workers: Collection[str]) -> Sequence[Run]:
        """Gives what dead workers had begun to the living; returns it."""

    def ended(self, before: datetime, limit: int) -> Sequence[Run]:
        """Runs that were over at that time, oldest first."""

    def forget(self, runs: Sequence[Run]) -> None:
        """Deletes runs that are over."""

    def stop(self) -> None:
        """Takes nothing new, lets what runs finish (within the time given at the start), and ends."""
