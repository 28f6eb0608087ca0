"""Files and voice notes: uploading both ways, who may fetch them, and what is left on the disk."""
import base64
import os
import socket

import pytest

from client import wait_until
from groups import MESSAGES, OPEN, Group, at_once
from harness import Relay, kill_pids

UPLOAD, FILES = "/api/v1/webchat/upload", "/api/v1/webchat/files"
BOUNDARY = "----boundary7"
FORM = {"Content-Type": "multipart/form-data; boundary=" + BOUNDARY}


def part(data, disposition='form-data; name="file"; filename="a.txt"', *more):
    lines = [f"Content-Disposition: {disposition}", *more]
    return f"--{BOUNDARY}\r\n".encode() + "\r\n".join(lines).encode() + b"\r\n\r\n" + data + b"\r\n"


END = f"--{BOUNDARY}--\r\n".encode()


def post(user, body, expect=200, headers=None):
    return user.post(UPLOAD, data=body, headers=headers or FORM, expect=expect)


def put(user, data, name="a.bin", mime="application/octet-stream", expect=200):
    return user.put(f"{UPLOAD}?name={name}", data=data, headers={"Content-Type": mime}, expect=expect)


def on_disk(relay, folder="files"):
    return sorted(os.listdir(os.path.join(relay.folder, "pchat_uploads", folder)))


def rows(relay):
    with relay.opened_database() as database:
        return sorted(row[0].hex() for row in database.execute("SELECT public_id FROM file"))


@pytest.fixture(scope="module")
def files_relay(built):
    with Relay({"PCHAT_MAX_UPLOAD_BYTES": 300000, "PCHAT_UPLOAD_QUOTA_BYTES": 1000000}) as relay:
        yield relay


@pytest.fixture
def ann(files_relay):
    return files_relay.sign_in()


@pytest.fixture
def bob(files_relay):
    return files_relay.sign_in()


# -- uploading -------------------------------------------------------------------------------------

def test_put_keeps_every_byte(ann):
    data = os.urandom(200000)
    made = put(ann, data, "x.bin")
    assert made["size"] == len(data) and made["url"] == f"{FILES}/{made['file_id']}"
    assert ann.get(made["url"], expect=200).body == data


def test_form_keeps_every_byte_of_its_part_among_others(ann):
    data = os.urandom(100000) + b"\r\n--" + BOUNDARY.encode()[:-1] + b"x" + os.urandom(70000)
    body = part(b"caption", 'form-data; name="text"') + part(data) + part(b"", 'form-data; name="other"') + END
    made = post(ann, body)
    assert made["size"] == len(data) and made["name"] == "a.txt"
    assert ann.get(made["url"], expect=200).body == data


@pytest.mark.parametrize("size", (0, 1, 65535, 65536, 65537, 131072, 300000))
def test_sizes_around_the_buffers_arrive_whole_both_ways(ann, size):
    data = os.urandom(size)
    for made in (put(ann, data), post(ann, part(data) + END)):
        assert made["size"] == size
        assert ann.get(made["url"], expect=200).body == data
        ann.delete(made["url"], expect=200)


@pytest.mark.parametrize("given, name", (
    ("../../etc/passwd", "passwd"), ("C:%5CUsers%5Cme%5Cx.doc", "x.doc"), ("a%0D%0AX-Bad: 1.txt", "aX-Bad: 1.txt"),
    ("%E2%80%AEgpj.exe", "gpj.exe"), ("Gr%C3%BC%C3%9Fe%20%F0%9F%8E%89.png", "Grüße 🎉.png"), ("..", "file"), ("", "file"),
    ("a%22b.txt", 'a"b.txt'), ("dots...", "dots"), ("%E2%80%8B", "\u200b"),
))
def test_names_of_raw_uploads_lose_paths_and_controls_and_keep_unicode(ann, given, name):
    made = put(ann, b"x", given.replace(" ", "%20"))
    assert made["name"] == name
    response = ann.get(made["url"], expect=200)
    assert "\r" not in response.headers["Content-Disposition"]


