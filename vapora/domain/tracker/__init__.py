"""Rules about trackers: what an issue means for a card, and a card for its issue. Pure: the shell asks and sends."""
