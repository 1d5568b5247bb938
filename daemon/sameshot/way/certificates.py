"""What vouches for a member of a group, and why another one goes before it, in words.

Comes in: a group as the store keeps it, and its members. Goes out: sentences about "it": the certificate first, then
the member's worst pair; and clauses that follow "A goes before B". Refuses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sameshot.group.kinds import RECOGNISED_BY
from sameshot.group.quality import reasons
from sameshot.way.comparing import kind_of_score
from sameshot.way.rating import rated
from sameshot.wording import told_apart

if TYPE_CHECKING:
    from sameshot.app import App
    from sameshot.model import Group, Membership

MISSING = "a photo that is missing or looked at anew"


def certificate(app: App, group: Group, member: Membership) -> Iterator[str]:
    """Why it is in its group, and which other member is least like it."""
    views = app.store.photos.views(each.content for each in group.members)
    names = {content: photos[0].path.name for content, photos in views.items()}
    best = names.get(group.representative, MISSING)
    if app.store.meta.get("links_of") != kind_of_score(app.method, app.encoder.encoder_id):
        yield "What put it there is not what the config asks for by now; the next scan compares and groups anew."
        return
    if member.certified_by == "measured":
        told, bound = told_apart(member.score, app.link_threshold)
        holds = member.score >= app.link_threshold
        yield f"Its score to {best}, which stands for the group, is {told}: " + (
            f"at or above the threshold {bound}."
            if holds
            else f"that was enough, but now the threshold is {bound}, and the next scan groups anew."
        )
    elif member.certified_by == "kept":
        yield (
            f"It is, or is like (score {member.score:.3f}), the photo that the group was gathered around; it is not "
            f"provably like {best}, which you chose to stand for it."
        )
    elif member.certified_by == "chain":
        yield f"It is linked to another member with a score of {member.score:.3f}; you asked for chains."
    elif member.certified_by == "owner":
        yield "You said that it belongs there."
    elif member.certified_by == "cluster":
        yield "The clustering that you asked for put it there; nothing says that it is like the others."
    elif member.certified_by != "itself":
        yield f"It is a frame of a {member.certified_by}: {RECOGNISED_BY[member.certified_by]}."
    others = {each.content for each in group.members} - {member.content}
    compared = {
        content: score for content, score in app.store.links.scores_of(member.content).items() if content in others
    }
    if len(others) > 1 and compared:
        least = min(compared, key=lambda content: (compared[content], content))
        yield (
            f"Its worst pair in the group is with {names.get(least, MISSING)}: {compared[least]:.3f} "
            f"(compared with {len(compared)} of {len(others)} others)."
        )


def goes_before(app: App, members: Sequence[int], first: tuple[int, str], second: tuple[int, str]) -> str:
    """Why, of these members of a group, the first goes before the second, each with its name: what follows that."""
    (one, name), (other, other_name) = first, second
    ratings = rated(app.store, [members])
    own, others = ratings[one], ratings[other]
    digests = {content: row.digest for content, row in app.store.contents.get(members).items()}
    chosen = app.store.verdicts.chosen(digests.values())
    is_better = own.value >= others.value
    if digests[one] in chosen and digests[other] not in chosen:
        otherwise = "" if is_better else f"; otherwise {other_name} might, because {'; '.join(reasons(others, own))}"
        return f"because you chose {name}{otherwise}"
    if not is_better:
        return "although it is rated lower: not every photo of the group is provably like the other"
    return f"because {'; '.join(reasons(own, others))}"
