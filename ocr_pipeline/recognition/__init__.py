"""From cells to evidence: digits, bubbles, tallies, and how far each can be trusted."""
