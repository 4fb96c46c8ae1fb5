"""A server that speaks the wire formats of all four vendors and keeps their ledger."""
