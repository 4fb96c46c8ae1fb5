"""What the fields of search mean; `vapora.api.field_texts` puts them to the others."""

from __future__ import annotations

SHAPES: dict[str, dict[str, str]] = {
    "SearchAnswer": {
        "items": "What was found, the best first.",
        "corrected": "Words that nothing holds, and those that were looked for instead.",
        "mode": "text, vectors or both: how it was looked for, which is text where the workspace has no vectors.",
        "reason": "Why it went by the words alone, where a provider's vectors are wanted; else empty.",
        "position": "How far the index was along the log.",
        "next": "Always null: an answer is not continued.",
    },
    "FoundItem": {
        "kind": "task, run, document, comment or code.",
        "id": "What it is called among those of its kind.",
        "title": "What it is called, or what the card is called that it belongs to.",
        "snippet": "The part of its text that shows why it was found, as plain text.",
        "parts": "The snippet in pieces.",
        "score": "The higher the better; only to be compared within this answer.",
        "project_id": "The project that it belongs to; null: the whole workspace.",
        "task_id": "The card that it is about; null: none.",
        "at": "When it was last changed.",
        "link": "Its page in the browser.",
    },
    "SnippetPart": {
        "text": "Plain text: show it as text, whatever it looks like.",
        "hit": "Whether it is what was looked for.",
    },
}
