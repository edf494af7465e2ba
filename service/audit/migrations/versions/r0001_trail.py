"""The trail and its head."""

from alembic import op

from service.audit.address import statements

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Makes them, with the head of a chain that has no row yet."""
    for statement in statements(revision):
        op.execute(statement)


def downgrade() -> None:
    """Removes them, and with them the trail."""
    op.execute("DROP TABLE audit_head")
    op.execute("DROP TABLE audit_entry")
