"""How benchmarks log in: as the administrator, with a password that is good for their own server only."""

import requests

PASSWORD = "of the benchmarks alone"


def logged_in(url: str) -> requests.Session:
    """Requests that may do everything."""
    login = {"username": "admin", "password": PASSWORD}
    answer = requests.post(f"{url}/v1/login", json=login, timeout=60)
    answer.raise_for_status()
    http = requests.Session()
    http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    return http