@pytest.mark.parametrize("disposition, name", (
    ('form-data; name="file"; filename="Grüße.txt"', "Grüße.txt"),
    ("form-data; name=\"file\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe.txt; filename=\"x\"", "Grüße.txt"),
    ('form-data; filename="a;b.txt"; name="file"', "a;b.txt"),
    ('form-data; name=file; filename=plain.txt', "plain.txt"),
    ('form-data; name="file"; filename="say %22hi%22.txt"', 'say "hi".txt'),
    ('form-data; name="file"', "file"),
    ('form-data; name="file"; filename="' + "n" * 300 + '.tar"', "n" * 251 + ".tar"),
))
def test_names_of_forms_in_each_way_of_writing(ann, disposition, name):
    assert post(ann, part(b"x", disposition) + END)["name"] == name


def test_a_name_of_ten_kilobytes_is_refused_or_cut(ann):
    assert len(put(ann, b"x", "n" * 7000 + ".txt")["name"]) == 255
    post(ann, part(b"x", 'form-data; name="file"; filename="' + "n" * 10240 + '"') + END, expect=400)
    ann.call("PUT", f"{UPLOAD}?name=" + "n" * 10240, data=b"x", expect=414, check=False)


def test_a_name_that_is_not_utf8_or_holds_a_nul(ann):
    assert put(ann, b"x", "%FF%FE.txt", expect=400).field == "name"
    assert put(ann, b"x", "a%00b", expect=400).field == "name"
    latin = b'--' + BOUNDARY.encode() + b'\r\nContent-Disposition: form-data; name="file"; filename="Gr\xfc.txt"\r\n\r\nx\r\n' + END
    assert post(ann, latin)["name"] == "Gr_.txt"


@pytest.mark.parametrize("mime, kept", (("IMAGE/PNG; q=1", "image/png"), ("nonsense", "application/octet-stream"),
                                        ("text/html", "text/html"), ("a/" + "b" * 300, "application/octet-stream")))
def test_media_types_are_cleaned(ann, mime, kept):
    assert put(ann, b"x", mime=mime)["mime"] == kept


BAD_FORMS = {
    "no-boundary-in-the-type": (part(b"x") + END, {"Content-Type": "multipart/form-data"}),
    "another-boundary": (part(b"x") + END, {"Content-Type": "multipart/form-data; boundary=other"}),
    "boundary-of-71": (part(b"x") + END, {"Content-Type": "multipart/form-data; boundary=" + "b" * 71}),
    "cut-off-in-the-part": (part(b"x" * 5000)[:-40], None),
    "cut-off-before-the-end": (part(b"x"), None),
    "cut-off-in-the-headers": (f"--{BOUNDARY}\r\nContent-Dispo".encode(), None),
    "no-part-of-that-name": (part(b"x", 'form-data; name="other"; filename="a"') + END, None),
    "the-part-twice": (part(b"x") + part(b"y") + END, None),
    "nested": (part(b"x", 'form-data; name="file"', "Content-Type: multipart/mixed; boundary=in") + END, None),
    "empty": (b"", None),
    "only-the-end": (END, None),
    "base64": (part(b"eA==", 'form-data; name="file"', "Content-Transfer-Encoding: base64") + END, None),
    "quoted-printable": (part(b"=41", 'form-data; name="file"', "content-transfer-encoding:Quoted-Printable ") + END, None),
    "gzip": (part(b"x", 'form-data; name="file"', "Content-Encoding: gzip") + END, None),
    "part-of-a-file": (part(b"x", 'form-data; name="file"', "Content-Range: bytes 0-0/9") + END, None),
    "headers-without-end": (f"--{BOUNDARY}\r\n".encode() + b"X: " + b"y" * 20000 + b"\r\n\r\nx\r\n" + END, None),
    "no-headers": (f"--{BOUNDARY}\r\n\r\nx\r\n".encode() + END, None),
    "nul-in-the-headers": (part(b"x", 'form-data; name="file"; filename="a\0b"') + END, None),
    "a-hundred-parts": (part(b"", 'form-data; name="o"') * 101 + part(b"x") + END, None),
    "rubbish": (os.urandom(5000), None),
}


