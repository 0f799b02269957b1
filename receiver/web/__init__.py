"""Flask lives here only, behind a thin ASGI front."""
