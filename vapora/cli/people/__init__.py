"""Commands about who comes in: signing in, people, workspaces, members, teams, tokens, policies."""