@pytest.mark.parametrize("case", BAD_FORMS)
def test_bad_form_is_refused_and_leaves_nothing(files_relay, ann, case):
    body, headers = BAD_FORMS[case]
    before = on_disk(files_relay)
    response = post(ann, body, expect=400, headers=headers)
    assert response.field == "file"
    assert on_disk(files_relay) == before
    wait_until("nginx removed what it had written", lambda: not on_disk(files_relay, "incoming"))


@pytest.mark.parametrize("header", ["Content-Transfer-Encoding: binary", "Content-Transfer-Encoding: 8BIT ", "Content-Encoding: identity",
                                    "X-Other: gzip"])
def test_part_that_says_that_it_is_plain_is_kept(ann, header):
    assert post(ann, part(b"x", 'form-data; name="file"', header) + END)["size"] == 1


def test_folded_headers_of_a_part_are_one(ann):
    folded = 'form-data;\r\n name="file";\r\n\tfilename="a b.txt"'
    response = post(ann, part(b"x", folded, "Content-Type:\r\n text/plain") + END)
    assert (response["name"], response["mime"]) == ("a b.txt", "text/plain")


@pytest.mark.parametrize("name, value, status", [("Content-Encoding", "gzip", 415), ("Content-Encoding", "br", 415),
                                                 ("Content-Range", "bytes 0-0/10", 400)])
def test_body_that_is_not_what_it_looks_like_is_refused_and_leaves_nothing(files_relay, ann, name, value, status):
    before = on_disk(files_relay)
    ann.put(f"{UPLOAD}?name=a", data=b"x", headers={"Content-Type": "text/plain", name: value}, expect=status)
    post(ann, part(b"x") + END, expect=status, headers={**FORM, name: value})
    ann.post("/api/v1/messages", {"to": ann.address, "text": "x"}, headers={name: value}, expect=status)
    assert on_disk(files_relay) == before and on_disk(files_relay, "incoming") == []
    ann.post("/api/v1/messages", {"to": ann.address, "text": "x"}, headers={"Content-Encoding": "identity"}, expect=202)


def test_post_of_anything_but_a_form_is_a_415(ann):
    ann.post(UPLOAD, data=b"{}", expect=415)


def test_a_file_at_the_limit_is_kept_and_one_byte_more_is_refused_with_the_limits(files_relay, ann):
    put(ann, b"x" * 300000)
    before = on_disk(files_relay)
    response = put(ann, b"x" * 300001, expect=413)
    assert (response.error, response["max_upload_bytes"], response["upload_quota_bytes"]) == ("too_large", 300000, 1000000)
    post(ann, part(b"x" * 300001) + END, expect=413)
    put(ann, b"x" * 500000, expect=413)
    assert on_disk(files_relay) == before and on_disk(files_relay, "incoming") == []
    limits = ann.get("/api/v1/webchat/config", expect=200)["limits"]
    assert (limits["max_upload_bytes"], limits["upload_quota_bytes"]) == (300000, 1000000)


def test_quota_counts_what_is_kept_and_a_deleted_file_makes_room(files_relay, ann):
    made = [put(ann, b"x" * 300000) for _ in range(3)]
    put(ann, b"x" * 100000)
    before = on_disk(files_relay)
    response = put(ann, b"x", expect=413)
    assert (response.error, response["used_bytes"]) == ("quota_exceeded", 1000000)
    assert on_disk(files_relay) == before
    ann.delete(made[0]["url"], expect=200)
    put(ann, b"x")
    listed = ann.get(FILES, expect=200)
    assert listed["used_bytes"] == 700001 and len(listed["files"]) == 4


def test_files_are_listed_page_by_page(ann):
    made = [put(ann, b"x", f"{n}.txt")["file_id"] for n in range(5)]
    page = ann.get(FILES + "?limit=3", expect=200)
    rest = ann.get(f"{FILES}?limit=3&after={page['after']}", expect=200)
    assert page["has_more"] and not rest["has_more"]
    assert [file["file_id"] for file in page["files"] + rest["files"]] == made


