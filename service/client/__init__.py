"""A client of the service: sends photos over bad networks until the server has given a receipt.

Needs nothing of the rest of Turus but httpx2 (and cryptography to check receipts), so it can be used on its own::

    from service.client import TurusClient

    with TurusClient("https://turus.example", token) as client:
        receipt = client.send_photo("page1.jpg", election="pilkada-2026", tps="1871011001001")
"""

from service.client.client import TurusClient
from service.client.problems import CannotReach, ClientProblem, Refused
from service.client.receipts import ReceiptInfo, save_receipt, verify_receipt
from service.client.retry import Patience
from service.client.values import LoginInfo, NumberInfo, PhotoInfo

__all__ = [
    "CannotReach",
    "ClientProblem",
    "LoginInfo",
    "NumberInfo",
    "Patience",
    "PhotoInfo",
    "ReceiptInfo",
    "Refused",
    "TurusClient",
    "save_receipt",
    "verify_receipt",
]
