"""Reads docs/swift.md beside the generated binding, as far as that can be done without a compiler: all that the page takes
from the binding is there, by the name, the labels, the `async` and the `throws` that the page takes it by.

Called with the page and the binding."""

import pathlib
import re
import sys

page, binding = (pathlib.Path(path).read_text() for path in sys.argv[1:])
code = re.search(r"```swift\n(.*?)```", page, re.S)[1]
text = code + "\n".join(re.findall(r"`([^`\n]+)`", page.replace(code, "")))
# What the page's variables are.
VARIABLES = {"feed": "TurnFeed", "layer": "TurnLayer", "states": "TurnFeedStates"}
FOREIGN = ["TurnSource", "TurnPermission", "InnerHost"]
missing = []


def expect(holds, what):
    if not holds:
        missing.append(what)


def block(source, start):
    """The text up to the brace that closes the first one after `start`."""
    depth = 0
    for end in range(source.index("{", start), len(source)):
        depth += {"{": 1, "}": -1}.get(source[end], 0)
        if depth == 0:
            return source[start : end + 1]
    raise ValueError("a brace is left open")


def declared(name):
    """The declaration of a type of the binding, or nothing."""
    found = re.search(rf"^(?:public|open)\s+(?:indirect )?(?:class|enum|protocol|struct) {name}\b", uncommented, re.M)
    return block(uncommented, found.start()) if found else ""


def one_line(signature):
    return re.sub(r"\s+", " ", signature.replace(")", ") ")).strip()


uncommented = re.sub(r"/\*.*?\*/|//[^\n]*", "", binding, flags=re.S)

types = set(re.findall(r"\b(?:Turn[A-Z]\w*|InnerHost)\b", text))
for name in sorted(types):
    expect(declared(name), f"type {name}")

# The methods that are called, and how.
for variable, name in VARIABLES.items():
    calls = re.findall(rf"(try )?(await )?{variable}\.(\w+)\(((?:\w+:)?)", text)
    expect(calls, f"a call of {variable} on the page")
    for tries, waits, method, label in calls:
        found = re.search(rf"func {method}\((\w+:)?[^)]*\)\s*(async)?\s*(throws)?", declared(name))
        want = tuple(bool(part) for part in (label, waits, tries))
        expect(found and tuple(map(bool, found.groups())) == want and (found[1] or "") == label, f"{name}.{method}({label})")

# What is made, by which labels.
for name, arguments in re.findall(r"\b(Turn[A-Z]\w+)\(((?:[^()]|\([^()]*(?:\([^()]*\))?[^()]*\))*)\)", code):
    labels = re.findall(r"(\w+): ", re.sub(r"\([^()]*(?:\([^()]*\))?[^()]*\)", "", arguments))
    makers = [re.findall(r"(\w+): ", maker) for maker in re.findall(r"init\((.*?)\)", declared(name), re.S)]
    expect(labels and labels in makers, f"{name}({': '.join(labels)}:)")

# What the app implements, as it is asked for.
for protocol in FOREIGN:
    own = re.search(rf"class \w+: {protocol} ", code)
    own = {one_line(line.split("{")[0]) for line in block(code, own.start()).splitlines() if "func " in line}
    wanted = {one_line(line) for line in declared(protocol).splitlines() if "func " in line}
    expect(wanted and wanted <= own, f"{protocol}, of which the page has {own}, and the binding {wanted}")

# Fields and cases, in code and text.
for name, field in re.findall(r"\b(Turn[A-Z]\w+)\.(\w+)", text):
    expect(re.search(rf"(?:var|case|func) {field}\b", declared(name)), f"{name}.{field}")
for field in re.findall(r"\brequest\.(\w+)", block(code, code.index("class Permission"))):
    expect(f"var {field}:" in declared("TurnPermissionRequest"), f"TurnPermissionRequest.{field}")

if missing:
    sys.exit("the Swift binding has no longer what its page takes:\n" + "\n".join(missing))
print(f"swift: {len(types)} types of the page are in the binding as it takes them")
