"""What the fields of documents mean; `vapora.api.field_texts` puts them to the others."""

from __future__ import annotations

_KIND = "readme, changelog, adr, roadmap, guide, reference, runbook, presentation or note."
_PATH = "Where it is kept in the project's repository, from its root; null: nowhere."
_SOURCE = "Where the version comes from: somebody wrote it, a commit that landed, a decision in the log, or a merge."
_PATCH = {
    "patch": "What changed, as a unified diff.",
    "additions": "How many lines were added.",
    "deletions": "How many lines were taken away.",
    "truncated": "Whether the patch is cut, or left out since the texts are too large to be compared.",
}
_DOCUMENT = {
    "id": "The document's id.",
    "project_id": "The project that it is about; null: the whole workspace.",
    "kind": _KIND,
    "kind_reason": "The rule that inferred the kind; empty: a person said it.",
    "title": "What it is called.",
    "path": _PATH,
    "state": "draft, published or archived.",
    "version": "The newest version.",
    "published_version": "The version that holds; null: none was published.",
    "size": "Bytes of its newest text in UTF-8.",
    "source": _SOURCE,
    "merged_into": "The document that stands for it since they were merged; null: none.",
    "merged_from": "Documents that were merged into it.",
    "created_by": "Who made it.",
    "updated_at": "When it was changed last.",
    "updated_by": "Who changed it last.",
}
_RULE = "off, each (a card for each finished card) or batched (at most one open card a project)."
SHAPES: dict[str, dict[str, str]] = {
    "CreateDocument": {
        "title": "What it is called.",
        "text": "In Markdown.",
        "kind": f"{_KIND} Absent: inferred from path, title and text.",
        "project_id": "The project that it is about; absent: the whole workspace.",
        "path": _PATH,
    },
    "EditDocument": {
        "version": "The version that the edit was made from.",
        "title": "What it is called; absent: as before.",
        "text": "In Markdown; absent: as before.",
        "kind": f"{_KIND} Absent: as before.",
        "path": "Where it is kept in the project's repository; null: nowhere any more; absent: as before.",
        "note": "What changed, in your words.",
    },
    "PublishDocument": {"version": "The version that shall hold; absent: the newest."},
    "ArchiveDocument": {"reason": "Why; for the audit trail."},
    "MergeDocument": {
        "into": "The document that stands for both from now on; this one is archived.",
        "from": "The document that is archived; this one stands for both from now on.",
        "text": "What the remaining one says then; absent: as it is.",
        "version": "The version of the remaining one that `text` was made from.",
        "reason": "Why; for the audit trail.",
    },
    "DrawDocuments": {
        "of": "decisions or presentations.",
        "project_id": "Of this project; absent: of the whole workspace.",
    },
    "SetDocumentation": {
        "project_id": "The project; absent: what holds for projects that say nothing.",
        "rule": f"{_RULE} Null: the project says nothing any more.",
    },
    "DocumentSummary": _DOCUMENT,
    "DocumentView": {
        **_DOCUMENT,
        "shown_version": "The version whose text is shown.",
        "text": "In Markdown.",
    },
    "DocumentSource": {
        "kind": "written, commit, decision or merge.",
        "task_id": "The card whose work landed, or in whose run it was decided.",
        "run_id": "The run in which it was decided.",
        "workflow_run_id": "The run of a workflow in which it was decided.",
        "oid": "The commit of the base branch.",
        "document_id": "The document that was merged into it.",
        "position": "Of the event in the log that it comes from.",
    },
    "DocumentVersion": {
        "version": "Its number, counted from 1.",
        "title": "What it was called then.",
        "kind": "What kind it was then.",
        "path": "Where it was kept then.",
        "note": "What changed, in the words of who changed it.",
        "size": "Bytes of its text in UTF-8.",
        "source": _SOURCE,
        "at": "When it was made.",
        "by": "Who made it.",
        "published_at": "When it was published last; null: never.",
        **_PATCH,
    },
    "DocumentDifference": {
        "id": "The document's id.",
        "base": "The version that is compared with; 0: nothing, before the first.",
        "version": "The version that is shown.",
        **_PATCH,
    },
    "DuplicatePair": {
        "one": "The document that was changed last.",
        "other": "The other one.",
        "score": "How alike their words are, 0 to 1.",
    },
    "DrawnDocument": {"id": "The document's id.", "title": "What it is called."},
    "DrawnDocuments": {"items": "All that can be drawn, those among them that were drawn before."},
    "DocumentMerged": {"id": "The document that is archived.", "into": "The one that stands for both."},
    "DocumentationView": {
        "rule": f"Of the workspace: {_RULE}",
        "projects": "What each project says.",
        "cards": "The documenter's newest cards that finished work led to.",
    },
    "ProjectDocumentation": {
        "project_id": "The project's id.",
        "rule": f"{_RULE} Null: as the workspace says.",
        "in_effect": "What holds.",
    },
    "DocumentationCard": {
        "task_id": "The card.",
        "project_id": "Its project.",
        "of_tasks": "The finished cards that it documents.",
        "at": "When it was made.",
    },
}
PARAMETERS = {"document_id": "The document's id."}
