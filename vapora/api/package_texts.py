"""What the fields of packages mean; `vapora.api.field_texts` puts them to the others."""

from __future__ import annotations

_SUMMARY = {
    "id": "The package's id.",
    "name": "What people call it.",
    "version": "Of what is on offer.",
    "kind": "agent, tool or workflow; null: its manifest cannot be read.",
    "description": "What it is for.",
    "source": "shipped, folder, or what the installation names as a source.",
    "digest": "SHA-256 of its manifest, which names that of each other file.",
    "role": "The role of its agent; null: it has none.",
    "task_types": "What its agent takes.",
    "may": "What it may do once it is accepted.",
    "installed": "Whether it is installed.",
    "installed_version": "The version that is installed; null: none.",
    "upgradable": "Whether another version is on offer than the one that is installed.",
    "makes": "The id of the agent, server or workflow that it set up; null: it is not installed.",
    "problem": "Why it cannot be taken as it is on offer; empty: it can.",
}
_OF_INSTALLED = ("id", "kind", "name", "version", "description", "source", "digest", "makes", "may")
_AGENT = {
    "task_types": "What its agent takes.",
    "tools": "Those of the package's tools that its agent keeps.",
    "writable": "Patterns of the paths that its agent may write.",
    "provider": "The provider that is asked first.",
    "model": "The model that is asked first; with its provider.",
    "temperature": "From 0 to 1.",
    "max_output_tokens": "The most that one answer may have.",
    "priority": "0 to 100: among agents that are equal otherwise, the higher one goes first.",
    "parallelizable": "false: one run at a time.",
    "concurrency": "How many runs it may have at once.",
    "server": "Of a package of tools.",
}
TEXTS = {
    "PackageSummary": _SUMMARY,
    "PackageView": _SUMMARY
    | {
        "manifest": "All that it says of itself.",
        "texts": "Its files that people read, by their paths.",
        "settings": "What its configuration may say.",
        "config_schema": "The configuration's JSON Schema, as a form is made from.",
        "config": "What differs from its manifest.",
        "installed_by": "Who installed it; null: nobody.",
        "installed_at": "When; null: it is not installed.",
        "updated_at": "When it was last installed, upgraded or configured.",
        "position": "Of its last event in the log.",
    },
    "InstalledPackage": {name: _SUMMARY[name] for name in _OF_INSTALLED}
    | {
        "config": "What differs from its manifest.",
        "installed_by": "Who installed it.",
        "installed_at": "When.",
        "updated_at": "When it was last installed, upgraded or configured.",
        "position": "Of its last event in the log.",
    },
    "MayDo": {
        "tools": "The tools that it uses, or brings.",
        "network": "Which hosts it reaches; none: no network.",
        "writes": "Which paths it may write.",
        "commands": "Which commands are run.",
        "secrets": "The names of the secrets that it is given.",
        "requires": "What a person installs first, in words.",
    },
    "ShelfRefreshed": {
        "packages": "How many are on offer now.",
        "problems": "What could not be fetched, by source.",
    },
    "InstallPackage": {"digest": "What was looked at; null: what is shown now is accepted."},
    "UpgradePackage": {"digest": "What was looked at; null: what is shown now is accepted."},
    "ConfigurePackage": _AGENT,
    "ConfigureServer": {
        "roles": "Whose agents get its tools; * for all roles. Null: as its manifest says.",
        "arguments": "Further arguments of its command.",
        "variables": "Further variables of its process.",
        "secrets": "Further variables, or headers, whose values are secrets, by the secrets' names.",
        "read": "Further folders of the server that it may read.",
        "write": "Further folders of the server that it may write.",
    },
}
