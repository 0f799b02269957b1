"""Who may come in."""

from sqlalchemy import Boolean, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, false

from receiver.store.tables.base import main
from receiver.store.types import Id, Json, UtcTime

# Who may come in: people and programs with a password.
account = Table(
    "account",
    main,
    Column("id", Id, primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("role", String(16), nullable=False),
    Column("password_hash", Text, nullable=False),
    # the password is a first one: another must be set before anything else
    Column("must_change", Boolean, nullable=False, server_default=false()),
    # gates, groups and lists that it is limited to
    Column("limits", Json, nullable=False, server_default="{}"),
    # where its owner is reached; never used by us
    Column("email", String(255), nullable=False, server_default=""),
    Column("disabled_at", UtcTime),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    Column("last_login_at", UtcTime),
    sqlite_autoincrement=True,
)

# A login: of a program, whose refresh token changes with each use, or of the console in a browser.
login_session = Table(
    "login_session",
    main,
    Column("id", Id, primary_key=True),
    Column("account_id", ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    # program, console
    Column("kind", String(16), nullable=False),
    # of the part of the token that stays the same, and of the part that changes
    Column("secret_hash", LargeBinary(32), nullable=False),
    Column("token_hash", LargeBinary(32), nullable=False),
    Column("address", String(64), nullable=False, server_default=""),
    Column("created_at", UtcTime, nullable=False),
    Column("used_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    Column("ended_at", UtcTime),
    # logout, reused, password, disabled
    Column("ended_reason", String(16)),
    Index(None, "account_id", "address"),
    sqlite_autoincrement=True,
)

api_key = Table(
    "api_key",
    main,
    Column("id", Id, primary_key=True),
    Column("account_id", ForeignKey("account.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("name", String(100), nullable=False),
    Column("secret_hash", LargeBinary(32), nullable=False),
    Column("scopes", Json, nullable=False),
    Column("created_at", UtcTime, nullable=False),
    Column("expires_at", UtcTime),
    Column("used_at", UtcTime),
    Column("revoked_at", UtcTime),
    sqlite_autoincrement=True,
)

# Failed logins of a while, counted for all web processes together; the key is a digest, never a name or an address.
login_attempt = Table(
    "login_attempt",
    main,
    Column("key", LargeBinary(32), primary_key=True),
    Column("number", Integer, nullable=False),
    Column("expires_at", UtcTime, nullable=False, index=True),
    sqlite_with_rowid=False,
)
