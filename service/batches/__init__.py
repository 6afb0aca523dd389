"""Reading many photos again, behind the live uploads. See docs/jobs.md."""
