"""YAML that a stranger may have written, read without trust.

Invariants: the result holds only mappings with text keys, lists, text, numbers, booleans and None; scalars
follow YAML 1.2's core schema, so `on`, `12:30` and `2026-01-31` stay text. Limits are checked while
parsing, before anything deep or large is built. On failure nothing is returned: `InvalidDefinition` says
where and why.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, cast

import yaml

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 32
MAX_NODES: Final = 10_000

_RARE_BREAKS: Final = re.compile(r"[\x85\u2028\u2029]")


class InvalidDefinition(ValueError):
    """A definition that cannot be used; the message names the field or the line, and what to change."""


class _Loader(yaml.SafeLoader):
    """The safe loader, with limits and without aliases, tags and duplicate keys."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.depth = 0
        self.nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = cast("yaml.NodeEvent", self.peek_event())  # type: ignore[no-untyped-call] # the library's gap
        self.nodes += 1
        self.depth += 1
        self.refuse(event)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def refuse(self, event: yaml.NodeEvent) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            raise InvalidDefinition(f"line {line}: aliases (*{event.anchor}) are not allowed; write the value out")
        if (tag := getattr(event, "tag", None)) is not None:
            raise InvalidDefinition(f"line {line}: tags ({tag}) are not allowed; remove the tag")
        if self.depth > MAX_DEPTH:
            raise InvalidDefinition(f"line {line}: nested deeper than {MAX_DEPTH} levels; flatten the file")
        if self.nodes > MAX_NODES:
            raise InvalidDefinition(f"line {line}: more than {MAX_NODES} values; split the file")

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:  # type: ignore[override] # noqa: ARG002, FBT001, FBT002 - its signature
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key, line = key_node.value, key_node.start_mark.line + 1
            if not isinstance(key, str):
                raise InvalidDefinition(f"line {line}: a key must be plain text, not a list or a mapping")
            if key in mapping:
                raise InvalidDefinition(f"line {line}: the key '{key}' stands twice; keep one")
            mapping[key] = self.construct_object(value_node, deep=True)
        return mapping


_Loader.yaml_implicit_resolvers = {}  # YAML 1.1 reads `no` as false and `12:30` as 750
_SCALARS: Final = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?(?:0|[1-9][0-9]{0,17})", list("-+0123456789")),
    "float": (r"[-+]?[0-9]{1,18}\.[0-9]{1,18}(?:[eE][-+]?[0-9]{1,2})?", list("-+0123456789")),
}
for _kind, (_pattern, _first) in _SCALARS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(rf"(?:{_pattern})\Z"), _first)


def parse_yaml(source: bytes) -> Mapping[str, Any]:
    """Return the one mapping that `source` (UTF-8) holds.

    Raises `InvalidDefinition` for more than `MAX_BYTES`, `MAX_DEPTH` or `MAX_NODES`, for aliases, tags,
    duplicate keys, several documents, a root that is no mapping, and whatever is not YAML.
    """
    if len(source) > MAX_BYTES:
        raise InvalidDefinition(f"larger than {MAX_BYTES // 1024} KiB; split the file")
    try:
        loader = _Loader(source.decode("utf-8-sig"))
        data = loader.get_single_data()
    except UnicodeDecodeError as error:
        raise InvalidDefinition(f"not UTF-8 at byte {error.start}; save the file as UTF-8") from error
    except yaml.YAMLError as error:
        raise InvalidDefinition(f"not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise InvalidDefinition("the file must hold a mapping (key: value) at its root")
    return data


def dump_yaml(data: Mapping[str, Any]) -> str:
    """Return `data` as YAML in the order of its keys; whatever its texts hold, they read back as they were."""
    text: str = yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes texts with a line break that is none to most: written plainly, it would be read back as another one."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if _RARE_BREAKS.search(text) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
