"""What holds for the project as a whole: its folders, its packages, who may import whom."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.mutations import MISTAKES

if TYPE_CHECKING:
    from collections.abc import Container

ROOT = Path(__file__).parent.parent
PACKAGES = ("weights", "detector", "inpainter", "pipeline")
MAY_IMPORT = {
    "weights": {"weights"},
    "detector": {"detector", "weights"},
    "inpainter": {"inpainter", "weights"},
    "pipeline": set(PACKAGES),
    "examples": {*PACKAGES, "examples"},
}
TOP_LEVEL_FOLDERS = {*PACKAGES, "tests", "examples", ".ci"}
PROJECT_FILES = {
    ".dockerignore",
    ".gitignore",
    "Dockerfile",
    "LICENSE",
    "Makefile",
    "README.md",
    "mkdocs.yml",
    "pyproject.toml",
}
# A project of its own, with tests and a pyproject.toml that other people's packages begin from.
TEMPLATE = ROOT / "examples" / "third_party_stages"
LONGEST_FUNCTION, MOST_PARAMETERS, MOST_METHODS = 60, 8, 12
STAGES = {"completion", "configured", "latent_search", "onnx_completion"}
HEAVY = ("torch", "torchvision", "ultralytics", "lightning", "dlib", "skimage", "scipy")

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def sources(folder: str) -> list[Path]:
    paths = (ROOT / folder).rglob("*.py")
    return sorted(path for path in paths if not path.is_relative_to(TEMPLATE))


def imported_modules(path: Path, submodules: Container[str] = ()) -> set[str]:
    """Every module that a file imports anywhere, inside functions and type checks too.

    `from package import name` counts as the package, unless `package.name` is one of `submodules`.
    """
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            package = node.module or ""
            names = [f"{package}.{alias.name}" for alias in node.names]
            modules |= {name if name in submodules else package for name in names}
    return modules


def run_python(code: str, **environment: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_the_top_level_is_the_packages_and_the_project_files():
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [Path(name) for name in listing.stdout.split("\0") if name]
    assert {path.parts[0] for path in paths if len(path.parts) > 1} <= TOP_LEVEL_FOLDERS
    assert {path.name for path in paths if len(path.parts) == 1} <= PROJECT_FILES


def test_every_package_on_disk_is_listed_for_installation():
    on_disk = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
    }
    places = PROJECT["tool"]["setuptools"]["package-dir"]
    names = PROJECT["tool"]["setuptools"]["packages"]
    listed = [places.get(name, name).replace("/", ".") for name in names]
    assert sorted(listed) == sorted(set(listed))
    assert sorted(on_disk - set(listed)) == [], "missing in pyproject.toml"
    assert sorted(set(listed) - on_disk) == [], "not on disk"


@pytest.mark.parametrize("package", PACKAGES)
def test_every_folder_of_a_package_has_an_init_and_the_package_is_typed(package):
    for path in sources(package):
        assert (path.parent / "__init__.py").is_file(), path.parent
    assert (ROOT / package / "py.typed").is_file()
    assert "py.typed" in PROJECT["tool"]["setuptools"]["package-data"][package]


def test_every_file_that_is_data_is_installed():
    listed = PROJECT["tool"]["setuptools"]["package-data"]
    places = PROJECT["tool"]["setuptools"]["package-dir"]
    folders = {
        package: ROOT.joinpath(*places.get(package, package.replace(".", "/")).split("/"))
        for package in listed
    }
    installed = {
        path
        for package, patterns in listed.items()
        for pattern in patterns
        for path in folders[package].glob(pattern)
    }
    for folder in folders.values():
        for path in folder.rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith("."):
                assert path.suffix == ".py" or path in installed, path


@pytest.mark.parametrize(
    ("folder", "path"),
    [(folder, path) for folder in MAY_IMPORT for path in sources(folder)],
    ids=lambda value: str(value.relative_to(ROOT)) if isinstance(value, Path) else None,
)
def test_imports_go_one_way(folder, path):
    ours = {module.partition(".")[0] for module in imported_modules(path)} & {
        *MAY_IMPORT,
        "tests",
    }
    assert ours <= MAY_IMPORT[folder]


def test_no_modules_import_one_another_in_a_circle():
    """Imports inside functions and for type checks count too."""
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
        for folder in MAY_IMPORT
        for path in sources(folder)
    }
    graph = {name: imported_modules(path, files) & files.keys() for name, path in files.items()}
    tuple(TopologicalSorter(graph).static_order())


def test_the_packages_dependencies_are_declared():
    named = {
        "cv2": "opencv-python",
        "PIL": "pillow",
        "yaml": "pyyaml",
        "skimage": "scikit-image",
        "sklearn": "scikit-learn",
        "dlib": "dlib-bin",
        "torch_fidelity": "torch-fidelity",
        # Ultralytics draws with it and requires it.
        "matplotlib": "ultralytics",
    }
    groups = [
        PROJECT["project"]["dependencies"],
        *PROJECT["project"]["optional-dependencies"].values(),
    ]
    declared = {re.split(r"[\[<>=]", entry)[0] for group in groups for entry in group}
    # Optional backends and tools, which the error of the call that needs one names.
    optional = {"mediapipe", "onnx", "onnxruntime", "openvino"}
    for package in MAY_IMPORT:
        for path in sources(package):
            for module in imported_modules(path):
                top = module.partition(".")[0]
                if top not in sys.stdlib_module_names and top not in MAY_IMPORT:
                    assert named.get(top, top) in declared | optional, f"{path}: {module}"


def test_the_constraints_are_the_oldest_versions_that_are_said_to_work():
    groups = PROJECT["project"]["optional-dependencies"]
    for_users = [group for name, group in groups.items() if name not in ("docs", "test")]
    entries = [*PROJECT["project"]["dependencies"], *(one for group in for_users for one in group)]
    least = dict(re.sub(r"\[.*\]", "", entry).split(">=") for entry in entries if ">=" in entry)
    lines = (ROOT / "tests" / "oldest-versions.txt").read_text(encoding="utf-8").splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert sorted(pinned) == sorted(least)
    for name, version in pinned.items():
        assert f"{version}.".startswith(f"{least[name]}."), name


def test_the_extra_all_is_every_extra_that_is_of_use_to_users():
    extras = PROJECT["project"]["optional-dependencies"]
    (listed,) = extras["all"]
    named = listed.removeprefix("unmask[").removesuffix("]").split(",")
    assert sorted(named) == sorted(set(extras) - {"all", "docs", "test"})


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_loads_nothing_heavy(package):
    loaded = run_python(
        f"import sys, {package}\nprint(*(name for name in {HEAVY!r} if name in sys.modules))\n"
    )
    assert loaded.split() == []


@pytest.mark.parametrize("arguments", [["--help"], ["weights", "list"]])
def test_help_and_listing_load_nothing_heavy(arguments):
    loaded = run_python(
        "import sys\n"
        f"sys.argv = ['unmask', *{arguments!r}]\n"
        "from pipeline.command_line import main\n"
        "try:\n"
        "    code = main()\n"
        "except SystemExit as end:\n"
        "    code = end.code\n"
        "assert not code, code\n"
        f"print('loaded', *(name for name in {HEAVY!r} if name in sys.modules))\n"
    )
    assert loaded.splitlines()[-1].split() == ["loaded"]


NO_NETWORK = """
import socket
def refuse(*arguments, **options):
    raise AssertionError("a socket was opened")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.create_connection = socket.getaddrinfo = socket.gethostbyname = refuse
