"""A wire between two nodes: who is at the other end shows first that it knows the installation's secret, each to the
other, and each frame shows that it comes from there.

Nothing is unpickled, and nothing is sent but random numbers and proofs, before that. The secret itself never leaves a
process, so who takes the place of a node learns nothing that it could use elsewhere. What is said can be read on the
way, as Ray's own calls can: what must not be, is for the network (a mesh with TLS, WireGuard).

1. The door sends 32 random bytes.
2. The caller sends 32 of its own, and HMAC-SHA256 under the secret over `caller`, the door's name and both numbers.
3. The door compares, and answers with the same over `door`; the caller compares.

Then each side seals its frames by keyed BLAKE2b (16 bytes) with a key that both numbers went into, over how many frames
it sealed before, the header and the body: none can be made up, changed, left out or played back.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
import socket
from collections.abc import Callable

from actors.runtime.wire import Frame, Wire
from vapora.errors import ConfigurationError

# Shorter ones can be guessed by trying, from one handshake that somebody listened to.
LEAST_SECRET_BYTES = 32
# Whoever has not proved itself by then is sent away.
PROVE_WITHIN_S = 5.0
_NUMBER = _PROOF = 32
_SEAL = 16
# A machine that lost its power says nothing. The system would wait for hours, or where something is on its way to it
# for a quarter of one.
_GONE = (("TCP_KEEPIDLE", 5), ("TCP_KEEPINTVL", 2), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 10_000))


def check_secret(secret: bytes) -> bytes:
    if len(secret) < LEAST_SECRET_BYTES:
        raise ConfigurationError(
            f"The secret of the direct transport has {len(secret)} bytes: at least {LEAST_SECRET_BYTES} are needed.",
            remedy="Make one by: openssl rand -hex 32",
        )
    return secret


class SealedWire(Wire):
    """`is_door`: which end this is. `name`: that of the door, by which the caller knows it. `proved` is called once
    the other end has shown that it knows the secret; until then nothing may be sent, and nothing is taken."""

    def __init__(
        self,
        took: Callable[[int, int, bytes | bytearray], None],
        ended: Callable[[], None],
        *,
        secret: bytes,
        name: str,
        is_door: bool,
        proved: Callable[[], None] = lambda: None,
        within_s: float = PROVE_WITHIN_S,
    ) -> None:
        super().__init__(took, ended)
        self._secret = secret
        self._name = name.encode()
        self._is_door = is_door
        self._proved = proved
        self._within_s = within_s
        self._own = secrets.token_bytes(_NUMBER)
        self._numbers = b""  # the door's and the caller's, once both are known
        self._is_proved = False
        self._heard = bytearray()
        self._keys = (b"", b"")  # for what is sent, for what comes
        self._counts = [0, 0]
        self._deadline: asyncio.TimerHandle | None = None

    # --- proving ---

    def admits(self, transport: asyncio.Transport) -> bool:
        with socket.fromfd(
            transport.get_extra_info("socket").fileno(), socket.AF_INET, socket.SOCK_STREAM
        ) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            for name, value in _GONE:
                if (option := getattr(socket, name, None)) is not None:
                    connection.setsockopt(socket.IPPROTO_TCP, option, value)
        self._deadline = self._loop.call_later(self._within_s, self.close)
        if self._is_door:
            transport.write(self._own)
        return True

    def connection_lost(self, error: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        if self._is_proved:
            super().data_received(data)
            return
        self._heard += data
        if not self._is_door and not self._numbers and len(self._heard) >= _NUMBER:
            self._numbers = bytes(self._heard[:_NUMBER]) + self._own
            del self._heard[:_NUMBER]
            self._write(self._own + self._digest(b"caller"))
        needed = _NUMBER + _PROOF if self._is_door else _PROOF
        if (self._is_door or self._numbers) and len(self._heard) >= needed:
            self._compare(bytes(self._heard[:needed]), bytes(self._heard[needed:]))

    def _compare(self, told: bytes, rest: bytes) -> None:
        if self._is_door:
            self._numbers = self._own + told[:_NUMBER]
        theirs = self._digest(b"caller" if self._is_door else b"door")
        if not hmac.compare_digest(theirs, told[-_PROOF:]):
            self.close()
            return
        if self._is_door:
            self._write(self._digest(b"door"))
        from_door, from_caller = self._digest(b"from door"), self._digest(b"from caller")
        self._keys = (from_door, from_caller) if self._is_door else (from_caller, from_door)
        self._is_proved = True
        self._heard.clear()
        if self._deadline is not None:
            self._deadline.cancel()
        self._proved()
        if rest:
            super().data_received(rest)

    def _digest(self, what: bytes) -> bytes:
        # No part may pass for another: each has its length before it.
        told = b"".join(len(one).to_bytes(4) + one for one in (what, self._name, self._numbers))
        return hmac.digest(self._secret, told, "sha256")

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)

    # --- sealing ---

    seal_bytes = _SEAL

    def send(self, frame: Frame, number: int, body: bytes = b"") -> None:
        # Whoever is not proved yet is told nothing.
        if self._is_proved:
            super().send(frame, number, body)

    def seal(self, header: bytes | bytearray, body: bytes | bytearray) -> bytes:
        return self._sealed(0, header, body)

    def is_genuine(self, header: bytes | bytearray, body: bytes | bytearray, seal: bytes | bytearray) -> bool:
        return hmac.compare_digest(self._sealed(1, header, body), bytes(seal))

    def _sealed(self, way: int, header: bytes | bytearray, body: bytes | bytearray) -> bytes:
        digest = hashlib.blake2b(self._counts[way].to_bytes(8), digest_size=_SEAL, key=self._keys[way])
        self._counts[way] += 1
        digest.update(header)
        digest.update(body)
        return digest.digest()
