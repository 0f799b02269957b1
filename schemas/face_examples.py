"""Examples of what detecting, verifying and searching take and give, for the documentation; a test holds them to what is so."""

from typing import Any

PICTURE = "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQAAAQABAAD..."

DETECT_REQUEST = {"picture": PICTURE, "gate": "register", "embedding": True}
VERIFY_REQUEST = {"picture": PICTURE, "person": 17}
SEARCH_REQUEST = {
    "picture": PICTURE,
    "in": ["people", "events"],
    "from": "2026-05-01T00:00:00+02:00",
    "to": "2026-05-08T00:00:00+02:00",
    "gate": "main",
}

FACE: dict[str, Any] = {
    "box": [278, 112, 493, 326],
    "landmarks": [[451, 171], [418, 170], [335, 171], [367, 171], [390, 233]],
    "score": 1.9917,
    "quality": {
        "gate": "recognise",
        "is_good_enough": True,
        "measures": {"luminance_mean": 38.0, "inter_eye_distance": 83.5015},
        "scores": {"luminance_mean": 9.5, "inter_eye_distance": 96.8, "quality": 48.2},
        "findings": [
            {
                "reason": "too_dark",
                "level": "warn",
                "measure": "luminance_mean",
                "value": 38.0,
                "limit": 40.0,
                "advice": "It is too dark: step into the light.",
            }
        ],
    },
}
DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
FACE_PICTURE = {"digest": DIGEST, "url": f"/v1/pictures/{DIGEST}"}
PERSON = {"id": 17, "name": "Ann Example", "list": "staff"}
MODEL = "dlib-resnet-v1+mirror"

DETECTED = {
    "sightings": [
        FACE | {"is_foremost": True, "embedding": [-0.0921, 0.1243, 0.0558, -0.0412], "model": "dlib-resnet-v1"}
    ],
    "advice": ["It is too dark: step into the light."],
}
VERIFIED = {
    "decision": {
        "status": "matched",
        "distance": 0.3136,
        "threshold": 0.5405,
        "reasons": ["within_threshold", "too_dark"],
        "model": MODEL,
        "face": 21,
        "face_picture": FACE_PICTURE,
    },
    "picture": {"faces": 1, "face": FACE},
    "person": PERSON,
}
SEARCHED = {
    "model": MODEL,
    "faces": [
        FACE
        | {
            "decision": {
                "status": "matched",
                "person": PERSON,
                "distance": 0.1905,
                "threshold": 0.5405,
                "margin": 0.3312,
                "reasons": ["within_threshold", "too_dark"],
                "face": 21,
                "cohort": None,
                "model": MODEL,
                "face_picture": FACE_PICTURE,
            },
            "candidates": [
                {"person": PERSON, "distance": 0.1905, "threshold": 0.5405, "face": 21},
                {
                    "person": {"id": 4, "name": "Bea Example", "list": "visitor"},
                    "distance": 0.5217,
                    "threshold": 0.4873,
                    "face": 9,
                },
            ],
            "events": [
                {
                    "event": 1204,
                    "occurred_at": "2026-05-06T06:19:23+00:00",
                    "distance": 0.0629,
                    "gate": {
                        "id": 3,
                        "key": "main",
                        "address": "10.0.0.3",
                        "name": "main",
                        "device_type": "0",
                        "ip": "10.0.0.3",
                        "status": "online",
                        "first_seen": "2026-01-07T05:00:00+00:00",
                        "last_seen": "2026-05-07T20:11:40+00:00",
                    },
                    "device": {
                        "id": 1,
                        "key": "licence:ABCDEF000120240101000001",
                        "licence": "ABCDEF000120240101000001",
                        "name": "",
                        "address": "10.0.0.9",
                        "state": "trusted",
                    },
                    "picture": {
                        "digest": "a8e5dca501cb2233d3ba89e565a83c9a2df593507fcb4a453cb55f663645a46a",
                        "url": "/v1/pictures/a8e5dca501cb2233d3ba89e565a83c9a2df593507fcb4a453cb55f663645a46a",
                    },
                    "kind": "face",
                    "box": [12, 20, 118, 126],
                    "decision": "matched",
                    "person": PERSON,
                }
            ],
        }
    ],
    "past": {
        "from": "2026-04-30T22:00:00+00:00",
        "to": "2026-05-07T22:00:00+00:00",
        "max_distance": 0.565,
        "compared": 8211,
        "other_models": 0,
        "is_complete": True,
        "searched_back_to": "2026-04-30T22:00:00+00:00",
        "next": None,
    },
}