def test_without_a_length_a_body_that_grows_too_long_is_refused(files_relay, ann):
    def chunks():
        for _ in range(10):
            yield b"x" * 100000
    response = ann.call("PUT", UPLOAD, data=chunks(), expect=413)
    assert response["max_upload_bytes"] == 300000
    wait_until("nginx removed it", lambda: not on_disk(files_relay, "incoming"))


def test_without_a_length_a_body_within_the_limits_is_kept(ann):
    assert ann.call("PUT", UPLOAD, data=iter([b"x" * 1000, b"y" * 1000]), expect=200)["size"] == 2000


def head(relay, path, token=None, length=None):
    lines = [f"PUT {path} HTTP/1.1", "Host: x", *([f"X-PChat-Session: {token}"] if token else []),
             *([f"Content-Length: {length}"] if length is not None else [])]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def test_upload_without_a_session_is_refused_before_its_body_is_read(files_relay):
    with socket.create_connection(("127.0.0.1", files_relay.port), 10) as link:
        link.sendall(head(files_relay, UPLOAD, length=10 << 20))
        response = link.recv(4096)
    assert response.startswith(b"HTTP/1.1 413") or response.startswith(b"HTTP/1.1 401")
    with socket.create_connection(("127.0.0.1", files_relay.port), 10) as link:
        link.sendall(head(files_relay, UPLOAD, length=200000))
        assert link.recv(4096).startswith(b"HTTP/1.1 401")
    assert on_disk(files_relay, "incoming") == []


def test_a_body_that_ends_before_its_length_leaves_nothing(files_relay, ann):
    before = on_disk(files_relay)
    with socket.create_connection(("127.0.0.1", files_relay.port), 10) as link:
        link.sendall(head(files_relay, UPLOAD, ann.token, 200000) + b"x" * 150000)
        wait_until("nginx writes", lambda: on_disk(files_relay, "incoming"))
        link.shutdown(socket.SHUT_WR)
    wait_until("nginx removed it", lambda: not on_disk(files_relay, "incoming"))
    assert on_disk(files_relay) == before


def test_below_the_floor_of_free_disk_uploads_are_refused(built):
    with Relay({"PCHAT_MIN_FREE_BYTES": 1 << 49}) as relay:
        ann = relay.sign_in()
        response = put(ann, b"x", expect=503)
        assert response.error == "storage_full" and on_disk(relay) == []


# -- downloading -----------------------------------------------------------------------------------

def test_file_opens_to_owner_recipient_and_token_holder_only(files_relay, ann, bob):
    made, other = put(ann, b"secret"), put(ann, b"other")
    stranger, nobody = files_relay.sign_in(), files_relay.client()
    assert ann.get(made["url"], expect=200).body == b"secret"
    bob.get(made["url"], expect=404)
    ann.send(bob.address, "", attachments=[made["file_id"]])
    assert bob.get(made["url"], expect=200).body == b"secret"
    stranger.get(made["url"], expect=404)
    assert nobody.get(f"{made['url']}?token={made['token']}", expect=200).body == b"secret"
    assert stranger.get(f"{made['url']}?token={made['token']}", expect=200).body == b"secret"
    nobody.get(made["url"], expect=401)
    nobody.get(f"{made['url']}?token={other['token']}", expect=401)
    nobody.get(f"{FILES}/fil_{'0' * 32}?token={made['token']}", expect=401)
    stranger.get(f"{made['url']}?token={other['token']}", expect=404)


def test_members_open_a_groups_file_and_an_ex_member_no_longer(files_relay, ann, bob):
    group = Group(ann, **OPEN)
    group.join(bob)
    made = put(ann, b"for the group")
    ann.send(group.id, "", attachments=[made["file_id"]])
    bob.get(made["url"], expect=200)
    group.leave(bob)
    bob.get(made["url"], expect=404)


def test_a_recipient_may_pass_a_file_on(files_relay, ann, bob):
    made, third = put(ann, b"x"), files_relay.sign_in()
    bob.send(third.address, "", expect=404, attachments=[made["file_id"]])
    ann.send(bob.address, "", attachments=[made["file_id"]])
    bob.send(third.address, "", attachments=[made["file_id"]])
    third.get(made["url"], expect=200)


