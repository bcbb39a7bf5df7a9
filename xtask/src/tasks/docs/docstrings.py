"""Says of each public module, class and function of a package whether it has a docstring.

Public is what neither its own name nor a name around it begins with an underscore, as pydocstyle has it; functions in
functions are not. What `typing.overload` decorates is documented where it is implemented.
"""

import ast
import json
import pathlib
import sys


def is_public(name):
    return not name.startswith("_")


def is_overload(node):
    names = (ast.unparse(one).rsplit(".", 1)[-1] for one in getattr(node, "decorator_list", ()))
    return "overload" in names


def say(path, node, rule, name):
    row = {
        "path": str(path),
        "line": getattr(node, "lineno", 1),
        "column": getattr(node, "col_offset", 0) + 1,
        "rule": rule,
        "name": name,
        "documented": bool((ast.get_docstring(node) or "").strip()),
    }
    print(json.dumps(row))


def walk(path, node, around, in_class):
    for child in node.body:
        name = f"{around}.{getattr(child, 'name', '')}"
        if isinstance(child, ast.ClassDef) and is_public(child.name):
            say(path, child, "D106" if in_class else "D101", name)
            walk(path, child, name, True)
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if is_public(child.name) and not is_overload(child):
                say(path, child, "D102" if in_class else "D103", name)


def main(package):
    root = pathlib.Path(package)
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        if all(is_public(part) or part in ("__init__", "__main__") for part in parts):
            tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            say(path, tree, "D104" if is_package else "D100", name)
            walk(path, tree, name, False)


main(sys.argv[1])
