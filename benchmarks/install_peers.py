"""Builds the environments of the systems that the project is measured beside: `make peers`.

    python3 -m benchmarks.install_peers [NAME ...]

Each gets a folder of its own in `.peers`, from the package index. OpenNMT-py and JoeyNMT ask for an
older torch, or for packages that they do not need to train and to translate: they are installed
without their dependencies, beside the torch of `constraints.txt` and what they do need. What makes
them run with it is in `PEERS`: each change to an installed file, with its reason.
"""

import argparse
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".peers"


@dataclass(frozen=True)
class Patch:
    """A change to an installed file.

    Attributes:
        file: Below `site-packages`.
        old: What stands there; nothing where the file is to go.
        new: What is to stand there.
        reason: Why.
    """

    file: str
    old: str
    new: str
    reason: str

    def apply(self, site_packages: Path) -> None:
        """Change the file, unless it was changed before."""
        path = site_packages / self.file
        if not self.old:
            path.unlink(missing_ok=True)
            return
        text = path.read_text(encoding="utf-8")
        if self.old in text:
            path.write_text(text.replace(self.old, self.new), encoding="utf-8")
        elif self.new not in text:
            raise SystemExit(f"{path}: expected '{self.old}', which is not there")


@dataclass(frozen=True)
class Peer:
    """A system to be measured beside.

    Attributes:
        requirement: Its package and version.
        needs: What it needs, in the versions of `constraints.txt` where they stand there.
        patches: What makes it run with these.
    """

    requirement: str
    needs: tuple[str, ...]
    patches: tuple[Patch, ...] = ()


_NO_PICKLE = (
    "since 2.6 torch reads plain weights only unless told otherwise; a checkpoint holds more"
)
_UNUSED = "imports a package that nothing here uses (spacy, fasttext, rapidfuzz or pyahocorasick)"
PEERS = {
    "opennmt": Peer(
        "OpenNMT-py==3.5.1",
        (
            *("torch", "pyonmttok==1.38.1", "configargparse", "pyyaml", "sacrebleu", "six"),
            "sentencepiece",
        ),
        (
            *(
                Patch(f"onmt/transforms/{name}.py", "", "", _UNUSED)
                for name in ("clean", "fuzzymatch", "inlinetags", "terminology")
            ),
            Patch(
                "onmt/models/model_saver.py",
                'torch.load(ckpt_path, map_location=torch.device("cpu"))',
                'torch.load(ckpt_path, map_location=torch.device("cpu"), weights_only=False)',
                _NO_PICKLE,
            ),
        ),
    ),
    "joeynmt": Peer(
        "joeynmt==2.3.0",
        (
            *("torch", "sentencepiece", "sacrebleu", "pyyaml", "packaging", "importlib_metadata"),
            *("matplotlib", "tensorboard", "tqdm", "subword-nmt==0.3.8"),
        ),
        (
            Patch(
                "joeynmt/builders.py",
                '            "verbose": False,\n            "threshold_mode"',
                '            "threshold_mode"',
                "torch no longer knows this argument of ReduceLROnPlateau",
            ),
            Patch(
                "joeynmt/helpers.py",
                "torch.load(path, map_location=map_location)",
                "torch.load(path, map_location=map_location, weights_only=False)",
                _NO_PICKLE,
            ),
        ),
    ),
    "ctranslate2": Peer("ctranslate2==4.8.5", ("numpy", "pyyaml", "sentencepiece")),
}


def python_of(name: str) -> Path:
    """The interpreter of a peer's environment, whether it is there or not."""
    return FOLDER / name / "bin" / "python"


def installed(name: str) -> bool:
    """Whether its environment was built to the end, as `PEERS` has it now."""
    mark = FOLDER / name / "installed"
    return mark.is_file() and mark.read_text(encoding="utf-8") == repr(PEERS[name])


def install(name: str) -> None:
    """Build its environment, or bring it to its end."""
    peer = PEERS[name]
    print(f"installing {peer.requirement} into {FOLDER / name}", file=sys.stderr)
    if not python_of(name).exists():
        _run(sys.executable, "-m", "venv", str(FOLDER / name))
    pip = (str(python_of(name)), "-m", "pip", "install", "-q", "--disable-pip-version-check")
    _run(*pip, "-c", str(ROOT / "constraints.txt"), *peer.needs)
    _run(*pip, "--no-deps", peer.requirement)
    (site_packages,) = (FOLDER / name / "lib").glob("python3*/site-packages")
    for patch in peer.patches:
        patch.apply(site_packages)
        print(f"  patched {patch.file}: {patch.reason}", file=sys.stderr)
    (FOLDER / name / "installed").write_text(repr(peer), encoding="utf-8")


def _run(*command: str) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)


def main() -> None:
    """Build those that are not there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(PEERS)}; default: all"
    )
    names = parser.parse_args().names or list(PEERS)
    if unknown := [name for name in names if name not in PEERS]:
        parser.error(f"expected {', '.join(PEERS)}; got {unknown[0]}")
    for name in names:
        if not installed(name):
            install(name)


if __name__ == "__main__":
    main()
