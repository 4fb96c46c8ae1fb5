"""The first owner as the settings name them."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import SecretStr, TypeAdapter, ValidationError

from vapora.commands import Email, NewPassword
from vapora.errors import ConfigurationError
from vapora.settings import Settings


@dataclass(frozen=True, slots=True)
class FirstOwner:
    email: str
    password: SecretStr = field(repr=False)


def named_owner(settings: Settings) -> FirstOwner | None:
    """None where none is named. Raises `ConfigurationError` for an address or a password that cannot be taken."""
    password = settings.owner_password
    if not settings.owner_email and not password.get_secret_value():
        return None
    try:
        email = TypeAdapter[str](Email).validate_python(settings.owner_email)
    except ValidationError:
        raise ConfigurationError(
            "VAPORA_OWNER_EMAIL is no e-mail address.", remedy="Set it together with VAPORA_OWNER_PASSWORD, or neither."
        ) from None
    try:
        return FirstOwner(email, TypeAdapter[SecretStr](NewPassword).validate_python(password))
    except ValidationError:
        raise ConfigurationError(
            "VAPORA_OWNER_PASSWORD cannot be taken: a password has 12 to 1,000 characters.",
            remedy="Choose a longer one, or leave both out: the start prints a link then.",
        ) from None
