"""The log and its texts leaving the house and coming back: export, import, backup."""
