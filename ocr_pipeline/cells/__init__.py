"""Small pictures of digit boxes and bubbles, cut out of a registered photo."""
