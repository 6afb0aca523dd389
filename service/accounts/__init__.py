"""Accounts: who a person is, how a phone or browser gets in, and what is kept about people. See docs/accounts.md."""
