"""Our own REST interface under /v1, with its description and a page to try it."""
