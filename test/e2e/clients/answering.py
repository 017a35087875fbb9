"""Answers JSON requests, one a line, until the input ends. See python-client.ts."""

import json
import os
import sys

CLIENT = json.loads(os.environ["HANDOVER_CLIENT"])
TIMEOUT = 15


def described(token, subject=None):
    """A token answer, as the tests read it."""
    members = [name for name in token if name != "expires_at"]
    return {
        "access": token["access_token"],
        "refresh": token.get("refresh_token"),
        "members": members,
        "subject": subject,
    }


def serve(operations):
    """Runs the operation that each line names with the rest of the line as its arguments."""
    for line in sys.stdin:
        request = json.loads(line)
        number, name = request.pop("id"), request.pop("op")
        try:
            answer = {"id": number, "ok": operations[name](**request)}
        except Exception as error:  # every failure of a library is an answer
            answer = {
                "id": number,
                "error": getattr(error, "error", None),
                "message": f"{type(error).__name__}: {error}",
            }
        print(json.dumps(answer), flush=True)
