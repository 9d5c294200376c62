"""Polls: closing them, their stances and their receipts."""
