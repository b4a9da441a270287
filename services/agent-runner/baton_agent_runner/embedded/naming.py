"""What a program is called, and its idea in a sentence."""

import re
from collections.abc import Sequence

from baton_agent_runner.embedded.data_model import DataModel
from baton_agent_runner.embedded.identifiers import readable
from baton_agent_runner.embedded.nouns import label_of


def title_of(idea: str, model: DataModel) -> str:
    """Return a short title: the idea itself where it is short, else what the program keeps."""
    line = readable(idea, 200).strip(" .!?")
    plain = re.sub(
        r"^(?:(?:build|make|create|develop|i want|i need|we need|please)\s+(?:me\s+)?)*(?:an?|the)\s+",
        "",
        line,
        flags=re.IGNORECASE,
    )
    if 0 < len(plain) <= 48 and not re.search(r"[<>{}\\\"'`;]", plain):  # noqa: PLR2004 - fits a heading
        return label_of(plain)[:60] if len(plain) <= 40 else plain[0].upper() + plain[1:]  # noqa: PLR2004
    names = [entity.plural_label for entity in model.entities[:2]]
    return readable(" and ".join([names[0], *(name.lower() for name in names[1:])]), 60)


def sentence_of(idea: str, model: DataModel) -> str:
    """Return the idea in one sentence: its first one, or one made for an idea of a word or two."""
    line = readable(re.split(r"(?<=[.!?])\s", idea.strip(), maxsplit=1)[0], 300)
    if len(line.split()) > 3 or len(line) > 24 or model.language != "en":  # noqa: PLR2004 - more than a bare name
        return line if line.endswith((".", "!", "?", "…", "。")) else f"{line}."
    names = [entity.plural_label.lower() for entity in model.entities]
    return f"A small web service to keep {join_words(names)}."


def join_words(words: Sequence[str]) -> str:
    """Return words as a sentence lists them: "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
