"""Reading photos durably: each once for each revision of the reader, whatever dies in between. See docs/jobs.md."""
