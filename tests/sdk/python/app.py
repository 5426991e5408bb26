"""A Flask application with the SDK, and every function of the SDK by name, for tests/sdk/python.test.mjs.

Reads its settings as one JSON argument, prints its port, and serves until its standard input ends.
"""

import json
import os
import sys
import threading

from flask import Flask, g, jsonify, request
from werkzeug.serving import WSGIRequestHandler, make_server

from supertokens_python import InputAppInfo, SupertokensConfig, init
from supertokens_python.framework.flask import Middleware
from supertokens_python.recipe import session
from supertokens_python.recipe.session import syncio
from supertokens_python.recipe.session.claims import PrimitiveClaim
from supertokens_python.recipe.session.framework.flask import verify_session
from supertokens_python.types import RecipeUserId

settings = json.loads(sys.argv[1])
role = PrimitiveClaim(
    "role", lambda user_id, *_: "admin" if user_id == "admin" else "user"
)
app = Flask("app")


class Quiet(WSGIRequestHandler):
    def log(self, *_args):
        pass


server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
origin = f"http://127.0.0.1:{server.port}"
init(
    supertokens_config=SupertokensConfig(**settings["connection"]),
    app_info=InputAppInfo(app_name="app", api_domain=origin, website_domain=origin),
    framework="flask",
    recipe_list=[session.init(**settings.get("session", {}))],
    telemetry=False,
)
Middleware(app)


def shown(found):
    return {
        "handle": found.get_handle(),
        "userId": found.get_user_id(),
        "recipeUserId": found.get_recipe_user_id().get_as_string(),
        "tenantId": found.get_tenant_id(),
        "payload": found.get_access_token_payload(),
        "accessToken": found.get_access_token(),
        "tokens": found.get_all_session_tokens_dangerously(),
    }


def plain(value):
    """A result as JSON."""
    if hasattr(value, "get_access_token_payload"):
        return shown(value)
    if hasattr(value, "to_json"):
        return value.to_json()
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if hasattr(value, "__dict__"):
        return {name: plain(each) for name, each in vars(value).items()}
    return value


def answered(action):
    try:
        return jsonify({"value": plain(action())})
    except Exception as error:
        return jsonify({"error": type(error).__name__, "message": str(error)})


def argument(value):
    """JSON as an argument: `{"$": name}` stands for what JSON has no word for."""
    if not isinstance(value, dict) or "$" not in value:
        return value
    return {
        "role": lambda: role,
        "user": lambda: RecipeUserId(value["id"]),
        "validators": lambda: lambda *_: [role.validators.has_value(value["value"])],
        "validator list": lambda: [role.validators.has_value(value["value"])],
    }[value["$"]]()


@app.post("/call")
def call():
    """A function of the SDK: {call, args, named}."""
    body = request.get_json()
    named = {name: argument(each) for name, each in body.get("named", {}).items()}
    function = getattr(syncio, body["call"])
    return answered(lambda: function(*map(argument, body["args"]), **named))


@app.post("/method")
def method():
    """A method of the session behind an access token: {accessToken, call, args}; answers the session too."""
    body = request.get_json()

    def action():
        found = syncio.get_session_without_request_response(body["accessToken"])
        result = getattr(found, body["call"])(*map(argument, body["args"]))
        return {"result": result, "session": shown(found)}

    return answered(action)


@app.post("/login/<user>")
def login(user):
    body = request.get_json(silent=True) or {}
    made = syncio.create_new_session(
        request,
        body.get("tenant", "public"),
        RecipeUserId(user),
        body.get("payload", {}),
        body.get("data", {}),
    )
    return jsonify({"handle": made.get_handle()})


@app.route("/me", methods=["GET", "POST"])
@verify_session()
def me():
    return jsonify(shown(g.supertokens))


@app.get("/function")
def function():
    return jsonify(shown(syncio.get_session(request)))


@app.post("/elsewhere/refresh")
def elsewhere():
    return jsonify(shown(syncio.refresh_session(request)))


@app.get("/checked")
@verify_session(check_database=True)
def checked():
    return jsonify(shown(g.supertokens))


@app.get("/perhaps")
@verify_session(session_required=False)
def perhaps():
    return jsonify({"session": g.supertokens is not None})


@app.get("/admins")
@verify_session(
    override_global_claim_validators=lambda validators, *_: (
        validators + [role.validators.has_value("admin")]
    )
)
def admins():
    return jsonify(shown(g.supertokens))


@app.post("/merge")
@verify_session()
def merge():
    g.supertokens.sync_merge_into_access_token_payload(request.get_json())
    return jsonify(g.supertokens.get_access_token_payload())


threading.Thread(target=server.serve_forever, daemon=True).start()
print(server.port, flush=True)
sys.stdin.read()
# The event loops of the SDK's worker threads would keep the process.
os._exit(0)