def test_downloads_have_ranges_tags_and_head(ann):
    data = os.urandom(1000)
    url = put(ann, data)["url"]
    whole = ann.get(url, expect=200)
    tag = whole.headers["ETag"]
    ranged = ann.get(url, headers={"Range": "bytes=10-19"}, expect=206)
    assert ranged.body == data[10:20] and ranged.headers["Content-Range"] == "bytes 10-19/1000"
    ann.get(url, headers={"If-None-Match": tag}, expect=304)
    ann.get(url, headers={"Range": "bytes=2000-"}, expect=416)
    headed = ann.call("HEAD", url, check=False, expect=200)
    assert headed.body == b"" and headed.headers["Content-Length"] == "1000"


@pytest.mark.parametrize("mime, how", (("image/png", "inline"), ("audio/ogg", "inline"), ("video/mp4", "inline"),
                                       ("image/svg+xml", "attachment"), ("text/html", "attachment"),
                                       ("application/pdf", "attachment"), ("text/javascript", "attachment")))
def test_only_what_runs_nothing_is_shown_inline(ann, mime, how):
    response = ann.get(put(ann, b"<script>", mime=mime)["url"], expect=200)
    assert response.headers["Content-Disposition"].startswith(how + ";")
    assert response.headers["Content-Type"] == mime


def test_names_come_back_by_rfc_6266(ann):
    response = ann.get(put(ann, b"x", "%E2%82%AC%20rates%22.txt")["url"], expect=200)
    assert response.headers["Content-Disposition"] == "attachment; filename=\"_ rates_.txt\"; filename*=UTF-8''%E2%82%AC%20rates%22.txt"


def test_open_downloads_need_nobody_when_the_operator_said_so(built):
    with Relay({"PCHAT_FILE_DOWNLOAD_REQUIRES_TOKEN": "false"}) as relay:
        made = put(relay.sign_in(), b"open")
        assert relay.client().get(made["url"], expect=200).body == b"open"
        relay.client().get(f"{FILES}/fil_{'0' * 32}", expect=404)


def test_the_folder_of_files_is_not_served(files_relay, ann):
    name = put(ann, b"x")["file_id"][4:]
    for path in (f"/_files/{name}", "/_files/", "/_upload_check", f"{FILES}/../../../../_files/{name}"):
        assert ann.call("GET", path, check=False).status == 404


# -- messages --------------------------------------------------------------------------------------

def test_voice_note_arrives_with_its_length_and_waveform(ann, bob):
    made = put(ann, b"OggS", "note.ogg", "audio/ogg")
    ann.send(bob.address, "", kind="voice", attachments=[made["file_id"]], duration_ms=2300, waveform=[0, 1.5, 3])
    item = bob.poll("")["messages"][0]
    assert (item["kind"], item["duration_ms"], item["waveform"], item["text"]) == ("voice", 2300, [0, 1.5, 3], "")
    assert item["attachments"] == [{key: made[key] for key in ("file_id", "url", "name", "mime", "size")}]


def test_message_without_text_and_attachment_is_refused(ann):
    assert ann.send(ann.address, "", expect=400).field == "text"
    assert ann.post(MESSAGES, {"to": ann.address}, expect=400).error == "missing_field"


def test_ten_attachments_go_eleven_do_not_and_none_twice(ann):
    made = [put(ann, b"x", f"{n}")["file_id"] for n in range(11)]
    ann.send(ann.address, "x", attachments=made[:10])
    assert ann.send(ann.address, "x", expect=400, attachments=made).field == "attachments"
    assert ann.send(ann.address, "x", expect=400, attachments=made[:1] * 2).field == "attachments"
    assert ann.send(ann.address, "x", expect=404, attachments=["fil_" + "0" * 32]).field == "attachments"


@pytest.mark.parametrize("waveform", ([1] * 65, ["1"], [None], [[1]], [1e300], "1"))
def test_waveforms_of_other_shapes_are_refused(ann, waveform):
    assert ann.send(ann.address, "x", expect=400, kind="voice", waveform=waveform).field == "waveform"


