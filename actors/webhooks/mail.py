"""One mail to one server: its name is looked up once, checked, and the connection goes to just that address.

No mail leaves in the clear, and no password with it, but to an address that the operator has allowed by name.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from ipaddress import ip_address
from time import perf_counter
from typing import Final

import aiosmtplib
from pydantic import SecretStr

from actors.reach import Reach, RefusedAddressError
from actors.webhooks.sending import Attempt
from events.channel import Mail
from vapora.clock import Clock
from vapora.errors import BadInputError

TIMEOUT_S: Final = 20.0
_SAID: Final = 200


class Mailer:
    """`reach`: looks addresses up and checks them, as for every message. `context`: whom to trust; None: the system's
    certificates."""

    def __init__(
        self, reach: Reach, clock: Clock, *, context: ssl.SSLContext | None = None, timeout_s: float = TIMEOUT_S
    ) -> None:
        self._reach = reach
        self._clock = clock
        self._context = context
        self._timeout_s = timeout_s

    async def check(self, mail: Mail) -> None:
        """`BadInputError` for a server that would be refused today; one that has no address yet may get one."""
        try:
            _, opened = await self._reach.address_of(mail.host, mail.port)
            if mail.security == "none" and not opened:
                raise RefusedAddressError("without TLS anybody on the way could read it")
        except RefusedAddressError as error:
            raise BadInputError(
                f"Mail cannot be handed over there: {error}.",
                remedy="Name a public server, with starttls or tls, or have the operator allow its network in "
                "VAPORA_WEBHOOK_ALLOW.",
                field="mail",
            ) from None
        except OSError:
            return

    async def send(self, mail: Mail, password: SecretStr | None, subject: str, text: str) -> Attempt:
        """Never raises but when it is cancelled: whatever goes wrong is the attempt's outcome."""
        begun = perf_counter()
        try:
            async with asyncio.timeout(self._timeout_s):
                found = await self._hand_over(mail, password, self._message(mail, subject, text))
        except TimeoutError:
            found = Attempt(None, f"no answer within {self._timeout_s:g} s")
        except RefusedAddressError as error:
            found = Attempt(None, f"refused: {error}")
        except aiosmtplib.SMTPAuthenticationError as error:
            # What a server says about a log-in may repeat it.
            found = Attempt(error.code, "the server took neither username nor password")
        except aiosmtplib.SMTPResponseException as error:
            found = Attempt(error.code, f"the server answered with {error.code}")
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = sorted({one.code for one in error.recipients})
            found = Attempt(codes[0] if codes else None, "the server refused the recipients")
        except ssl.SSLError as error:
            found = Attempt(None, f"TLS failed: {error.reason or type(error).__name__}"[:_SAID])
        except (OSError, ValueError, aiosmtplib.SMTPException) as error:
            found = Attempt(None, f"{type(error).__name__} while speaking to the mail server")
        return Attempt(found.status, found.error, round((perf_counter() - begun) * 1_000))

    async def _hand_over(self, mail: Mail, password: SecretStr | None, message: EmailMessage) -> Attempt:
        address, opened = await self._reach.address_of(mail.host, mail.port)
        if mail.security == "none" and not opened:
            raise RefusedAddressError("without TLS anybody on the way could read it")
        context = self._context or ssl.create_default_context()
        async with _Connection(address, mail.port) as line:
            client = aiosmtplib.SMTP(
                hostname=mail.host,
                sock=line,
                use_tls=mail.security == "tls",
                start_tls=False,
                tls_context=context if mail.security == "tls" else None,
                timeout=self._timeout_s,
                local_hostname="vapora",
            )
            async with client:
                if mail.security == "starttls":
                    await client.starttls(server_hostname=mail.host, tls_context=context)
                if mail.username and password is not None:
                    await client.login(mail.username, password.get_secret_value())
                refused, _ = await client.send_message(message, sender=mail.sender, recipients=list(mail.to))
        if refused:
            return Attempt(None, f"the server refused {len(refused)} of {len(mail.to)} recipients")
        return Attempt(250, "")

    def _message(self, mail: Mail, subject: str, text: str) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = mail.sender, ", ".join(mail.to), subject
        message["Date"] = format_datetime(self._clock())
        message["Message-ID"] = make_msgid(domain="vapora.invalid")
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text)
        return message


class _Connection:
    """A socket that is connected to the address itself; no name is looked up for it."""

    def __init__(self, address: str, port: int) -> None:
        family = socket.AF_INET6 if ip_address(address).version == 6 else socket.AF_INET
        self._to = (address, port)
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        self._socket.setblocking(False)

    async def __aenter__(self) -> socket.socket:
        try:
            await asyncio.get_running_loop().sock_connect(self._socket, self._to)
        except BaseException:
            self._socket.close()
            raise
        return self._socket

    async def __aexit__(self, *_: object) -> None:
        self._socket.close()
