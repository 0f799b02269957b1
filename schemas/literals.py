"""JSON's look-alikes made into JSON text: Python literals, trailing commas, comments, typographic quotes.

Senders that are programs in Python often put ``str(a_dict)`` on the wire. The text is translated token by token and then
read as JSON, in linear time and without a syntax tree, which for hostile text would need a hundred times its size.
"""

import json
import re

# The quantifiers are possessive, and a string without an end reaches to the end of the text: nothing is scanned twice.
_TOKEN = re.compile(
    r"""
    (?P<string>
        (?:\b[bBuUrR]{1,2})?
        (?: '[^'\\]*+(?:\\.[^'\\]*+)*+(?:'|\\?\Z) | "[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z) )
    )
    | (?P<quoted>[“”][^“”"]*+[“”])
    | (?P<word>\b(?:True|False|None|nan|inf|undefined)\b)
    | (?P<nothing>//[^\n]*+|[,\uff0c]\s*+(?=[}\])]))
    | (?P<mark>[\uff0c\uff1a()])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|[0-7]{1,3}|.)", re.DOTALL)
_WORDS = {"True": "true", "False": "false", "None": "null", "undefined": "null", "nan": "NaN", "inf": "Infinity"}
# Full-width comma and colon.
_MARKS = {"\uff0c": ",", "\uff1a": ":", "(": "[", ")": "]"}
_SIMPLE = {
    "n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "a": "\a", "v": "\v",
    "\\": "\\", "'": "'", '"': '"', "/": "/", "\n": "",
}  # fmt: skip
_LAST_CODE_POINT = 0x10FFFF


def to_json(text: str) -> str:
    """The same value as JSON text, as far as it is one; what is not recognised stays as it is."""
    return _TOKEN.sub(_translated, text)


def _translated(token: re.Match[str]) -> str:
    found = token.group()
    match token.lastgroup:
        case "string":
            return _quoted(_content(found))
        case "quoted":
            return _quoted(found[1:-1])
        case "word":
            return _WORDS[found]
        case "mark":
            return _MARKS[found]
    return ""


def _quoted(content: str) -> str:
    is_plain = content.isascii() and '"' not in content and "\\" not in content
    return f'"{content}"' if is_plain else json.dumps(content)


def _content(literal: str) -> str:
    start = next(at for at, letter in enumerate(literal) if letter in "'\"")
    prefix, content = literal[:start].lower(), literal[start + 1 :]
    content = content.removesuffix(literal[start])
    return content if "\\" not in content or "r" in prefix else _ESCAPE.sub(_unescaped, content)


def _unescaped(escape: re.Match[str]) -> str:
    what = escape.group(1)
    if what in _SIMPLE:
        return _SIMPLE[what]
    if what[0] in "xuU" and len(what) > 1:
        code = int(what[1:], 16)
    elif what[0] in "01234567":
        code = int(what, 8)
    else:
        return escape.group()
    return chr(code) if code <= _LAST_CODE_POINT else "\ufffd"
