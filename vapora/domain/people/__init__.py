"""Who there is, what they may reach, and the rules by which that changes."""

from vapora.domain.people.directory import Directory, Invitation, Session, Team, Token, User, Workspace

__all__ = ["Directory", "Invitation", "Session", "Team", "Token", "User", "Workspace"]
