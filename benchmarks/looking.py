"""Looks at a thousand pictures with the default engine in a process of its own, and says what memory that took.

`python -m benchmarks.looking [HOW MANY]` prints JSON; ./scripts/bench recognition starts it.
"""

import json
import os
import sys
from dataclasses import asdict

import recognition
from benchmarks.machine import memory
from benchmarks.scenes import encoded, photographs, scene, without_face

EVERY = 20  # pictures from one look at the memory to the next


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    engine = recognition.load_engine()
    loaded = memory(os.getpid())
    # A full HD scene among the photographs, and one without anybody, which every look and the CNN are spent on.
    pictures = [scene(), *photographs().values(), encoded(without_face())]
    highest = 0.0
    for number in range(count):
        engine.sightings(recognition.read_image(pictures[number % len(pictures)]))
        if number % EVERY == 0:
            highest = max(highest, memory(os.getpid()).pss)
    found = {"pictures": count, "loaded": asdict(loaded), "highest_pss": highest, "after": asdict(memory(os.getpid()))}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
