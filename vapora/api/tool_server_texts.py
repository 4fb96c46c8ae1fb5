"""What the fields of servers of tools mean; `vapora.api.field_texts` puts them to the others."""

from __future__ import annotations

_PROTOCOL = {
    "expected_tools": "Tools whose absence is a fault, by their names on the server.",
    "protocol": "auto: what the server speaks; or the one generation, legacy or modern.",
    "timeout_s": "The most that a call may take, in seconds.",
    "result_bytes": "What is kept of a result, in bytes; the rest is cut.",
    "roles": "Roles whose agents get all of its tools; * for every role.",
    "enabled": "False: it is not begun, and nobody gets its tools.",
    "title": "A name for people.",
    "description": "What it is for.",
}
_RULE = {
    "name": "The tool's name on the server.",
    "enabled": "False: nobody gets it.",
    "effect": "pure: may be done again after a crash; outside: never by itself.",
    "outward": "Whether it sends something out of the installation.",
    "reads_outside": "Whether what it gives was written by strangers.",
    "cost_microusd": "What one call costs, in micro-dollars; it is recorded with each.",
    "timeout_s": "The most that a call may take, in seconds; null: as the server says.",
    "allowed_in": "Projects in which it may send something out unasked, also after text of strangers; * for all.",
}
_STDIO = {
    "kind": "stdio: a process of ours in the sandbox.",
    "command": "The program and its arguments.",
    "network": "Whether it may use the network.",
    "variables": "Variables of its environment; no secrets.",
    "secrets": "Variables whose values are secrets: the variable, and the secret's name.",
    "read": "Folders that it sees beside the system.",
    "write": "Folders that it may write to.",
}
_HTTP = {
    "kind": "http: streamable HTTP.",
    "url": "Its address.",
    "headers": "Headers that are sent with each request; no secrets.",
    "secrets": "Headers whose values are secrets: the header, and the secret's name.",
    "bearer": "The name of the secret that is sent as a bearer token.",
}
_BUILT_IN = {"kind": "built-in: a part of VAPORA."}
SHAPES: dict[str, dict[str, str]] = {
    "SetToolServer": {
        "transport": "How it is reached.",
        "tools": "What holds for single tools, where that is not what the server suggests.",
        **_PROTOCOL,
    },
    "ToolSetting": _RULE,
    "ToolRule": _RULE,
    "StdioServer": _STDIO,
    "StdioTransport": _STDIO,
    "HttpServer": _HTTP,
    "HttpTransport": _HTTP,
    "BuiltInServerOfTools": _BUILT_IN,
    "BuiltInTransport": _BUILT_IN,
    "ToolServerStatus": {
        "id": "The server's id.",
        "transport": "How it is reached.",
        "owner": "The package that brought it; empty: a person set it.",
        "rules": "What holds for single tools, where that is not what the server suggests.",
        "state": "ready, starting, waiting (it is tried again) or off.",
        "problem": "What is wrong with it; empty: nothing.",
        "speaks": "The version of the protocol that it speaks.",
        "said": "What it calls itself.",
        "restarts": "How often it was begun again.",
        "missing": "Tools that are expected of it and are not there.",
        "left_out": "Tools that cannot be used, and why.",
        "tools": "The tools that it has now.",
        **_PROTOCOL,
    },
    "ServedToolView": {
        "name": "The tool's name.",
        "server": "The id of its server.",
        "description": "What it is for, as the server says.",
        "parameters": "JSON Schema of its arguments.",
        "hints": "What the server says of it; nothing is decided by that.",
        **{name: text for name, text in _RULE.items() if name not in ("name", "allowed_in")},
    },
    "CallTool": {
        "arguments": "As the tool's schema wants them.",
        "project_id": "For which project; null: for none.",
    },
    "ToolCalled": {
        "name": "The tool, as server.tool.",
        "ok": "False: it did not do what was asked, and the text says why.",
        "text": "What it answered.",
        "truncated": "Whether the text is only the beginning.",
        "duration_ms": "How long it took, in milliseconds.",
        "cost_microusd": "What it cost, in micro-dollars.",
    },
    "ServerSays": {
        "ok": "False: it could not be had, and the text says why.",
        "text": "What the server gave; a list is JSON.",
        "truncated": "Whether the text is only the beginning.",
    },
    "DecideToolCallBody": {
        "decision": "allow or refuse.",
        "seen": "The digest that the card shows behind the call.",
        "comment": "For the agent.",
    },
}
PARAMETERS = {"server_id": "The server's id."}
