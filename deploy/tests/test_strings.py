"""The page's texts: all in web/strings.js, in every language, and none beside it."""

import ast
import json
import re
from html.parser import HTMLParser

import pytest

from deploy.tooling.paths import ROOT

WEB = ROOT / "web"
STRINGS_JS = (WEB / "strings.js").read_text()
SCRIPTS = [
    WEB / "main.js",
    WEB / "worker-client.js",
    *(WEB / "ui").glob("*.js"),
    *(WEB / "media").glob("*.js"),
]
NOT_TRANSLATED = {"ReelBallers", "Reel", "Ballers", "ReelBallers needs JavaScript.", "1:1"}
"""The product's name; and what is shown where no script runs."""

KEYS_OF_KEYBOARDS = {"Space", "Shift", "Ctrl", "Alt", "Esc", "Home", "End", "Click", "Tab", "Enter", "Escape"}
KEYS_OF_KEYBOARDS |= {"Arrow", "Delete", "Backspace"}
OTHER_WORDS = {"English", "Deutsch", "Lanczos", "Files", "Starting", "PageUp", "PageDown"}
"""Languages' own names, a filter's, a drag's type; what Python's start is called until the worker speaks."""


def table(name: str) -> dict[str, object]:
    block = STRINGS_JS.partition(f"export const {name} = {{\n")[2].partition("\n};")[0]
    lines = (line.strip() for line in block.splitlines())
    return json.loads("{" + "".join(line for line in lines if not line.startswith("//")).rstrip(",") + "}")


STRINGS: dict[str, list[str]] = table("STRINGS")  # type: ignore[assignment]
SAID: dict[str, str] = table("SAID")  # type: ignore[assignment]


def blanks(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w+\}", text))


def test_every_text_is_there_in_both_languages_with_the_same_blanks() -> None:
    assert len(STRINGS) > 200
    for name, texts in STRINGS.items():
        english, german = texts
        assert english.strip() and german.strip(), name
        assert blanks(english) == blanks(german), name
    for english, german in SAID.items():
        assert german.strip(), english
        assert blanks(english) == blanks(german), english


class Visible(HTMLParser):
    """What index.html itself shows, and the names of the texts that it asks for."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[str] = []
        self.asked: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in ("script", "style")
        for name, value in attrs:
            if name in ("aria-label", "title", "placeholder", "alt", "aria-roledescription"):
                self.shown.append(value or "")
            elif re.fullmatch(r"data-t(-\w+)?", name):
                self.asked.append(value or "")

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.shown.append(data.strip())


def index() -> Visible:
    parser = Visible()
    parser.feed((WEB / "index.html").read_text())
    return parser


def test_the_page_itself_holds_no_text() -> None:
    words = [text for text in index().shown if re.search(r"[A-Za-zÄÖÜäöü]{2,}", text)]
    assert set(words) <= NOT_TRANSLATED


def code(script: str) -> str:
    """Without comments, imports, errors for developers and the console."""
    script = re.sub(r"/\*.*?\*/", "", script, flags=re.S)
    lines = (re.sub(r"(^|\s)//.*$", "", line) for line in script.splitlines())
    return "\n".join(line for line in lines if not re.search(r"^import |console\.|new Error\(", line))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_hold_no_text(path) -> None:
    found = []
    for quoted, template in re.findall(r'"([^"\n]*)"|`([^`\n]*)`', code(path.read_text())):
        text = quoted or re.sub(r"\$\{.*?\}", "", template)
        sentence = re.search(r"[A-Z][a-z]+ [a-z]|[a-z] [a-z]+[.…]", text)
        word = re.fullmatch(r"\s*[A-Z][a-z]{2,}[.…:]?\s*", text)
        if sentence or (word and text.strip() not in KEYS_OF_KEYBOARDS | OTHER_WORDS):
            found.append(text)
    assert found == []


def test_every_text_asked_for_exists_and_every_text_is_asked_for() -> None:
    scripts = "\n".join(path.read_text() for path in SCRIPTS)
    asked = {*index().asked, *re.findall(r'\bt\("([^"]+)"', scripts)}
    asked |= set(re.findall(r'"data-t(?:-\w+)?": "([^"]+)"', scripts))
    assert sorted(asked - STRINGS.keys()) == []
    literals = set(re.findall(r'"([^"\n]+)"', scripts)) | asked
    begun = tuple(re.findall(r"`([a-z]+\.)\$\{", scripts))  # names that are put together: `job.${state}`
    unused = [name for name in STRINGS if name not in literals and not name.startswith((*begun, "key."))]
    assert unused == []


def said_by_programs() -> list[re.Pattern[str]]:
    """Every string of pycore, of the server and of the worker, with gaps for what is filled in."""
    texts: set[str] = set(re.findall(r'"([^"\n]+)"', (WEB / "worker.js").read_text()))
    patterns = []
    for path in [*(ROOT / "pycore").rglob("*.py"), *(ROOT / "server" / "gpu").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                texts.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [
                    re.escape(str(each.value)) if isinstance(each, ast.Constant) else ".*"
                    for each in node.values
                ]
                patterns.append("".join(parts))
    return [re.compile(re.escape(text)) for text in texts if text in SAID] + [
        re.compile(pattern, re.S) for pattern in patterns if len(pattern.replace(".*", "")) > 5
    ]


def test_what_is_translated_of_python_is_still_said_there() -> None:
    patterns = said_by_programs()
    gone = [text for text in SAID if not any(pattern.fullmatch(text) for pattern in patterns)]
    assert gone == []
