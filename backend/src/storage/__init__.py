"""The graph in a relational database: SQLite when embedded, PostgreSQL in production."""
