"""The caller's own address book."""
import pytest

CONTACTS = "/api/v1/webchat/contacts"
BOB = {"name": "Bob", "channel": "pchat", "address": "bob"}
MUM = {"name": "M\u00fctterchen \U0001f469", "channel": "sms", "address": "+49 30 1234"}


def put(user, contacts, expect=200, **headers):
    return user.put(CONTACTS, {"contacts": contacts}, expect=expect, headers=headers)


def test_empty_until_something_is_put(ann):
    assert ann.get(CONTACTS, expect=200)["contacts"] == []


def test_list_comes_back_as_it_was_put_and_replaces_the_older_one(ann):
    assert put(ann, [BOB, MUM])["count"] == 2
    assert ann.get(CONTACTS, expect=200)["contacts"] == [BOB, MUM]
    put(ann, [MUM])
    assert ann.get(CONTACTS, expect=200)["contacts"] == [MUM]


def test_other_fields_of_a_contact_are_not_kept(ann):
    put(ann, [{**BOB, "secret": "x"}])
    assert ann.get(CONTACTS, expect=200)["contacts"] == [BOB]


def test_nobody_sees_the_list_of_another(ann, bob):
    put(ann, [BOB])
    assert bob.get(CONTACTS, expect=200)["contacts"] == []


def test_every_session_of_a_user_sees_the_same_list(relay, ann):
    put(ann, [BOB])
    assert relay.sign_in(ann.email).get(CONTACTS, expect=200)["contacts"] == [BOB]


def test_etag_of_the_put_is_that_of_the_get_and_spares_the_list(ann):
    stored = put(ann, [BOB])
    got = ann.get(CONTACTS, expect=200)
    assert got.headers["ETag"] == stored.headers["ETag"]
    again = ann.get(CONTACTS, headers={"If-None-Match": got.headers["ETag"]}, expect=304)
    assert again.body == b""


def test_put_over_a_version_that_was_replaced_is_412_and_changes_nothing(ann):
    first = put(ann, [BOB]).headers["ETag"]
    second = put(ann, [MUM], **{"If-Match": first}).headers["ETag"]
    assert put(ann, [], expect=412, **{"If-Match": first}).error == "precondition_failed"
    assert ann.get(CONTACTS, expect=200)["contacts"] == [MUM]
    put(ann, [], **{"If-Match": second})


def test_version_of_a_list_that_nobody_has_stored_is_one_that_a_put_may_name_once(ann):
    nothing = ann.get(CONTACTS, expect=200).headers["ETag"]
    put(ann, [MUM], **{"If-Match": nothing})
    assert put(ann, [], expect=412, **{"If-Match": nothing}).error == "precondition_failed"


def test_put_with_if_match_while_there_is_nothing_is_412(ann):
    assert put(ann, [BOB], expect=412, **{"If-Match": '"x"'}).error == "precondition_failed"


def test_five_thousand_are_taken_and_one_more_is_refused(ann):
    many = [{**BOB, "address": f"bob{i}" + "x" * 200} for i in range(5000)]
    assert put(ann, many)["count"] == 5000
    assert ann.get(CONTACTS, expect=200)["contacts"] == many
    assert put(ann, [*many, BOB], expect=400).is_error(400, "invalid_field", field="contacts")


@pytest.mark.parametrize("field, value", [("name", ""), ("name", "x" * 257), ("name", "a\nb"), ("name", 1),
                                          ("channel", "fax"), ("channel", "PCHAT"), ("address", ""), ("address", 7)])
def test_bad_field_of_a_contact_is_named_and_nothing_is_stored(ann, field, value):
    put(ann, [BOB])
    assert put(ann, [MUM, {**BOB, field: value}], expect=400).is_error(400, "invalid_field", field=field)
    assert ann.get(CONTACTS, expect=200)["contacts"] == [BOB]


@pytest.mark.parametrize("field", ["name", "channel", "address"])
def test_missing_field_of_a_contact_is_named(ann, field):
    contact = {key: value for key, value in BOB.items() if key != field}
    assert put(ann, [contact], expect=400).is_error(400, "missing_field", field=field)


@pytest.mark.parametrize("contacts", [[1], ["bob"], [[]], [None]], ids=str)
def test_list_of_something_else_is_refused(ann, contacts):
    assert put(ann, contacts, expect=400).is_error(400, "invalid_field", field="contacts")


def test_list_goes_with_the_account(relay, ann):
    put(ann, [{**BOB, "address": "canary-of-a-contact"}])
    ann.delete("/api/v1/pchat/auth/me", expect=200)
    assert relay.sign_in(ann.email).get(CONTACTS, expect=200)["contacts"] == []


def test_chat_address_of_a_contact_is_kept_in_its_one_form_and_numbers_as_they_are(ann):
    put(ann, [{**BOB, "address": " @Bob "}, {**MUM, "address": " @Mum "}])
    assert [item["address"] for item in ann.get(CONTACTS, expect=200)["contacts"]] == ["bob", " @Mum "]
