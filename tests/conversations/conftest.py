"""Sites for conversations: real processes, or the application alone."""

from tests.receiver.web.conftest import any_site
from tests.system.conftest import make_site

__all__ = ["any_site", "make_site"]
