"""Whether a file name looks as a camera gave it, or as a program named a copy.

Comes in: a file name. Goes out: a number that sorts camera names first and copies last. Decides only ties between files
that are equal otherwise. Camera names are those of the DCF rule (four letters, digits or `_`, then four digits) and of
phones, which write the moment.
"""

from __future__ import annotations

import re
from typing import Literal

from sameshot.plan.rank_keys import parse_ranked_name
from sameshot.plan.safe_text import split_name

_CAMERA = re.compile(
    r"[a-z0-9_]{4}[0-9]{4}|dsc[0-9]{5}|(?:img|pxl|vid|mvimg|dji|signal)?[_-]?[0-9]{8}[_-]?[0-9]{6,9}", re.IGNORECASE
)
_WORD_FOR_COPY = "copy|copie|kopie|copia|c\u00f3pia|kopia|kopi|dupl\\w*"
_COPY = re.compile(
    rf"(?:{_WORD_FOR_COPY}) .+|.*(?:[ _-]|\b)(?:{_WORD_FOR_COPY})(?:[ _-]?\(?[0-9]+\)?)?|.+ ?\([0-9]+\)|.+~[0-9]*",
    re.IGNORECASE,
)

CopyLikeness = Literal[0, 1, 2]


def copy_likeness(name: str) -> CopyLikeness:
    """0 for a name as cameras give them, 2 for one as programs give copies, 1 for any other."""
    ranked = parse_ranked_name(name)
    stem = split_name(ranked[1] if ranked else name)[0]
    if _COPY.fullmatch(stem):
        return 2
    return 0 if _CAMERA.fullmatch(stem) else 1
