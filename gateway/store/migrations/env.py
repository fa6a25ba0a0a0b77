"""Alembic looks for this file; migrations are run by ``gateway.store.database.migrate``."""
