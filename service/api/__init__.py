"""The HTTP interface: one module a noun, each with its ``router``; rules live below it, never here."""
