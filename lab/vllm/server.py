"""The OpenAI-compatible endpoint of the head."""

import json
import os
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class EngineDead(Exception):
    """A rank didn't do its part in time."""


class Engine:
    """All ranks of the deployment; every token takes each of them."""

    def __init__(self, peers, seconds):
        self.peers = peers
        self.seconds = seconds
        self.lock = threading.Lock()

    def execute(self):
        """The names of the ranks' hosts, in rank order. @raise EngineDead after the time limit, never before."""
        with self.lock:
            end = time.monotonic() + self.seconds
            names = {0: socket.gethostname()}
            try:
                for rank, peer in self.peers.items():
                    peer.send("execute")
                    names[rank] = peer.receive(max(0.01, end - time.monotonic()))["host"]
            except OSError as error:
                time.sleep(max(0, end - time.monotonic()))
                raise EngineDead(f"RPC call to execute_model timed out ({error})") from error
            return [names[rank] for rank in sorted(names)]


class Endpoint(ThreadingHTTPServer):
    """Bound from the start, as the real one's port is; listens only once `open` was called."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address, arguments, orders):
        super().__init__(address, Answer, bind_and_activate=False)
        self.arguments = arguments
        self.orders = orders
        self.names = arguments.served_model_name or [arguments.model_tag or arguments.model]
        self.engine = None
        self.server_bind()

    def open(self, engine):
        """Answers from now on."""
        self.engine = engine
        self.server_activate()
        self.serve_forever()


class Answer(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """Health and models; health knows nothing of the other ranks."""
        if self.path == "/health":
            self.say(200, None)
        elif self.path == "/v1/models":
            made = int(time.time())
            self.say(200, {"object": "list", "data": [
                {"id": name, "object": "model", "created": made, "owned_by": "vllm"} for name in self.server.names
            ]})
        else:
            self.say(404, {"detail": "Not Found"})

    def do_POST(self):
        """Completions."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path not in ("/v1/completions", "/v1/chat/completions"):
            return self.say(404, {"detail": "Not Found"})
        keys = self.server.arguments.api_key
        if keys and self.headers.get("Authorization", "").removeprefix("Bearer ") not in keys:
            return self.say(401, {"error": "Unauthorized"})
        try:
            request = json.loads(body)
        except ValueError:
            return self.refuse(400, "BadRequestError", "the body is not JSON")
        return self.complete(request)

    def complete(self, request):
        """An answer that names the hosts of all ranks, cut after max_tokens words."""
        is_chat = self.path.endswith("/chat/completions")
        asked = request.get("messages" if is_chat else "prompt")
        if asked is None or request.get("stream"):
            return self.refuse(400, "BadRequestError", "wanted a prompt or messages, and no stream: this is a stand-in")
        if request.get("model", self.server.names[0]) not in self.server.names:
            return self.refuse(404, "NotFoundError", f"The model `{request['model']}` does not exist.")
        if self.server.orders.has("SILENT"):
            threading.Event().wait()
        if self.server.orders.has("ERRORS"):
            return self.refuse(500, "InternalServerError", "told to fail")
        try:
            hosts = self.server.engine.execute()
        except EngineDead as error:
            return self.end(error)
        words = f"answered by the lab's stand-in for vLLM on {' '.join(hosts)}".split()
        limit = request.get("max_tokens") or request.get("max_completion_tokens") or len(words)
        return self.say(200, answer_of(self.server.names[0], is_chat, words[: int(limit)], len(words)))

    def end(self, error):
        """The first request that a dead rank spoils gets an error, and the head ends."""
        print(f"ERROR EngineCore encountered a fatal error: {error}", flush=True)
        self.refuse(500, "InternalServerError", "EngineCore encountered an issue. See stack trace for the root cause.")
        threading.Timer(0.2, os._exit, (1,)).start()

    def refuse(self, status, kind, message):
        """An error as OpenAI's clients read it."""
        self.say(status, {"error": {"message": message, "type": kind, "param": None, "code": status}})

    def say(self, status, value):
        """Sends a JSON value, or nothing but the status."""
        body = b"" if value is None else json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *values):
        """To the log, like uvicorn."""
        print(f'INFO:     {self.client_address[0]} - {format % values}', flush=True)


def answer_of(model, is_chat, words, count):
    """A completion, or a chat's."""
    text = " ".join(words)
    said = {"message": {"role": "assistant", "content": text}} if is_chat else {"text": text}
    reason = "length" if len(words) < count else "stop"
    kind = "chat.completion" if is_chat else "text_completion"
    return {
        "id": f"cmpl-{time.monotonic_ns():x}",
        "object": kind,
        "created": int(time.time()),
        "model": model,
        "choices": [{"index": 0, **said, "logprobs": None, "finish_reason": reason}],
        "usage": {"prompt_tokens": 1, "completion_tokens": len(words), "total_tokens": 1 + len(words)},
    }