"""


def test_importing_everything_opens_no_socket_and_writes_nothing(tmp_path):
    modules = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for package in PACKAGES
        for path in sources(package)
        if path.name != "__main__.py"
    ]
    home = tmp_path / "home"
    home.mkdir()
    run_python(
        NO_NETWORK + f"import importlib\nfor name in {modules!r}: importlib.import_module(name)\n",
        HOME=str(home),
        XDG_CONFIG_HOME=str(home),
        XDG_CACHE_HOME=str(home),
        # Matplotlib, which Ultralytics' trainer imports, keeps a list of fonts.
        MPLCONFIGDIR=str(tmp_path / "matplotlib"),
    )
    assert list(home.rglob("*")) == []


def test_plain_use_opens_no_socket_and_writes_nothing(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    run_python(
        NO_NETWORK
        + "import numpy as np\n"
        + "from pipeline import unmask\n"
        + "hole = np.zeros((96, 128), bool)\n"
        + "hole[40:80, 40:90] = True\n"
        + "image = np.full((96, 128, 3), 90, np.uint8)\n"
        + "result = unmask(image, device='cpu')\n"
        + "assert np.array_equal(result, image)\n"
        + "filled = unmask(image, mask=hole, device='cpu')\n"
        + "assert np.array_equal(filled[~hole], image[~hole])\n",
        HOME=str(home),
        XDG_CONFIG_HOME=str(home),
        XDG_CACHE_HOME=str(home),
    )
    assert list(home.rglob("*")) == []


def test_no_pickle_is_loaded():
    """`torch.load` is called with `weights_only=True` or not at all; pickle is never imported."""
    for package in MAY_IMPORT:
        for path in sources(package):
            assert not {"pickle", "dill", "cloudpickle", "joblib"} & imported_modules(path), path
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
                    keywords = {entry.arg: ast.unparse(entry.value) for entry in node.keywords}
                    assert keywords.get("weights_only") == "True", path


def is_overload(node: ast.AST) -> bool:
    """Whether a function only tells type checkers of one of its forms."""
    return any(ast.unparse(one) == "overload" for one in getattr(node, "decorator_list", ()))


def test_every_public_function_and_class_has_a_docstring():
    for package in PACKAGES:
        for path in sources(package):
            tree = ast.parse(path.read_text())
            for node in tree.body:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and not (
                    node.name.startswith("_") or is_overload(node)
                ):
                    assert ast.get_docstring(node), f"{path}: {node.name}"


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function without its signature and its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    """The names of a function's parameters, but for the object itself."""
    arguments = function.args
    every = (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
    return [one.arg for one in every if one.arg not in {"self", "cls"}]


def public_methods(node: ast.ClassDef) -> list[str]:
    """The names of a class's public methods, but for properties."""
    return [
        one.name
        for one in node.body
        if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)
        and not one.name.startswith("_")
        and not any(ast.unparse(decorator) == "property" for decorator in one.decorator_list)
    ]


