"""The audit trail: who did what, when, why and from where, in chains that show any later change."""

from service.audit.chain import NATIONAL, Act, append, kecamatan_of

__all__ = ["NATIONAL", "Act", "append", "kecamatan_of"]
