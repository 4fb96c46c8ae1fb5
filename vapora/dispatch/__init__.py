"""The one write path for what people ask."""

from vapora.dispatch.carry_out import Decision, carry_out
from vapora.dispatch.dispatcher import Dispatcher
from vapora.dispatch.request_keys import EarlierAnswer, answer_to, position_of_effect
from vapora.ports import RequestKey

__all__ = ["Decision", "Dispatcher", "EarlierAnswer", "RequestKey", "answer_to", "carry_out", "position_of_effect"]
