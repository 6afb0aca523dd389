"""Where a form lies in a photo."""
