"""Makes C++ of the page at /ui: ui_data.py FOLDER ui_data.cc. Nothing of it is read from a disk later."""

import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".svg": "image/svg+xml"}
PIECE = 8000  # compilers need not take longer literals (C++ standard, annex B)


def literal(text):
    assert ')ui"' not in text
    return "\n      ".join(f'R"ui({text[at:at + PIECE]})ui"' for at in range(0, len(text), PIECE))


files = sorted(path for path in pathlib.Path(sys.argv[1]).iterdir() if path.suffix in TYPES)
with open(sys.argv[2], "w", encoding="utf-8") as out:
    out.write('// Made from vsmgrd/api/ui/.\n#include "vsmgrd/api/ui.h"\n\nnamespace vs::http {\n\n'
              "std::span<const UiFile> ui_files() {\n  static constexpr UiFile files[] = {\n")
    for path in files:
        text = path.read_bytes().decode("ascii")
        out.write(f'      {{"{path.name}", "{TYPES[path.suffix]}",\n      {literal(text)}}},\n')
    out.write("  };\n  return files;\n}\n\n}  // namespace vs::http\n")
