"""Finding things: an index of texts for each workspace, behind one contract over SQLite and PostgreSQL."""