def test_withdrawing_a_message_takes_its_files_along(files_relay, ann, bob):
    made, shared = put(ann, b"x"), put(ann, b"y")
    ann.send(bob.address, "keeps one", attachments=[shared["file_id"]])
    sent = ann.send(bob.address, "", attachments=[made["file_id"], shared["file_id"]])
    bob.poll_all("")
    ann.delete(f"{MESSAGES}/{sent['message_id']}", expect=200)
    ann.get(made["url"], expect=404)
    bob.get(shared["url"], expect=200)
    assert made["file_id"][4:] not in on_disk(files_relay) and shared["file_id"][4:] in on_disk(files_relay)


def test_a_recipient_who_removed_the_message_no_longer_opens_its_file(ann, bob):
    made = put(ann, b"x")
    sent = ann.send(bob.address, "", attachments=[made["file_id"]])
    bob.delete(f"{MESSAGES}/{sent['message_id']}", expect=200)
    bob.get(made["url"], expect=404)
    ann.get(made["url"], expect=200)


def test_erasing_an_account_takes_its_files_along(files_relay, ann):
    made = [put(ann, b"x")["file_id"][4:] for _ in range(3)]
    ann.delete("/api/v1/pchat/auth/me", expect=200)
    assert not set(made) & set(on_disk(files_relay)) and not set(made) & set(rows(files_relay))


def test_a_worker_killed_in_mid_upload_leaves_no_row_without_bytes(built):
    with Relay({"RELAY_WORKERS": 1}) as relay:
        ann = relay.sign_in()
        with relay.frozen_workers() as pids:
            with socket.create_connection(("127.0.0.1", relay.port), 10) as link:
                link.sendall(head(relay, UPLOAD, ann.token, 5) + b"12345")
                kill_pids(pids)
        wait_until("a new worker answers", lambda: relay.client().call("GET", "/health", check=False).status == 200)
        assert set(rows(relay)) <= set(on_disk(relay))
        assert put(ann, b"again")["size"] == 5


# -- what its sender says of a file ------------------------------------------------------------------------

JPEG, WEBP = b"\xff\xd8\xff\xe0" + b"\0" * 60, b"RIFF\x20\0\0\0WEBPVP8 " + b"\0" * 20


@pytest.mark.parametrize("picture", [JPEG, WEBP, JPEG.ljust(4096, b"\1")], ids=["jpeg", "webp", "4 KiB"])
def test_sizes_and_preview_reach_the_reader_and_go_with_the_text(ann, bob, picture):
    file_id = put(ann, b"x", "a.jpg", "image/jpeg")["file_id"]
    said = {"width": 4000, "height": 3000, "duration_ms": 1500, "preview": base64.b64encode(picture).decode()}
    plain = put(ann, b"y")["file_id"]
    ann.send(bob, "look", attachments=[{"file_id": file_id, **said}, plain])
    first, second = bob.poll_all("")[0][-1]["attachments"]
    assert {key: first[key] for key in said} == said and first["file_id"] == file_id and first["size"] == 1
    assert second["file_id"] == plain and not set(said) & set(second)


@pytest.mark.parametrize("field, value", [
    ("width", 0), ("height", 65536), ("width", "4"), ("duration_ms", -1), ("preview", "?"), ("preview", ""),
    ("preview", base64.b64encode(b"GIF89a" + b"\0" * 40).decode()), ("preview", base64.b64encode(JPEG.ljust(4097, b"\1")).decode()),
    ("file_id", None), ("file_id", 7)])
def test_what_is_said_wrongly_of_a_file_is_400_by_its_name(ann, bob, field, value):
    file_id = put(ann, b"x")["file_id"]
    response = ann.send(bob, "look", expect=400, attachments=[{"file_id": file_id, field: value}])
    response.is_error(400, "missing_field" if value is None else "invalid_field", field)


@pytest.mark.parametrize("item", [7, None, True, ["fil"], {}])
def test_attachment_of_another_kind_is_400(ann, bob, item):
    assert ann.send(bob, "look", expect=400, attachments=[item]).json["field"] in ("attachments", "file_id")


