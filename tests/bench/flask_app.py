"""Polling and sending as a plain Flask program: the same schema, pragmas and rows as the relay, straightforward code."""
import hashlib
import os
import sqlite3
import time
import uuid

from flask import Flask, jsonify, request

SEEN_INTERVAL_MS = 20000
SESSION = ("SELECT s.id, s.expires_at, s.last_seen_at, s.start_seq, s.created_at, a.id, a.chat_address, "
           "a.blocked, a.delivered_seq FROM session s JOIN account a ON a.id = s.account_id WHERE s.token_hash = ?")
NEXT_SEQ = ("UPDATE meta SET stream_seq = CASE WHEN stream_seq >= ?1 THEN stream_seq + 1 ELSE ?1 END "
            "WHERE id = 1 RETURNING stream_seq")
READ = ("SELECT m.public_id, m.channel, m.kind, a.chat_address, a.display_name, m.address, m.body, "
        "m.created_at, st.seq FROM stream st JOIN message m ON m.id = st.message_id "
        "LEFT JOIN account a ON a.id = m.sender_id WHERE st.stream_id = ? AND st.seq > ? ORDER BY st.seq LIMIT ?")
CLAIM = ("UPDATE delivery SET state = 1 WHERE account_id = ? AND state = 0 AND message_id IN "
         "(SELECT message_id FROM stream WHERE stream_id = ? AND seq > ? AND seq <= ?)")
CONFIRM = ("UPDATE delivery SET state = 2, delivered_at = ? WHERE account_id = ? AND state < 2 AND message_id IN "
           "(SELECT message_id FROM stream WHERE stream_id = ? AND seq > ? AND seq <= ?)")

app = Flask(__name__)


def connect():
    db = sqlite3.connect(os.environ["BENCH_DB"], timeout=2.0, isolation_level=None)
    for pragma in ("secure_delete=ON", "temp_store=MEMORY", "foreign_keys=ON", "cache_size=-2048",
                   "journal_size_limit=4194304", "synchronous=" + os.environ["BENCH_DURABILITY"]):
        db.execute("PRAGMA " + pragma)
    return db


DB = connect()


class Refused(Exception):
    def __init__(self, status, code):
        super().__init__(code)
        self.status, self.code = status, code


@app.errorhandler(Refused)
def on_refused(refused):
    return jsonify(success=False, error=refused.code, message=refused.code), refused.status


@app.errorhandler(sqlite3.OperationalError)
def on_busy(_):
    if DB.in_transaction:
        DB.execute("ROLLBACK")
    return jsonify(success=False, error="busy", message="The database is busy; try again."), 503


def signed_in(now):
    token = request.headers.get("X-PChat-Session", "")
    me = DB.execute(SESSION, (hashlib.sha256(token.encode()).digest(),)).fetchone()
    if not me or me[7]:
        raise Refused(401, "credential_invalid")
    if me[1] and me[1] <= now:
        raise Refused(401, "credential_expired")
    if now - me[2] >= SEEN_INTERVAL_MS:
        DB.execute("UPDATE session SET last_seen_at = ? WHERE id = ?", (now, me[0]))
    return me


def fields(*names):
    body = request.get_json(silent=True)
    if not isinstance(body, dict):
        raise Refused(400, "invalid_body")
    for name in names:
        if not isinstance(body.get(name), str) or not body[name]:
            raise Refused(400, "missing_field")
    return body


def hand_out(me, cursor, limit, now):
    """Confirms up to the cursor and reads what follows, in one transaction."""
    DB.execute("BEGIN IMMEDIATE")
    if cursor > me[8]:
        DB.execute(CONFIRM, (now, me[5], me[5], me[8], cursor))
        DB.execute("UPDATE account SET delivered_seq = ? WHERE id = ?", (cursor, me[5]))
    rows = DB.execute(READ, (me[5], cursor, limit + 1)).fetchall()
    if rows:
        DB.execute(CLAIM, (me[5], me[5], cursor, rows[:limit][-1][8]))
    DB.execute("COMMIT")
    return rows


@app.post("/api/v1/webchat/poll")
def on_poll():
    now = int(time.time() * 1000)
    me, body = signed_in(now), fields("chat_address")
    limit, cursor = int(body.get("limit", 20)), int(body.get("cursor") or me[3])
    if body["chat_address"] != me[6]:
        raise Refused(403, "not_your_address")
    rows = DB.execute("SELECT 1 FROM stream WHERE stream_id = ? AND seq > ? LIMIT 1", (me[5], cursor)).fetchone()
    if rows or cursor > me[8]:
        rows = hand_out(me, cursor, limit, now)
    messages = [{"message_id": "msg_" + r[0].hex(), "channel": r[1], "kind": r[2], "from": r[3], "from_name": r[4],
                 "to": r[5].decode(), "text": r[6].decode(), "created_at": r[7]} for r in (rows or [])[:limit]]
    return jsonify(success=True, messages=messages, cursor=str(rows[:limit][-1][8] if rows else cursor),
                   has_more=len(rows or []) > limit, poll_interval_ms=2000)


def store(me, to, body, now):
    public_id = uuid.uuid4().bytes
    DB.execute("BEGIN IMMEDIATE")
    seq = DB.execute(NEXT_SEQ, (int(time.time() * 1e6),)).fetchone()[0]
    DB.execute("INSERT INTO message (id, public_id, sender_id, channel, kind, address, body, reply_to, "
               "created_at, edited_at, deleted_at, changed_seq, final_at, scrubbed_at) "
               "VALUES (?, ?, ?, 'pchat', 'text', ?, ?, NULL, ?, 0, 0, 0, 0, 0)",
               (seq, public_id, me[5], body["to"].encode(), body["text"].encode(), now))
    DB.execute("INSERT INTO content_key (id, body_key, address_key) VALUES (?, ?, ?)", (seq, os.urandom(32), os.urandom(32)))
    DB.execute("INSERT INTO delivery (message_id, account_id, state, delivered_at, read_at, removed_at) "
               "VALUES (?, ?, 0, 0, 0, 0)", (seq, to))
    DB.execute("INSERT INTO stream (stream_id, seq, message_id) VALUES (?, ?, ?)", (to, seq, seq))
    DB.execute("COMMIT")
    return public_id


@app.post("/api/v1/messages")
def on_send():
    now = int(time.time() * 1000)
    me, body = signed_in(now), fields("to", "text")
    if len(body["text"].encode()) > 65536:
        raise Refused(400, "invalid_field")
    to = DB.execute("SELECT id, blocked FROM account WHERE chat_address = ?", (body["to"],)).fetchone()
    if not to or to[1]:
        raise Refused(404, "unknown_recipient")
    public_id = store(me, to[0], body, now)
    return jsonify(success=True, message_id="msg_" + public_id.hex(), status="queued",
                   idempotency_key="key_" + uuid.uuid4().hex), 202


@app.get("/health")
def on_health():
    return jsonify(success=True, status="ok")
