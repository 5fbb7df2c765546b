"""No two types of a namespace have one name. Where two files define it differently, each compiles, but they share the
code of std::vector and the like, which then reads past the end of one of them; no compiler says so unless the whole
program is optimized at once. Looked at are classes and structs outside other classes and of no unnamed namespace, by
the layout of clang-format."""

import collections
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
ROOMS = ["bench", "cli", "compiler", "dialects", "frontend", "optimizers", "passes", "runtime", "tests"]
NAMESPACE = re.compile(r"namespace(?: ([\w:]+))? \{(?!.*\})")
TYPE = re.compile(r"(?:class|struct)(?: [A-Z]\w*\(.*?\)| alignas\(.*?\))? (\w+)(?: final)?(?: : .*)? \{")


def types_of(text):
    """The qualified names of the types that a file defines, once a definition."""
    spaces = []
    for line in text.splitlines():
        if opened := NAMESPACE.match(line):
            spaces.append(opened[1])
        elif line.startswith("} // namespace"):
            spaces.pop()
        elif (found := TYPE.match(line)) and None not in spaces:
            yield "::".join([*spaces, found[1]])


class TypeNames(unittest.TestCase):
    def test_each_is_defined_once(self):
        files = collections.defaultdict(list)
        for room in ROOMS:
            for path in sorted((ROOT / room).rglob("*")):
                if path.suffix in (".cpp", ".h"):
                    for name in types_of(path.read_text()):
                        files[name].append(str(path.relative_to(ROOT)))
        self.assertGreater(len(files), 300)  # or it does not see them
        self.assertEqual({name: where for name, where in files.items() if len(where) > 1}, {})

    def test_two_of_one_name_are_seen(self):
        text = ("namespace a {\nstruct B {\n};\nnamespace {\nclass B {\n};\n} // namespace\n"
                "class B final : public C {\n};\n} // namespace a\n")
        self.assertEqual(list(types_of(text)), ["a::B", "a::B"])


if __name__ == "__main__":
    unittest.main()
