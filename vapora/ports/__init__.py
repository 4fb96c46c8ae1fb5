"""The protocols by which the rooms speak to actors without naming them.

Every method is a coroutine, since the one who answers may live in another process. Arguments and answers are
plain values that pickle. The composition roots put real ones in.
"""

from vapora.ports.cell import BudgetPort, LogWriterPort, ProjectorPort, QuestionVector, QueuePort
from vapora.ports.identity import IdentityPort, OpenIdStart, Person
from vapora.ports.messages import ChannelsPort, TrackersPort, WebhooksPort
from vapora.ports.repositories import RepositoriesPort
from vapora.ports.requests import IfMatch, Origin, RequestKey
from vapora.ports.system import ActorSystemPort, RouterStatusPort, Standing, WorkflowEnginePort
from vapora.ports.tools import NoMoneyYet, ServedCall, ServedOutcome, ServedTools, ToolGatewayPort

__all__ = [
    "ActorSystemPort",
    "BudgetPort",
    "ChannelsPort",
    "IdentityPort",
    "IfMatch",
    "LogWriterPort",
    "NoMoneyYet",
    "OpenIdStart",
    "Origin",
    "Person",
    "ProjectorPort",
    "QuestionVector",
    "QueuePort",
    "RepositoriesPort",
    "RequestKey",
    "RouterStatusPort",
    "ServedCall",
    "ServedOutcome",
    "ServedTools",
    "Standing",
    "ToolGatewayPort",
    "TrackersPort",
    "WebhooksPort",
    "WorkflowEnginePort",
]
