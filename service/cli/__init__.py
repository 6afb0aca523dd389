"""The ``turus`` command: one small file a command; nothing heavy is loaded before a command needs it."""
