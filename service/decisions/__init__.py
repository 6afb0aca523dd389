"""Who said what a number is, and which saying counts."""
