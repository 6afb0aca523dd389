"""Form definitions: what is printed where, and which arithmetic holds."""