@pytest.mark.parametrize("folder", [*PACKAGES, "examples"])
def test_functions_and_classes_are_short_enough_to_read(folder):
    too_large = []
    for path in sources(folder):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                large = length(node) > LONGEST_FUNCTION or (
                    len(parameters(node)) > MOST_PARAMETERS
                    # Parameters of commands are their options, those of stages the keys of YAML.
                    and not path.is_relative_to(ROOT / "pipeline" / "commands")
                    and not (node.name == "__init__" and path.stem in STAGES)
                )
            else:
                large = isinstance(node, ast.ClassDef) and len(public_methods(node)) > MOST_METHODS
            if large:
                too_large.append(f"{path.relative_to(ROOT)}: {node.name}")
    assert not too_large


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_deliberate_mistakes_name_lines_and_tests_that_are_there(mistake):
    assert (ROOT / mistake.file).read_text().count(mistake.right) == 1
    for test in mistake.tests:
        file, _, name = test.partition("::")
        assert f"def {name}" in (ROOT / file).read_text() if name else (ROOT / file).is_file()


@pytest.mark.parametrize("target", ["example", "test"])
def test_make_refuses_an_old_python_in_one_sentence(tmp_path, target):
    old = tmp_path / "old-python"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    result = subprocess.run(
        ["make", target, f"PYTHON={old}", f"VENV={tmp_path / 'venv'}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0
    assert "unmask needs Python 3.11 or newer" in result.stderr


def readme_commands() -> list[str]:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    lines = [line.partition("#")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith("unmask ")]


@pytest.mark.parametrize("line", readme_commands())
def test_the_readmes_commands_and_options_exist(line):
    words = line.split()[1:]
    end = next((index for index, word in enumerate(words) if not word.isalpha()), len(words))
    command = [word for word in words[:end] if word.islower()]
    result = subprocess.run(
        [sys.executable, "-m", "pipeline", *command, "--help"],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "200", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    for option in (word for word in words if word.startswith("-")):
        assert re.search(rf"(?<![\w-]){option}(?![\w-])", result.stdout), option


def test_continuous_integration_runs_the_readmes_command():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "exec make test" in script.read_text()
    readme = (ROOT / "README.md").read_text()
    assert "make example" in readme
    assert "make test" in readme
