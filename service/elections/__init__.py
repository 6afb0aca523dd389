"""Elections: what is counted, where, and when."""
