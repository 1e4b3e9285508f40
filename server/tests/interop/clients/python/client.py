"""A client in Python: the websockets package, and http.client for event streams. Its language is in ../README.md.

    client.py [CA_FILE]
"""

import base64
import http.client
import json
import os
import ssl
import sys
import threading
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

PATIENCE = 30
trusted = ssl.create_default_context(cafile=sys.argv[1]) if len(sys.argv) > 1 else None
speaking = threading.Lock()
socket = None


def say(**event):
    with speaking:
        print(json.dumps(event), flush=True)


def started(target, *arguments):
    def run():
        try:
            target(*arguments)
        except BaseException:
            # The tests shall not wait for a thread that has gone.
            sys.excepthook(*sys.exc_info())
            os._exit(1)

    threading.Thread(target=run, daemon=True).start()


def do_connect(url):
    started(live, url, {"ssl": trusted} if url.startswith("wss:") else {})


def live(url, tls):
    global socket
    try:
        with connect(url, proxy=None, ping_interval=None, open_timeout=PATIENCE, **tls) as socket:
            say(event="open", cursor=socket.response.headers.get("Fanout-Cursor"))
            receive(socket)
    except InvalidStatus as refusal:
        say(event="refused", status=refusal.response.status_code)


def receive(socket):
    try:
        while True:
            message = socket.recv()
            if isinstance(message, str):
                say(event="text", data=message)
            else:
                say(event="binary", data=base64.b64encode(message).decode())
    except ConnectionClosed:
        say(event="closed", code=socket.close_code, reason=socket.close_reason or "")


def do_text(data):
    socket.send(data)


def do_binary(data):
    socket.send(base64.b64decode(data))


def do_fragments(kind, data, size):
    message = base64.b64decode(data)

    def parts():
        yield message[:size]
        await_pong(socket.ping("between"), "between")
        for start in range(size, len(message), size):
            yield message[start : start + size]

    socket.send(parts(), text=kind == "text")


def do_ping(data):
    await_pong(socket.ping(data), data)


def await_pong(arrived, data):
    if arrived.wait(PATIENCE):
        say(event="pong", data=data)


def do_close(code, reason):
    # The library has no empty close frame: without a code it sends 1000.
    if code is None:
        socket.close()
    else:
        socket.close(code, reason)


def do_sse(url, last):
    started(stream, urlsplit(url), {} if last is None else {"Last-Event-ID": last})


def stream(url, headers):
    if url.scheme == "https":
        connection = http.client.HTTPSConnection(url.netloc, context=trusted)
    else:
        connection = http.client.HTTPConnection(url.netloc)
    try:
        connection.request("GET", url._replace(scheme="", netloc="").geturl(), headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            say(event="refused", status=answer.status)
            return
        say(event="open", cursor=answer.getheader("Fanout-Cursor"))
        read(answer)
    except (OSError, http.client.HTTPException):
        pass  # A connection that was cut: the same as an end.
    say(event="ended")


def read(answer):
    """Reads an event stream to its end. The server ends its lines with LF, one of the three ways of the grammar."""
    last, name, data = "", "message", []
    while line := answer.readline():
        line = line.decode().rstrip("\r\n")
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                say(event="streamed", id=last, name=name, data="\n".join(data))
            name, data = "message", []
        elif field == "id":
            last = value
        elif field == "event":
            name = value
        elif field == "data":
            data.append(value)


for line in sys.stdin:
    command = json.loads(line)
    globals()["do_" + command.pop("do")](**command)
