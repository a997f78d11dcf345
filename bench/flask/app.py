"""The bench on Flask, with Flask-WTF and psycopg."""

import os
import time
from functools import cache
from pathlib import Path

from flask import Flask, Response, abort, flash, get_flashed_messages, render_template, request, session
from flask_wtf import CSRFProtect, FlaskForm
from markupsafe import escape
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool
from werkzeug.utils import secure_filename
from wtforms import IntegerField, StringField
from wtforms.validators import Length, NumberRange

app = Flask(__name__)
app.config.from_prefixed_env()
app.config["MAX_CONTENT_LENGTH"] = 20_000_000
csrf = CSRFProtect(app)


def text(body):
    return Response(body, mimetype="text/plain")


@app.get("/plaintext")
def plaintext():
    return text("Hello, World!")


@app.get("/json")
def json():
    return {"message": "Hello, World!"}


@app.get("/hello/<name>")
def hello(name):
    return f"<h1>Hello, {escape(name)}!</h1>"


def posts():
    body = "It is <b>not bold</b>, and it is not \"new\" & 'improved'."
    return [{"id": n, "title": f"Post <{n}>", "author": "Ada & Grace", "body": body} for n in range(1, 13)]


@app.get("/template")
def template():
    return render_template("posts.html", heading="Posts", posts=posts())


@app.get("/session")
def visit():
    session["visits"] = session.get("visits", 0) + 1
    return text(f"visit {session['visits']}")


class Registration(FlaskForm):
    class Meta:
        csrf = False

    name = StringField(validators=[Length(2, 60)])
    age = IntegerField(validators=[NumberRange(16, 120)])
    note = StringField(validators=[Length(max=500)])


# Flask-WTF knows no check but its token, and this request brings none.
@app.post("/form")
@csrf.exempt
def form():
    form = Registration()
    if not form.validate_on_submit():
        abort(400, str(form.errors))
    return text(f"{form.name.data} ({form.age.data}): {form.note.data}")


@app.get("/page")
def page():
    session["visits"] = session.get("visits", 0) + 1
    # What is taken out now is what the page shows; the new message is for the next one.
    get_flashed_messages()
    flash("Your visit was counted.")
    return render_template("page.html", heading="Posts", posts=posts())


@cache
def pool():
    return ConnectionPool(os.environ["BENCH_DATABASE_URL"], kwargs={"row_factory": dict_row}, open=True)


@app.get("/row/<int:id>")
def row(id):
    with pool().connection() as connection:
        item = connection.execute("SELECT id, title, views FROM item WHERE id = %s", [id]).fetchone()
    return item or abort(404)


@app.get("/fortunes")
def fortunes():
    with pool().connection() as connection:
        fortunes = connection.execute("SELECT id, message FROM fortune").fetchall()
    fortunes.append({"id": 0, "message": "Added while the page was asked for."})
    fortunes.sort(key=lambda fortune: fortune["message"])
    return render_template("fortunes.html", fortunes=fortunes)


def numbered(id):
    return text(str(id))


for n in range(int(os.environ.get("BENCH_ROUTES", 0))):
    app.add_url_rule(f"/r{n}/<int:id>", f"r{n}", numbered)


@app.post("/upload")
@csrf.exempt
def upload():
    file = request.files["file"]
    path = Path(os.environ["BENCH_UPLOADS"]) / secure_filename(file.filename)
    file.save(path)
    return text(f"{path.stat().st_size} bytes")


@app.get("/sleep")
def sleep():
    time.sleep(0.05)
    return text("slept")
