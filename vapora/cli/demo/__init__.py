"""`vapora demo`: hands in a backlog, follows the board live, and reports what was done."""
