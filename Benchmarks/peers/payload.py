"""The events that are replayed: the JSON text of each is about `size` bytes long."""
import json

NAME = "fragment:processed"


def fragment(index, audio):
    return {"fragment_id": f"f-{index:08d}", "sequence_number": index, "transcript": "hola mundo", "dubbed_audio": audio}


def compact(event):
    return json.dumps([NAME, event], separators=(",", ":")).encode()


def text_event(index, size):
    room = max(4, size - len(compact(fragment(index, ""))))
    # "QUJD" is base64 of "ABC": the length stays a multiple of four, so that clients may decode it.
    return compact(fragment(index, "QUJD" * (room // 4)))


def binary_event(index):
    return compact(fragment(index, {"_placeholder": True, "num": 0}))
