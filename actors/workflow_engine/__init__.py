"""Carries out workflows: makes their cards, asks for approvals, undoes what failed."""
