"""A small country and an election in it, for the tests of the whole service."""

from dataclasses import dataclass

from service.elections.draft import CandidateDraft, ElectionDraft
from service.elections.manage import create_election
from service.elections.manage import open_election as open_it
from service.regions.load import import_regions
from service.services import Services

COUNTRY_CSV = """code,name,tps
18,LAMPUNG,
1871,KOTA BANDAR LAMPUNG,
187101,KEDATON,
1871011001,KEDATON,3
1871011002,SURABAYA,1
187102,SUKARAME,
1871021001,SUKARAME,1;901
"""

ELECTION = "ppwp-2024"
FORM = "c-hasil-ppwp-2024"


@dataclass(frozen=True, slots=True)
class Places:
    """Codes of the small country."""

    province: str = "18"
    city: str = "1871"
    kecamatan: tuple[str, str] = ("187101", "187102")
    desas: tuple[str, ...] = ("1871011001", "1871011002", "1871021001")
    tps: tuple[str, ...] = (
        "1871011001001",
        "1871011001002",
        "1871011001003",
        "1871011002001",
        "1871021001001",
        "1871021001901",
    )


def small_country(services: Services) -> Places:
    """One province, one city, two kecamatan, three desas and six stations (the first four in the first kecamatan)."""
    import_regions(services, COUNTRY_CSV.encode())
    return Places()


def open_election(services: Services, id: str = ELECTION, scope: str = "1871") -> str:
    """An open election with form c-hasil-ppwp-2024 and three candidates; returns its id."""
    draft = ElectionDraft(
        id=id,
        name="Presiden dan Wakil Presiden 2024",
        forms=(FORM,),
        scope=scope,
        candidates=tuple(CandidateDraft(n, f"Pasangan Calon {n}") for n in (1, 2, 3)),
        limits={"tps_max_voters": 300},
    )
    create_election(services, draft)
    open_it(services, id)
    return id
