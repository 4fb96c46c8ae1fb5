"""Tools that read code as its parser does: what is defined where, who uses it, how tangled it is.

Files are read here, inside the worktree; they are parsed in a process of their own (`worker`), which may crash or hang
without harm to anything else.
"""
