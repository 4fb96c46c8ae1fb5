"""Rules of what the swarm knows: what is alike, what is near, how good a run was, and what an agent is told of it."""
