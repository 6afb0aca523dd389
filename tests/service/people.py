"""People for the tests of the service: accounts made without the API, and their tokens."""

from service.access import Role
from service.accounts.passwords import hash_password
from service.accounts.phones import normal_phone
from service.accounts.sessions import Kind, open_session
from service.ids import new_id
from service.services import Services
from service.store.accounts import Account


def make_account(
    services: Services,
    role: Role,
    scope: str,
    *,
    login: str | None = None,
    phone: str | None = None,
    name: str | None = None,
    password: str | None = None,
    state: str = "active",
) -> str:
    """An account, active unless said otherwise; the region need not exist. Returns its id."""
    number = normal_phone(phone) if phone else None
    account = Account(
        id=new_id(),
        role=role.value,
        scope=scope,
        login=login,
        phone_hash=services.keys.lookup_hash(number) if number else None,
        phone_sealed=services.keys.seal.encrypt(number.encode()) if number else None,
        name_sealed=services.keys.seal.encrypt(name.encode()) if name else None,
        password_hash=hash_password(password) if password else None,
        state=state,
        created_at=services.now(),
        created_by=None,
        activated_at=services.now() if state == "active" else None,
    )
    with services.store.write() as session:
        session.add(account)
    return account.id


def token_for(services: Services, account_id: str, kind: Kind = "device") -> str:
    """A token of the account, as activation or login would give."""
    with services.store.write() as session:
        account = session.get(Account, account_id)
        assert account is not None
        return open_session(session, services, account, kind, "test").token


def bearer(token: str) -> dict[str, str]:
    """The headers that carry a token."""
    return {"Authorization": f"Bearer {token}"}


def person(services: Services, role: Role, scope: str) -> dict[str, str]:
    """The headers of a new person with that role in that region."""
    return bearer(token_for(services, make_account(services, role, scope)))
