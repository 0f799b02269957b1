"""What `people calibrate` measures and shows; matplotlib and jinja2 are loaded by ``figure`` and ``page`` alone."""
