"""What of each language's syntax tree counts as a definition, a name, a branch. The words are those of its grammar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Language:
    """`definitions`: kinds of nodes that define something, and what it is called; their name is the field `name`.
    `functions`: those of them whose complexity is counted. `holders`: kinds that give their name to what stands in
    them, by the field that has it. `names`: kinds of nodes that are a name. `calls`, `imports`: around a name, they say
    what it is there for. `branches`: kinds that each add one way through a function; `operators`: so does each of
    these, in a node of the kind `operator`. `deeper`: kinds that nest what stands in them."""

    id: str
    suffixes: tuple[str, ...]
    definitions: Mapping[str, str]
    functions: tuple[str, ...]
    holders: Mapping[str, str]
    names: tuple[str, ...]
    calls: tuple[str, ...]
    imports: tuple[str, ...]
    branches: tuple[str, ...]
    deeper: tuple[str, ...]
    operator: str = "binary_expression"
    operators: tuple[str, ...] = ("&&", "||")


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_PYTHON = Language(
    id="python",
    suffixes=(".py", ".pyi"),
    definitions={"function_definition": "function", "class_definition": "class"},
    functions=_words("function_definition"),
    holders={"class_definition": "name", "function_definition": "name"},
    names=_words("identifier"),
    calls=_words("call"),
    imports=_words("import_statement import_from_statement"),
    branches=_words(
        "if_statement elif_clause for_statement while_statement except_clause case_clause conditional_expression "
        "if_clause"
    ),
    deeper=_words("if_statement for_statement while_statement try_statement with_statement match_statement"),
    operator="boolean_operator",
    operators=("and", "or"),
)
_SCRIPT_DEFINITIONS = {
    "function_declaration": "function",
    "generator_function_declaration": "function",
    "class_declaration": "class",
    "method_definition": "method",
    "variable_declarator": "variable",
}
_TYPED_DEFINITIONS = {
    "abstract_class_declaration": "class",
    "interface_declaration": "interface",
    "type_alias_declaration": "type",
    "enum_declaration": "enum",
    "method_signature": "method",
    "abstract_method_signature": "method",
    "function_signature": "function",
    "internal_module": "namespace",
}
_SCRIPT_FUNCTIONS = _words(
    "function_declaration generator_function_declaration method_definition arrow_function function_expression"
)
_SCRIPT_BRANCHES = _words(
    "if_statement for_statement for_in_statement while_statement do_statement switch_case catch_clause "
    "ternary_expression"
)
_SCRIPT_DEEPER = _words(
    "if_statement for_statement for_in_statement while_statement do_statement switch_statement try_statement"
)


def _script(name: str, suffixes: str, *, typed: bool) -> Language:
    definitions = _SCRIPT_DEFINITIONS | (_TYPED_DEFINITIONS if typed else {})
    holders = {kind: "name" for kind in definitions if kind != "method_signature"}
    names = "identifier property_identifier shorthand_property_identifier shorthand_property_identifier_pattern"
    return Language(
        id=name,
        suffixes=_words(suffixes),
        definitions=definitions,
        functions=_SCRIPT_FUNCTIONS,
        holders=holders,
        names=_words(names + (" type_identifier" if typed else "")),
        calls=_words("call_expression new_expression"),
        imports=_words("import_statement"),
        branches=_SCRIPT_BRANCHES,
        deeper=_SCRIPT_DEEPER,
        operators=("&&", "||", "??"),
    )


_GO = Language(
    id="go",
    suffixes=(".go",),
    definitions={
        "function_declaration": "function",
        "method_declaration": "method",
        "type_spec": "type",
        "type_alias": "type",
        "const_spec": "constant",
        "var_spec": "variable",
    },
    functions=_words("function_declaration method_declaration func_literal"),
    holders={"type_spec": "name", "function_declaration": "name", "method_declaration": "name"},
    names=_words("identifier field_identifier type_identifier package_identifier"),
    calls=_words("call_expression"),
    imports=_words("import_declaration"),
    branches=_words("if_statement for_statement expression_case type_case communication_case"),
    deeper=_words("if_statement for_statement expression_switch_statement type_switch_statement select_statement"),
)
_RUST = Language(
    id="rust",
    suffixes=(".rs",),
    definitions={
        "function_item": "function",
        "function_signature_item": "function",
        "struct_item": "struct",
        "enum_item": "enum",
        "union_item": "union",
        "trait_item": "trait",
        "type_item": "type",
        "mod_item": "module",
        "const_item": "constant",
        "static_item": "static",
        "macro_definition": "macro",
    },
    functions=_words("function_item closure_expression"),
    holders={"impl_item": "type", "trait_item": "name", "mod_item": "name", "function_item": "name"},
    names=_words("identifier field_identifier type_identifier"),
    calls=_words("call_expression macro_invocation"),
    imports=_words("use_declaration"),
    branches=_words("if_expression while_expression for_expression loop_expression match_arm"),
    deeper=_words("if_expression while_expression for_expression loop_expression match_expression"),
)
_JAVA = Language(
    id="java",
    suffixes=(".java",),
    definitions={
        "class_declaration": "class",
        "interface_declaration": "interface",
        "enum_declaration": "enum",
        "record_declaration": "record",
        "annotation_type_declaration": "annotation",
        "method_declaration": "method",
        "constructor_declaration": "constructor",
    },
    functions=_words("method_declaration constructor_declaration lambda_expression"),
    holders={
        "class_declaration": "name",
        "interface_declaration": "name",
        "enum_declaration": "name",
        "record_declaration": "name",
        "method_declaration": "name",
    },
    names=_words("identifier type_identifier"),
    calls=_words("method_invocation object_creation_expression"),
    imports=_words("import_declaration"),
    branches=_words(
        "if_statement for_statement enhanced_for_statement while_statement do_statement catch_clause "
        "ternary_expression switch_block_statement_group switch_rule"
    ),
    deeper=_words(
        "if_statement for_statement enhanced_for_statement while_statement do_statement switch_expression try_statement"
    ),
)
_ALL = (
    _PYTHON,
    _script("javascript", ".js .jsx .mjs .cjs", typed=False),
    _script("typescript", ".ts .mts .cts", typed=True),
    _script("tsx", ".tsx", typed=True),
    _GO,
    _RUST,
    _JAVA,
)
LANGUAGES: Mapping[str, Language] = MappingProxyType({one.id: one for one in _ALL})
_BY_SUFFIX = {suffix: one for one in _ALL for suffix in one.suffixes}


def language_of(path: str) -> Language | None:
    """By the end of its name; None: of no language that is known here."""
    return _BY_SUFFIX.get(PurePosixPath(path).suffix.lower())
