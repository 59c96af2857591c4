"""A page in headless Chromium: what it says, and what a reader does with it.

The browser is driven by its DevTools protocol through a pair of pipes.
"""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import time

import pytest

QUIET = (
    "headless no-sandbox disable-gpu no-first-run disable-background-networking "
    "disable-component-update disable-sync remote-debugging-pipe hide-scrollbars"
)
KEYS = {" ": 32, "Tab": 9, "Enter": 13, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39}


def chromium():
    """The browser; installed where that is possible, without it a test skips."""
    found = shutil.which("chromium")
    if not found and os.geteuid() == 0 and shutil.which("apt-get"):
        # Workers of pytest wait for each other.
        get = ["apt-get", "-o", "DPkg::Lock::Timeout=300", "-q", "-y"]
        quiet = {"capture_output": True, "timeout": 300, "check": False}
        with contextlib.suppress(subprocess.TimeoutExpired):
            subprocess.run([*get, "update"], **quiet)
            subprocess.run([*get, "install", "--no-install-recommends", "chromium"], **quiet)
        found = shutil.which("chromium")
    if not found:
        pytest.skip("chromium is not installed: `apt-get install chromium` as root brings it")
    return found


class Browser:
    """Chromium with one page; `faults` are what its console said and what it failed to load."""

    def __init__(self, profile):
        program = chromium()
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        flags = [f"--{flag}" for flag in QUIET.split()]
        # The protocol speaks through the descriptors 3 and 4 of the browser.
        shell = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, "-", program, *flags, f"--user-data-dir={profile}"],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._buffer, self._number, self._session, self.faults = b"", 0, None, []
        self._loaded = False
        self._saved = profile / "saved"
        self._call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self._saved))
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")

    def close(self):
        """Ends the browser."""
        self._process.terminate()
        self._process.wait(timeout=30)
        os.close(self._in)
        os.close(self._out)

    def open(self, path, *, width, height=900, dark=False, touch=False, ready=True):
        """Loads a file at a width of the screen and waits until its script is done."""
        self.faults.clear()
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": touch}
        self._call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._loaded = False
        self._call("Page.navigate", url=path.as_uri())
        deadline = time.monotonic() + 60
        while not self._loaded:
            assert time.monotonic() < deadline, f"{path} does not load"
            self._note(self._read())
        if ready:
            self.wait("document.body.dataset.ready")

    def run(self, script):
        """The value of an expression in the page."""
        answer = self._call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait(self, script):
        """Returns when an expression is true."""
        deadline = time.monotonic() + 60
        while not self.run(f"Boolean({script})"):
            assert time.monotonic() < deadline, (script, self.faults)
            time.sleep(0.05)

    def middle(self, selector):
        """Where on the screen the middle of an element is, after scrolling to it."""
        return self.run(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)});"
            "e.scrollIntoView({block: 'center', behavior: 'instant'});"
            "const b = e.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2];"
            "})()"
        )

    def move(self, x, y, *, down=False):
        """Moves the mouse."""
        held = {"button": "left", "buttons": 1} if down else {}
        self._call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y, **held)

    def press(self, x, y, *, release=True):
        """Presses the mouse, and lets it go."""
        for kind in ("mousePressed", *(["mouseReleased"] * release)):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def release(self, x, y):
        """Lets the mouse go."""
        self._call(
            "Input.dispatchMouseEvent", type="mouseReleased", x=x, y=y, button="left", clickCount=1
        )

    def key(self, name):
        """Presses a key."""
        known = {"key": name, "code": name, "windowsVirtualKeyCode": KEYS[name]}
        if name == "Enter":
            known["text"] = "\r"
        self._call("Input.dispatchKeyEvent", type="keyDown", **known)
        self._call("Input.dispatchKeyEvent", type="keyUp", **known)

    def saved(self, name):
        """The text of a file that the page has saved; the file is removed."""
        deadline, path = time.monotonic() + 60, self._saved / name
        while not path.exists():
            assert time.monotonic() < deadline, f"{name} was not saved"
            time.sleep(0.05)
        text = path.read_text(encoding="utf-8")
        path.unlink()
        return text

    def screenshot(self, path):
        """The whole page as a picture."""
        picture = self._call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))

    def _call(self, method, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
            self._note(answer)

    def _read(self):
        while b"\0" not in self._buffer:
            part = os.read(self._in, 1 << 20)
            assert part, f"the browser has ended with status {self._process.wait()}"
            self._buffer += part
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, event):
        method, parameters = event.get("method"), event.get("params", {})
        self._loaded |= method == "Page.loadEventFired"
        complaint = method in ("Runtime.exceptionThrown", "Log.entryAdded", "Network.loadingFailed")
        said = method == "Runtime.consoleAPICalled"
        asked = method == "Network.requestWillBeSent"
        url = parameters.get("request", {}).get("url", "")
        if complaint or said or (asked and not url.startswith(("file:", "data:"))):
            self.faults.append(parameters)
