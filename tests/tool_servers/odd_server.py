"""A server of tools that can be told to misbehave, as a program: `python odd_server.py [http PORT | bare]`.
`bare`: it has tools alone.

It speaks both generations of the protocol, by the official SDK.
"""

import asyncio
import os
import sys
from pathlib import Path

from mcp.server.mcpserver import Context, MCPServer

# Before the SDK puts its own there.
_OUTPUT = os.dup(1)
server = MCPServer("odd", version="1.0")


def _note(name: str) -> None:
    with Path(name).open("a") as file:
        file.write(f"{os.getpid()}\n")


@server.tool()
def echo(text: str) -> str:
    """Says what it is told."""
    return f"said: {text}"


@server.tool()
async def slow(seconds: float) -> str:
    """Takes its time."""
    await asyncio.sleep(seconds)
    return "done at last"


@server.tool()
def big(size: int) -> str:
    """Says very much."""
    return "x" * size


@server.tool()
def die(code: int = 1) -> str:
    """Ends in the middle of a call."""
    os._exit(code)


@server.tool()
def write_down(note: str) -> str:
    """Writes a line into the file that it is given."""
    _note(note)
    return "written down"


@server.tool()
async def die_slowly(note: str) -> str:
    """Writes a line into the file that it is given, and then hangs for ever."""
    _note(note)
    await asyncio.sleep(3_600)
    return "never"


@server.tool()
def flood() -> str:
    """Writes without end, and never a whole message."""
    while True:
        os.write(_OUTPUT, b"x" * (1 << 16))


@server.tool()
def variable(name: str) -> str:
    """What a variable of its environment holds."""
    return os.environ.get(name, "nothing")


@server.tool()
async def change(context: Context) -> str:
    """Takes echo away, and brings another tool."""
    server.remove_tool("echo")
    server.add_tool(lambda: "new", name="another", description="Was not there before.")
    # The older generation tells everybody, the newer one those who listen.
    await context.session.send_tool_list_changed()
    await context.notify_tools_changed()
    return "changed"


@server.tool()
def fail() -> str:
    """Always fails."""
    raise ValueError("it cannot be done")


if sys.argv[1:] != ["bare"]:

    @server.resource("odd://note")
    def note() -> str:
        """A note."""
        return "what the note says"

    @server.resource("odd://pages/{size}")
    def pages(size: str) -> str:
        """So many letters."""
        return "y" * int(size)

    @server.prompt()
    def greet(name: str, tone: str = "friendly") -> str:
        """A greeting."""
        return f"Greet {name}. Be {tone}."

    @server.prompt()
    def pad(size: str) -> str:
        """So many letters."""
        return "y" * int(size)


if __name__ == "__main__":
    if sys.argv[1:2] == ["http"]:
        server.run("streamable-http", host="127.0.0.1", port=int(sys.argv[2]))
    else:
        server.run("stdio")
