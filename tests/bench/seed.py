"""Databases as a relay leaves them: accounts, sessions with known tokens, and messages that were all delivered."""
import base64
import glob
import hashlib
import os
import random
import shutil
import sqlite3
import time

ACCOUNTS = 100000
CLIENTS = 2000
SPAN_MS = 6 * 86400 * 1000
BATCH = 20000
ACCOUNT = ("id email chat_address display_name search_key language role public_visible hidden blocked "
           "delivered_seq created_at")
SESSION = ("id public_id token_hash account_id device_name session_name listen_channel visible start_seq sent_seq "
           "created_at expires_at last_seen_at")
MESSAGE = ("id public_id sender_id channel kind address body created_at edited_at deleted_at changed_seq final_at "
           "scrubbed_at")
DELIVERY = "message_id account_id state delivered_at read_at removed_at"
WORDS = ("the of and to in for that is on with at by we you it this from will be have are not as can see all new "
         "time day work meet later please thanks morning tomorrow train house garden coffee project paper number "
         "answer question weather photo bread music river street before after again maybe really little great "
         "Grüße café naïve übermorgen").split()


def text(rng):
    """A sentence of about 100 bytes."""
    words = []
    while len(" ".join(words).encode()) < 97:
        words.append(rng.choice(WORDS))
    return " ".join(words).capitalize() + "."


def texts():
    rng = random.Random(7)
    return [text(rng) for _ in range(4096)]


def clients():
    """The accounts that poll and send in the measurements, spread over all."""
    return random.Random(11).sample(range(1, ACCOUNTS + 1), CLIENTS)


def address(account):
    return f"user{account:06d}"


def token(account):
    secret = hashlib.sha256(f"bench {account}".encode()).digest()
    return "pct_" + base64.urlsafe_b64encode(secret).decode().rstrip("=")


def open_fast(path):
    """For seeding only: no journal, no syncs."""
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-1000000", "locking_mode=EXCLUSIVE"):
        db.execute("PRAGMA " + pragma)
    return db


def make_schema(db, schema):
    steps = sorted(glob.glob(os.path.join(schema, "*.sql")))
    for step in steps:
        with open(step, encoding="utf-8") as file:
            db.executescript(file.read())
    db.execute(f"PRAGMA user_version={len(steps)}")


def account_row(account, at):
    name = f"Person {account}"
    return (account, f"user{account:06d}@example.com", address(account), name, f"{name.lower()} {address(account)}",
            "en", 0, account % 4 == 0, 0, 0, 0, at)


def session_row(account, at, rng):
    return (account, rng.randbytes(16), hashlib.sha256(token(account).encode()).digest(), account, "laptop",
            "browser", "", 1, 0, 0, at, at + 60 * 86400 * 1000, at)


def insert(db, table, columns, rows):
    names = columns.split()
    db.execute("BEGIN")
    db.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})", rows)
    db.execute("COMMIT")


def add_accounts(db, start_ms):
    rng = random.Random(13)
    insert(db, "account", ACCOUNT, (account_row(n, start_ms) for n in range(1, ACCOUNTS + 1)))
    insert(db, "session", SESSION, (session_row(n, start_ms, rng) for n in range(1, ACCOUNTS + 1)))


def messages(first, end, start_ms, step_us, rng, phrases):
    """[(id, sender, recipient, text)]; the first go to the clients, the others to anybody."""
    chosen = clients()
    for n in range(first, end):
        recipient = chosen[n] if n < len(chosen) else rng.randrange(ACCOUNTS) + 1
        yield start_ms * 1000 + n * step_us, rng.randrange(ACCOUNTS) + 1, recipient, rng.choice(phrases)


