"""Rules of workflows: what a definition is, what a run does next, and what people may do to it."""