# -- the same upload again ---------------------------------------------------------------------------------

def again(user, data, key="k1", name="a.bin", mime="application/octet-stream", expect=200):
    return user.put(f"{UPLOAD}?name={name}&key={key}", data=data, headers={"Content-Type": mime}, expect=expect)


def test_upload_under_the_same_key_returns_the_same_file_and_keeps_one(files_relay, ann):
    before = on_disk(files_relay)
    first = again(ann, b"x" * 1000)
    assert again(ann, b"x" * 1000).json == first.json
    body = part(b"x" * 1000, 'form-data; name="file"; filename="a.bin"', "Content-Type: application/octet-stream") + END
    assert ann.post(UPLOAD + "?key=k1", data=body, headers=FORM, expect=200).json == first.json
    assert len(on_disk(files_relay)) == len(before) + 1 and on_disk(files_relay, "incoming") == []
    assert ann.get(FILES, expect=200)["used_bytes"] == 1000


def test_token_of_the_repeat_opens_the_file_and_is_no_other_files(files_relay, ann):
    made, other = again(ann, b"x"), again(ann, b"x", "k2")
    assert made["token"] != other["token"] and made["file_id"] != other["file_id"]
    token = again(ann, b"x")["token"]
    files_relay.client().get(f"{made['url']}?token={token}", expect=200)
    files_relay.client().get(f"{other['url']}?token={token}", expect=401)


def test_key_of_one_user_is_nothing_to_another(ann, bob):
    assert again(ann, b"x")["file_id"] != again(bob, b"x")["file_id"]


@pytest.mark.parametrize("data, name, mime", [(b"xy", "a.bin", "application/octet-stream"), (b"x", "b.bin", "application/octet-stream"),
                                              (b"x", "a.bin", "text/plain")], ids=["size", "name", "type"])
def test_key_that_stands_for_another_file_is_a_422_and_leaves_nothing(files_relay, ann, data, name, mime):
    again(ann, b"x")
    before = on_disk(files_relay)
    again(ann, data, "k1", name, mime, 422).is_error(422, "idempotency_key_reused", field="key")
    assert on_disk(files_relay) == before and on_disk(files_relay, "incoming") == []


def test_repeat_passes_where_the_quota_is_full_with_the_first(ann):
    for n in range(3):
        put(ann, b"x" * 300000)
    made = again(ann, b"x" * 100000)
    put(ann, b"x", expect=413)
    assert again(ann, b"x" * 100000).json == made.json
    again(ann, b"x" * 100000, "k2", expect=413)


def test_key_of_a_deleted_file_and_one_of_yesterday_are_free(files_relay, ann):
    first = again(ann, b"x")
    ann.delete(first["url"], expect=200)
    second = again(ann, b"x")
    assert second["file_id"] != first["file_id"]
    with files_relay.locked_database() as database:
        database.execute("UPDATE file SET created_at = created_at - 86400001 WHERE public_id = ?", (bytes.fromhex(second["file_id"][4:]),))
    third = again(ann, b"x")
    assert third["file_id"] != second["file_id"] and again(ann, b"x").json == third.json
    ann.get(second["url"], expect=200)


def test_uploads_at_once_under_one_key_make_one_file(files_relay, ann):
    before = on_disk(files_relay)
    responses = at_once(*[lambda: again(ann, b"x" * 50000)] * 6)
    assert len({response["file_id"] for response in responses}) == len({response["token"] for response in responses}) == 1
    assert len(on_disk(files_relay)) == len(before) + 1 and on_disk(files_relay, "incoming") == []


@pytest.mark.parametrize("key", ["", "k" * 129, "a%00b", "%FF"])
def test_key_of_another_form_is_400(ann, key):
    again(ann, b"x", key, expect=400).is_error(400, "invalid_field", field="key")


def test_key_is_in_no_file(files_relay, ann):
    again(ann, b"x", "canary-of-an-upload-key")
    assert files_relay.files_holding(b"canary-of-an-upload-key") == []