def add_messages(db, first, end, total, start_ms):
    rng, phrases, step = random.Random(first), texts(), SPAN_MS * 1000 // total
    for at in range(first, end, BATCH):
        batch = list(messages(at, min(at + BATCH, end), start_ms, step, rng, phrases))
        insert(db, "message", MESSAGE, (
            (i, rng.randbytes(16), sender, "pchat", "text", b"", b"", i // 1000, 0, 0, 0, i // 1000, i // 1000)
            for i, sender, to, _ in batch))
        insert(db, "delivery", DELIVERY, ((i, to, 2, i // 1000 + 4000, 0, 0) for i, _, to, _ in batch))
        insert(db, "stream", "stream_id seq message_id", ((to, i, i) for i, _, to, _ in batch))


GROUPS_EACH, LARGE_GROUP = 100, 1000
LARGE_OWNER, LARGE_ID = 1, b"\x01" * 16


def add_group(db, public_id, members, at):
    number = db.execute("INSERT INTO grp (public_id, name, description, search_key, is_public, is_stream, is_open, "
                        "member_count, created_at) VALUES (?, 'Group', '', 'group', 1, 0, 1, ?, ?) RETURNING id",
                        (public_id, len(members), at)).fetchone()[0]
    db.executemany("INSERT INTO grp_member (group_id, account_id, role, joined_at) VALUES (?, ?, ?, ?)",
                   ((number, member, 3 * (member == members[0]), at) for member in sorted(members, key=int)))
    db.executemany("INSERT INTO group_news (account_id, seq) VALUES (?, 1) ON CONFLICT DO NOTHING",
                   ((member,) for member in members))


def with_groups(source, target, number):
    """A copy in which each of the first clients is in a hundred groups of ten, and one group has a thousand members."""
    copy(source, target)
    db, rng, at = sqlite3.connect(target, isolation_level=None), random.Random(19), int(time.time() * 1000)
    db.execute("BEGIN")
    for client in clients()[:number]:
        for _ in range(GROUPS_EACH):
            add_group(db, rng.randbytes(16), [client, *rng.sample(range(2, ACCOUNTS + 1), 9)], at)
    add_group(db, LARGE_ID, [LARGE_OWNER, *rng.sample(range(2, ACCOUNTS + 1), LARGE_GROUP - 1)], at)
    db.execute("COMMIT")
    db.close()
    return target


def finish(db):
    """Everything was fetched: the marks of accounts and sessions stand at the ends of their streams."""
    db.execute("UPDATE meta SET stream_seq = (SELECT max(id) FROM message)")
    db.execute("UPDATE account SET delivered_seq = "
               "coalesce((SELECT max(seq) FROM stream WHERE stream_id = account.id), 0)")
    db.execute("UPDATE session SET sent_seq = (SELECT delivered_seq FROM account WHERE id = account_id), "
               "last_seen_at = ?", (int(time.time() * 1000),))


def copy(source, target):
    """A copy that a relay can open: in WAL mode."""
    shutil.copyfile(source, target)
    db = sqlite3.connect(target, isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.close()


def build(folder, schema, counts):
    """One database per number of messages: {count: path}. Each holds what the smaller ones hold."""
    work, made, done = os.path.join(folder, "work.db"), {}, 0
    start_ms = int(time.time() * 1000) - SPAN_MS - 3600 * 1000
    db = open_fast(work)
    make_schema(db, schema)
    add_accounts(db, start_ms)
    for count in counts:
        add_messages(db, done, count, counts[-1], start_ms)
        finish(db)
        db.close()
        made[count] = os.path.join(folder, f"seed-{count}.db")
        copy(work, made[count])
        db, done = open_fast(work), count
    db.close()
    os.unlink(work)
    return made


def poll_file(path, db_path, number):
    """A poll with a cursor at the end of each client's stream: there is nothing new, and nothing to confirm."""
    db = sqlite3.connect(db_path)
    with open(path, "w", encoding="utf-8") as file:
        for account in clients()[:number]:
            cursor = db.execute("SELECT delivered_seq FROM account WHERE id = ?", (account,)).fetchone()[0]
            file.write(f'{token(account)} {{"chat_address":"{address(account)}","limit":20,"cursor":"{cursor}"}}\n')
    db.close()
    return path


def send_file(path, number, each):
    """Messages from each client to accounts all over the store, but not to those that poll."""
    rng, phrases, busy = random.Random(17), texts(), set(clients())
    free = [n for n in range(1, ACCOUNTS + 1) if n not in busy]
    with open(path, "w", encoding="utf-8") as file:
        for _ in range(each):
            for account in clients()[:number]:
                file.write(f'{token(account)} {{"channel":"pchat","to":"{address(rng.choice(free))}",'
                           f'"text":"{rng.choice(phrases)}"}}\n')
    return path


def text_file(path):
    with open(path, "w", encoding="utf-8") as file:
        file.write("".join(t + "\n" for t in texts()))
    return path
