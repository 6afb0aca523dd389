"""Where photos lie: content-addressed, written once, never changed."""
