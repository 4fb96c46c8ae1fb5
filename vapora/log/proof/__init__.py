"""That a log is what it was: signed checkpoints of the hash chain, the keys that sign them, and the proof of both."""

from vapora.log.proof.books import Checkpoint, carry_over
from vapora.log.proof.checkpoints import CHECKPOINTS, CheckpointBook
from vapora.log.proof.keys import SigningKey, Verifier, public_path
from vapora.log.proof.verify import Verdict, verify

__all__ = [
    "CHECKPOINTS",
    "Checkpoint",
    "CheckpointBook",
    "SigningKey",
    "Verdict",
    "Verifier",
    "carry_over",
    "public_path",
    "verify",
]
