"""Regions and polling stations over HTTP, and the path parameters that name places."""

import unicodedata
from collections.abc import Iterable
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import AfterValidator, Field, StringConstraints

from service.access import Action, Actor, authorise
from service.api.deps import Requires, Svc
from service.api.shapes import Answer
from service.elections.draft import ID_PATTERN
from service.regions.codes import REGION_PATTERN, TPS_PATTERN, region_from_path, shown
from service.regions.queries import children_of, get_region, path_to, search_regions, stations_of
from service.store.regions import Region

router = APIRouter(prefix="/regions", tags=["regions"])

MAX_FOUND = 50
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def printable(text: str) -> str:
    """The text; raises ValueError for characters that nobody sees (databases and terminals stumble over them)."""
    if any(unicodedata.category(character) in _HIDDEN for character in text):
        raise ValueError("control characters are not allowed")
    return text


Viewer = Annotated[Actor, Depends(Requires(Action.SEE_RECAP))]
RegionPath = Annotated[str, Path(pattern=REGION_PATTERN, description="region code, `0` the nation", examples=["1871"])]
TpsPath = Annotated[str, Path(pattern=TPS_PATTERN, description="13 digits", examples=["1871011001001"])]
ElectionPath = Annotated[str, Path(pattern=ID_PATTERN, description="id of the election", examples=["ppwp-2024"])]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500), AfterValidator(printable)]


class RegionItem(Answer):
    """A region."""

    code: str = Field(description="`0` the nation", examples=["1871"])
    name: str = Field(examples=["KOTA BANDAR LAMPUNG"])
    level: int = Field(description="0 nation, 1 province, 2 city, 3 kecamatan, 4 desa/kelurahan", examples=[2])


class RegionCounted(RegionItem):
    """A region with the number of its polling stations."""

    tps_count: int = Field(description="polling stations anywhere below", examples=[1700])


class StationItem(Answer):
    """A polling station."""

    code: str = Field(examples=["1871011001001"])
    number: int = Field(examples=[1])


class RegionAnswer(RegionCounted):
    """A region, what lies around it and what lies directly below."""

    path: list[RegionItem] = Field(description="the regions around it, the nation first")
    children: list[RegionCounted] = Field(description="regions directly below; none below a desa")
    stations: list[StationItem] = Field(description="polling stations of a desa; none for larger regions")


@router.get("/search")
def search(
    services: Svc,
    actor: Viewer,
    q: Annotated[
        str,
        Query(min_length=1, max_length=100, description="words of a name, or the beginning of a code"),
        AfterValidator(printable),
    ],
    limit: Annotated[int, Query(ge=1, le=MAX_FOUND)] = 20,
) -> list[RegionCounted]:
    """Regions of one's own area by name or code, larger ones first."""
    with services.store.read() as session:
        return [_counted(region) for region in search_regions(session, q, actor.scope, limit)]


@router.get("/{code}")
def region(code: RegionPath, services: Svc, actor: Viewer, response: Response) -> RegionAnswer:
    """A region with its parts.

    Raises:
        ServiceError: ``unknown_region``, ``foreign_region``.
    """
    place = region_from_path(code)
    authorise(actor, Action.SEE_RECAP, place)
    with services.store.read() as session:
        found = get_region(session, place)
        response.headers["Cache-Control"] = "private, max-age=300"
        return RegionAnswer(
            **_counted(found).model_dump(),
            path=items(path_to(session, place)),
            children=[_counted(child) for child in children_of(session, found)],
            stations=[StationItem.model_validate(station) for station in stations_of(session, found)],
        )


def items(regions: Iterable[Region]) -> list[RegionItem]:
    """Regions as answers."""
    return [RegionItem(code=shown(r.code), name=r.name, level=r.level) for r in regions]


def _counted(region: Region) -> RegionCounted:
    return RegionCounted(code=shown(region.code), name=region.name, level=region.level, tps_count=region.tps_count)
