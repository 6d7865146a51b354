"""What comes from outside is decoded by declared types. Nothing that could make code of data is imported anywhere."""

import ast
from pathlib import Path

import pytest

import counterpoint

ROOT = Path(counterpoint.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))

FORBIDDEN = {
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "jsonpickle", "yaml", "imp",
}  # fmt: skip
CALLS = {"eval", "exec", "compile", "__import__"}
TENSORS = {"load"}  # torch.load unpickles unless told otherwise


def names(path: Path) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Import(names=aliases):
                found += [(node.lineno, alias.name.split(".")[0]) for alias in aliases]
            case ast.ImportFrom(module=str(module), level=0):
                found.append((node.lineno, module.split(".")[0]))
            case ast.Call(func=ast.Name(id=name)):
                found.append((node.lineno, f"{name}()"))
            case ast.Call(func=ast.Attribute(value=ast.Name(id="torch" | "np" | "numpy" as module), attr="load")):
                weights_only = any(word.arg == "weights_only" for word in node.keywords)
                found.append((node.lineno, f"{module}.load()" if not weights_only else ""))
            case _:
                pass
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_module_unpickles_or_evaluates(path: Path) -> None:
    forbidden = FORBIDDEN | {f"{call}()" for call in CALLS} | {"torch.load()", "np.load()", "numpy.load()"}
    assert not [(line, name) for line, name in names(path) if name in forbidden]


def test_what_the_redis_client_answers_is_decoded_by_declared_types() -> None:
    """msgspec with a type; text by `decode`; numbers by `int`. No decoder without a type, which takes any shape."""
    for path in (ROOT / "shared_context").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("msgpack.decode", "json.decode")):
                assert any(word.arg == "type" for word in node.keywords), f"{path}:{node.lineno}"
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("msgpack.Decoder", "json.Decoder")):
                assert node.args or any(word.arg == "type" for word in node.keywords), f"{path}:{node.lineno}"
