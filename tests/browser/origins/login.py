"""A small application as Flask programmers write them: a signed session cookie, flashed messages, url_for."""
import base64
import html
import json
import sys

from flask import Flask, flash, get_flashed_messages, redirect, request, url_for

app = Flask(__name__)
app.secret_key = "for this test"


@app.get("/")
@app.get("/login")
@app.get("/account", endpoint="account")
def page():
    told = "".join(f"<li>{message}" for message in get_flashed_messages())
    user = html.escape(request.headers.get("Postern-User-Id", "nobody"))
    form = '<form method=post action={0} enctype="multipart/form-data"><input name=name><button>{0}</button></form>'
    return f"<!doctype html><title>flask</title><ul>{told}</ul><p id=user>{user}</p>" + form.format("login") + form.format("logout")


@app.post("/login")
def login():
    flash("welcome")
    answer = redirect(url_for("account"))
    session = json.dumps({"userId": request.form["name"], "jwtPayload": {"role": "member"}})
    answer.headers["Postern-Directive-Key"] = request.headers.get("Postern-Directive-Key", "")
    answer.headers["Postern-Create-Session"] = base64.urlsafe_b64encode(session.encode()).decode()
    return answer


@app.post("/logout")
def logout():
    answer = redirect("/")
    answer.headers["Postern-Directive-Key"] = request.headers.get("Postern-Directive-Key", "")
    answer.headers["Postern-Revoke"] = "session"
    return answer


app.run(port=int(sys.argv[1]))
