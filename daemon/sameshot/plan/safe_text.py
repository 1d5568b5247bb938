"""Text that may become one component of a path, whatever a camera, a person or an attacker wrote.

Comes in: any string, surrogates included. Goes out: a name that every common filesystem takes and that cannot leave its
folder: no `/`, NUL, control or text-direction characters, no leading `.` `-` or space, no trailing dot or space, no
device name of Windows, at most 255 bytes. Refuses nothing: what cannot stay becomes `_`.
"""

from __future__ import annotations

import re
import unicodedata

LIMIT_BYTES = 255
EXTENSION_LIMIT_BYTES = 32
"""A longer tail behind the last dot is part of a sentence, not an extension."""

# Controls, line separators and overrides of text direction: they let a name look like another one on a terminal.
_UNSEEN = "\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069"
# U+DC80..DCFF stand for bytes that are not UTF-8 and survive; other surrogates cannot be encoded at all.
_UNENCODABLE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_NEVER = re.compile(f"[/{_UNSEEN}\ud800-\udc7f\udd00-\udfff]")
_NOT_IN_VALUES = re.compile(f'[/\\\\<>:"|?*{_UNSEEN}\ud800-\udfff]')
_DEVICE = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])\s*(?:\.|$)", re.IGNORECASE
)


def size_bytes(name: str) -> int:
    """Bytes that `name` takes on disk; one for what no disk can hold and `safe_component` will replace."""
    return len(_UNENCODABLE.sub("_", name).encode("utf-8", "surrogateescape"))


def folded(name: str) -> str:
    """What `name` is compared by: two names with one fold meet on a filesystem that ignores case or normalises."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def split_name(name: str) -> tuple[str, str]:
    """The stem, and the extension with its dot; a name without one, or with an absurd one, is all stem."""
    stem, dot, extension = name.rpartition(".")
    if not stem.strip(".") or not extension or size_bytes(extension) >= EXTENSION_LIMIT_BYTES:
        return name, ""
    return stem, dot + extension


def plain_value(text: str) -> str:
    """A value from inside a file (a camera's name) without anything that means something to a path or a share."""
    return " ".join(_NOT_IN_VALUES.sub("_", text).split())


def cut(text: str, limit_bytes: int) -> str:
    """The longest beginning of `text` that takes at most `limit_bytes`, never half a character."""
    while text and size_bytes(text) > limit_bytes:
        # At most four bytes a character, so this many characters too many at least.
        text = text[: -max(1, (size_bytes(text) - limit_bytes) // 4)]
    return text


def safe_component(text: str, limit_bytes: int = LIMIT_BYTES) -> str:
    """`text` as one path component of at most `limit_bytes`; the extension survives shortening. Never empty."""
    text = _NEVER.sub("_", text)
    # Pieces that were joined may spell a character together; the disk would give that character back.
    text = text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
    text = _NEVER.sub("_", text)
    stem, extension = split_name(text)
    if extension and not stem.strip(" .-"):
        text = "_" + extension  # else the extension would be all that is left, and no photo's any more
    text = text.lstrip(" .-").rstrip(" .")
    if _DEVICE.match(text):
        text = "_" + text
    if size_bytes(text) > limit_bytes:
        stem, extension = split_name(text)
        text = (cut(stem, limit_bytes - size_bytes(extension)).rstrip(" .") + extension).rstrip(" .")
    return text or "_"
