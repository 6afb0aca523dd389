"""The database: tables, engine, migrations. SQLite by default, PostgreSQL by URL; nothing above knows which."""
