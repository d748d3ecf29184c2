"""Holds #include lines to the allowed directions between folders, and shows on an example that it would notice a wrong one."""

import re
import sys
import tempfile
from pathlib import Path

# Folder -> folders whose headers it may include beside its own. A nested folder stands for itself.
ALLOWED = {
    "base": set(),
    "config": {"base"},
    "packet": {"base"},
    "storage": {"base", "packet"},
    "indexer": {"base", "packet", "storage"},
    "daemon": {"base", "config", "packet", "storage", "indexer"},
    "query/language": {"base", "packet"},
    "query/search": {"base", "packet", "storage", "indexer", "query/language"},
    "query/answer": {"base", "packet", "storage", "query/language", "query/search"},
    "query/http": {"base", "config", "query/language", "query/search", "query/answer"},
    "query/cli": {"base", "packet", "storage", "indexer", "query/search", "query/answer", "query/http"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.MULTILINE)


def folder_of(path):
    """The entry of ALLOWED that a path from the root belongs to; None for other folders."""
    for depth in (2, 1):
        folder = "/".join(Path(path).parts[:depth])
        if folder in ALLOWED and len(Path(path).parts) == depth + 1:
            return folder
    return None


def violations(root):
    found = []
    for top in sorted({folder.split("/")[0] for folder in ALLOWED}):
        for source in sorted((root / top).rglob("*")):
            if source.suffix not in (".h", ".cc"):
                continue
            name = str(source.relative_to(root))
            here = folder_of(name)
            if here is None:
                found.append(f"{name}: in a folder that the picture doesn't have")
                continue
            for included in INCLUDE.findall(source.read_text()):
                there = folder_of(included)
                if there is None:
                    found.append(f'{name}: includes "{included}", which is not named from the root or in no known folder')
                elif there != here and there not in ALLOWED[here]:
                    found.append(f'{name}: {here} may not include "{included}"')
    return found


def check_the_check():
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory)
        for folder in ALLOWED:
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "storage/good.cc").write_text('#include "packet/packet.h"\n#include "storage/block.h"\n#include <vector>\n')
        assert violations(root) == []
        (root / "packet/bad.h").write_text('#include "storage/block.h"\n')
        (root / "daemon/bad.cc").write_text('  #  include "query/search/search.h"\n')
        (root / "query/search/bad.cc").write_text('#include "flow_selection.h"\n')
        assert len(violations(root)) == 3, violations(root)


def main():
    check_the_check()
    found = violations(Path(__file__).resolve().parents[2])
    print("\n".join(found))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
