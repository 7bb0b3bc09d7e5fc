"""The package as users install it."""

from __future__ import annotations

import pathlib
import subprocess
import sys
import sysconfig
import venv
import zipfile

import pytest

import tollgate

FOLDER = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The package, built of a copy so that nothing is left beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    run(*pip, "--disable-pip-version-check", "--wheel-dir", str(folder), str(FOLDER))
    [built] = folder.glob("*.whl")
    return built


def run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_wheel_has_every_module_and_says_that_it_is_typed(wheel: pathlib.Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if name.startswith("tollgate/")}
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        told = archive.read(metadata).decode()
    sources = FOLDER / "src/tollgate"
    assert names == {f"tollgate/{path.name}" for path in sources.iterdir() if path.is_file()}
    assert "tollgate/py.typed" in names
    assert f"Version: {tollgate.__version__}\n" in told
    assert "Classifier: Typing :: Typed\n" in told
    for need in ("anyio", "httpcore", "httpx", "pydantic"):
        assert f"Requires-Dist: {need}" in told


def test_a_fresh_environment_can_install_and_import_it(wheel: pathlib.Path, tmp_path: pathlib.Path) -> None:
    venv.create(tmp_path, with_pip=False)
    python = str(tmp_path / "bin/python")
    install = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-index", "--no-deps"]
    run(*install, "--disable-pip-version-check", str(wheel))
    # What it needs is that of this run; nothing is downloaded.
    [packages] = tmp_path.glob("lib/python*/site-packages")
    (packages / "needs.pth").write_text(sysconfig.get_path("purelib"))
    program = "import tollgate; print(tollgate.__file__, tollgate.Client('http://gate', 'sk-1'))"
    assert run(python, "-c", program) == f"{packages}/tollgate/__init__.py Client('http://gate')\n"
