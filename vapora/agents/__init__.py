"""Agents written in Python: what a person's own code imports. Light: pydantic and the standard library, no more.

@vapora.tool(effect="pure")
def word_count(text: str) -> int:
    '''Count the words of a text.'''
    return len(text.split())

@vapora.agent(role="documenter", tools=[word_count])
def summariser(ctx: vapora.Context) -> str:
    '''You summarise texts for busy people, in plain words.'''
    words = ctx.tool(word_count, text=ctx.task.description)
    return ctx.model(f"Summarise these {words} words in one sentence: {ctx.task.description}")
"""

from vapora.agents.context import AsyncContext, Context
from vapora.agents.definition import Agent, agent
from vapora.agents.errors import AnswerError, ToolFailedError
from vapora.agents.facts import Project, Task
from vapora.agents.tools import Tool, tool

__all__ = [
    "Agent",
    "AnswerError",
    "AsyncContext",
    "Context",
    "Project",
    "Task",
    "Tool",
    "ToolFailedError",
    "agent",
    "tool",
]
