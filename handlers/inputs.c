/* The field tables. Lengths are in bytes. */
#include "inputs.h"

#include "channel.h"
#include "email.h"
#include "invite.h"
#include "message.h"
#include "subscription.h"
#include "text.h"
#include "url.h"

#include <string.h>

#define NAME_BYTES 256
#define LABEL_BYTES 128
#define PIXELS_MAX 65535
#define PREVIEW_BYTES 4096
#define PREVIEW_TEXT_BYTES 5464 /* as many in base64 */

/* clang-format off */
#define ANY(type, name, kind, required, min, max, fallback, check, rule) \
	{ #name, kind, required, min, max, fallback, offsetof(struct type, name), check, rule, \
	    NULL, 0, NULL }
#define CLEANED(type, name, required, min, max, clean) \
	{ #name, FIELD_TEXT, required, min, max, 0, offsetof(struct type, name), NULL, NULL, \
	    NULL, 0, clean }
#define TEXT(type, name, required, min, max) \
	ANY(type, name, FIELD_TEXT, required, min, max, 0, NULL, NULL)
#define RULED(type, name, required, min, max, check, rule) \
	ANY(type, name, FIELD_TEXT, required, min, max, 0, check, rule)
#define INT(type, name, min, max, fallback) \
	ANY(type, name, FIELD_INT, FIELD_OPTIONAL, min, max, fallback, NULL, NULL)
#define BOOL(type, name, required) \
	ANY(type, name, FIELD_BOOL, required, 0, 1, FIELD_ABSENT, NULL, NULL)
#define TEXTS(type, name, required, min, max) \
	ANY(type, name, FIELD_TEXTS, required, min, max, 0, NULL, NULL)
#define LIST(type, name, required, min, max, fields, item) \
	{ #name, FIELD_LIST, required, min, max, 0, offsetof(struct type, name), NULL, NULL, \
	    fields, sizeof(struct item), NULL }
#define NAMED(type, name, required, min, max, fields, item) \
	{ #name, FIELD_NAMED, required, min, max, 0, offsetof(struct type, name), NULL, NULL, \
	    fields, sizeof(struct item), NULL }
#define END { NULL, FIELD_END, false, 0, 0, 0, 0, NULL, NULL, NULL, 0, NULL }
/* clang-format on */

/* Six digits, however they are grouped. */
static const char *
clean_code(const char *typed, char *out)
{
	size_t n = 0;

	for (; *typed && n < 7; typed++)
		if (!strchr(" \t\r\n-", *typed))
			out[n++] = *typed;
	out[n] = '\0';
	return n == 6 && strspn(out, "0123456789") == 6 ? NULL : "six digits";
}

static bool
is_login(const char *s)
{
	return strcmp(s, "login") == 0;
}

static const char *
clean_address(const char *typed, char *out)
{
	snprintf(out, FIELD_CLEAN_BYTES, "%s", typed);
	text_clean_address(out);
	return NULL;
}

static const char *
clean_new_address(const char *typed, char *out)
{
	clean_address(typed, out);
	return text_is_chat_address(out) ? NULL :
					   "3 to 64 of a-z 0-9 . _ - with a letter or digit first";
}

/* One line, without control characters. */
static bool
is_line(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	return true;
}

static const char a_language[] = "a language such as en or pt-BR";
static const char one_line[] = "one line without control characters";

/* Names are shown to others. */
static const char *
clean_name(const char *typed, char *out)
{
	if (!is_line(typed))
		return one_line;
	text_clean_name(typed, out, FIELD_CLEAN_BYTES);
	return NULL;
}

static bool
is_channel(const char *s)
{
	return strcmp(s, CHANNEL_CHAT) == 0 || channel_find(s);
}

static bool
is_external_channel(const char *s)
{
	return channel_find(s);
}

static bool
is_ack(const char *s)
{
	return strcmp(s, "sent") == 0 || strcmp(s, "delivered") == 0 || strcmp(s, "failed") == 0;
}

static bool
is_preview(const char *s)
{
	uint8_t bytes[PREVIEW_BYTES];
	size_t len = 0;

	if (!text_from_base64(s, bytes, sizeof(bytes), &len))
		return false;
	return (len > 2 && memcmp(bytes, "\xff\xd8\xff", 3) == 0) ||
	    (len > 11 && memcmp(bytes, "RIFF", 4) == 0 && memcmp(bytes + 8, "WEBP", 4) == 0);
}

static bool
is_kind(const char *s)
{
	return strcmp(s, "text") == 0 || strcmp(s, "voice") == 0 || strcmp(s, "call") == 0 ||
	    message_is_reaction(s);
}

static bool
is_cursor(const char *s)
{
	return strspn(s, "0123456789") == strlen(s);
}

static bool
is_visibility(const char *s)
{
	return strcmp(s, "public") == 0 || strcmp(s, "private") == 0;
}

static bool
is_mode(const char *s)
{
	return strcmp(s, "chat") == 0 || strcmp(s, "stream") == 0;
}

static bool
is_join_policy(const char *s)
{
	return strcmp(s, "open") == 0 || strcmp(s, "request") == 0;
}

static bool
is_role(const char *s)
{
	return strcmp(s, "owner") == 0 || strcmp(s, "admin") == 0 || strcmp(s, "writer") == 0 ||
	    strcmp(s, "member") == 0;
}

static bool
is_invites_from(const char *s)
{
	return invites_from_parse(s) >= 0;
}

static bool
is_action(const char *s)
{
	struct account any = { 0 };

	return account_apply(&any, s);
}

const struct field in_code_request_fields[] = {
	CLEANED(in_code_request, email, FIELD_REQUIRED, 3, 254, email_clean),
	CLEANED(in_code_request, display_name, FIELD_OPTIONAL, 0, NAME_BYTES, clean_name),
	RULED(in_code_request, purpose, FIELD_OPTIONAL, 1, 16, is_login, "login"),
	RULED(in_code_request, language, FIELD_OPTIONAL, 0, 16, is_line, one_line),
	TEXT(in_code_request, invite, FIELD_OPTIONAL, 0, 64),
	END,
};

const struct field in_code_verify_fields[] = {
	CLEANED(in_code_verify, email, FIELD_REQUIRED, 3, 254, email_clean),
	CLEANED(in_code_verify, code, FIELD_REQUIRED, 6, 6, clean_code),
	CLEANED(in_code_verify, display_name, FIELD_OPTIONAL, 0, NAME_BYTES, clean_name),
	CLEANED(in_code_verify, chat_address, FIELD_OPTIONAL, 3, 64, clean_new_address),
	BOOL(in_code_verify, public_visible, FIELD_OPTIONAL),
	RULED(in_code_verify, device_name, FIELD_OPTIONAL, 0, LABEL_BYTES, is_line, one_line),
	RULED(in_code_verify, session_name, FIELD_OPTIONAL, 0, LABEL_BYTES, is_line, one_line),
	RULED(in_code_verify, listen_channel, FIELD_OPTIONAL, 0, LABEL_BYTES, is_line, one_line),
	RULED(in_code_verify, language, FIELD_OPTIONAL, 0, 16, is_line, one_line),
	END,
};

const struct field in_me_fields[] = {
	CLEANED(in_me, display_name, FIELD_OPTIONAL, 0, NAME_BYTES, clean_name),
	BOOL(in_me, public_visible, FIELD_OPTIONAL),
	BOOL(in_me, mail_reply_to, FIELD_OPTIONAL),
	RULED(in_me, group_invites, FIELD_OPTIONAL, 1, 16, is_invites_from,
	    "anybody, contacts or nobody"),
	RULED(in_me, language, FIELD_OPTIONAL, 0, 16, is_line, one_line),
	END,
};

const struct field in_page_fields[] = {
	TEXT(in_page, q, FIELD_OPTIONAL, 0, 128),
	TEXT(in_page, after, FIELD_OPTIONAL, 0, 64),
	INT(in_page, limit, 1, 200, 50),
	END,
};

const struct field in_export_fields[] = {
	RULED(in_page, after, FIELD_OPTIONAL, 0, 64, NULL, NULL),
	INT(in_page, limit, 1, 100, 100),
	END,
};

const struct field in_presence_fields[] = {
	CLEANED(in_presence, chat_address, FIELD_REQUIRED, 1, 64, clean_address),
	CLEANED(in_presence, display_name, FIELD_OPTIONAL, 0, NAME_BYTES, clean_name),
	BOOL(in_presence, visible, FIELD_REQUIRED),
	RULED(in_presence, device_name, FIELD_OPTIONAL, 0, LABEL_BYTES, is_line, one_line),
	RULED(in_presence, session_name, FIELD_OPTIONAL, 0, LABEL_BYTES, is_line, one_line),
	RULED(in_presence, listen_channel, FIELD_OPTIONAL, 0, LABEL_BYTES, is_line, one_line),
	END,
};

static const struct field attachment_fields[] = {
	TEXT(in_attachment, file_id, FIELD_REQUIRED, 0, LABEL_BYTES),
	INT(in_attachment, width, 1, PIXELS_MAX, 0),
	INT(in_attachment, height, 1, PIXELS_MAX, 0),
	INT(in_attachment, duration_ms, 1, 86400000, 0),
	RULED(in_attachment, preview, FIELD_OPTIONAL, 1, PREVIEW_TEXT_BYTES, is_preview,
	    "a WebP or JPEG picture of up to 4 KiB in base64"),
	END,
};

const struct field in_message_fields[] = {
	RULED(in_message, channel, FIELD_OPTIONAL, 1, 16, is_channel, channel_rule),
	TEXT(in_message, to, FIELD_OPTIONAL, 1, 254),
	TEXT(in_message, text, FIELD_OPTIONAL, 0, INPUT_TEXT_BYTES),
	RULED(in_message, phone_id, FIELD_OPTIONAL, 0, LABEL_BYTES, is_line, one_line),
	RULED(in_message, source, FIELD_OPTIONAL, 0, 64, is_line, one_line),
	TEXT(in_message, idempotency_key, FIELD_OPTIONAL, 1, 128),
	RULED(in_message, subject, FIELD_OPTIONAL, 0, 998, is_line, one_line),
	RULED(in_message, title, FIELD_OPTIONAL, 0, 998, is_line, one_line),
	TEXT(in_message, bot_token, FIELD_OPTIONAL, 0, 256),
	RULED(in_message, kind, FIELD_OPTIONAL, 1, 16, is_kind, "text, voice, call or reaction"),
	TEXT(in_message, reply_to, FIELD_OPTIONAL, 0, 64),
	RULED(in_message, lang, FIELD_OPTIONAL, 2, 35, text_is_language, a_language),
	NAMED(in_message, attachments, FIELD_OPTIONAL, 0, MESSAGE_FILES_MAX, attachment_fields,
	    in_attachment),
	INT(in_message, duration_ms, 1, 86400000, 0),
	ANY(in_message, waveform, FIELD_NUMBERS, FIELD_OPTIONAL, 0, 64, 0, NULL, NULL),
	END,
};

const struct field in_text_fields[] = {
	TEXT(in_text, text, FIELD_REQUIRED, 1, INPUT_TEXT_BYTES),
	END,
};

const struct field in_poll_fields[] = {
	CLEANED(in_poll, chat_address, FIELD_REQUIRED, 1, 64, clean_address),
	INT(in_poll, limit, 1, 100, 20),
	RULED(in_poll, cursor, FIELD_OPTIONAL, 0, 19, is_cursor,
	    "what an earlier answer gave, or empty"),
	TEXT(in_poll, phone_id, FIELD_OPTIONAL, 0, LABEL_BYTES),
	BOOL(in_poll, own, FIELD_OPTIONAL),
	END,
};

const struct field in_events_fields[] = {
	RULED(in_events, after, FIELD_OPTIONAL, 0, 18, is_cursor,
	    "what an earlier answer gave, or empty"),
	END,
};

const struct field in_read_fields[] = {
	CLEANED(in_ids, chat_address, FIELD_REQUIRED, 1, 64, clean_address),
	TEXTS(in_ids, message_ids, FIELD_REQUIRED, 1, 200),
	END,
};

const struct field in_receipt_fields[] = {
	TEXTS(in_ids, message_ids, FIELD_REQUIRED, 1, 200),
	END,
};

const struct field in_typing_fields[] = {
	CLEANED(in_typing, to, FIELD_REQUIRED, 1, 64, clean_address),
	BOOL(in_typing, typing, FIELD_REQUIRED),
	END,
};

#define GROUP_FIELDS(name_required) \
	CLEANED(in_group, name, name_required, 1, 128, clean_name), \
	    TEXT(in_group, description, FIELD_OPTIONAL, 0, 1024), \
	    RULED( \
		in_group, visibility, FIELD_OPTIONAL, 1, 16, is_visibility, "public or private"), \
	    RULED(in_group, mode, FIELD_OPTIONAL, 1, 16, is_mode, "chat or stream"), \
	    RULED( \
		in_group, join_policy, FIELD_OPTIONAL, 1, 16, is_join_policy, "open or request"), \
	    END

const struct field in_group_new_fields[] = { GROUP_FIELDS(FIELD_REQUIRED) };
const struct field in_group_fields[] = { GROUP_FIELDS(FIELD_OPTIONAL) };

static const char roles[] = "owner, admin, writer or member";

const struct field in_member_fields[] = {
	CLEANED(in_member, chat_address, FIELD_REQUIRED, 1, 64, clean_address),
	RULED(in_member, role, FIELD_OPTIONAL, 1, 16, is_role, roles),
	END,
};

const struct field in_role_fields[] = {
	RULED(in_member, role, FIELD_REQUIRED, 1, 16, is_role, roles),
	END,
};

const struct field in_list_fields[] = {
	TEXT(in_page, after, FIELD_OPTIONAL, 0, 64),
	INT(in_page, limit, 1, 200, 50),
	END,
};

const struct field in_upload_fields[] = {
	TEXT(in_upload, name, FIELD_OPTIONAL, 0, 16384),
	TEXT(in_upload, key, FIELD_OPTIONAL, 1, 128),
	END,
};

const struct field in_token_fields[] = {
	TEXT(in_token, token, FIELD_OPTIONAL, 0, 64),
	TEXT(in_token, link, FIELD_OPTIONAL, 0, 160),
	END,
};

const struct field in_block_fields[] = {
	CLEANED(in_block, chat_address, FIELD_OPTIONAL, 1, 64, clean_address),
	RULED(in_block, channel, FIELD_OPTIONAL, 1, 16, is_external_channel, channel_external_rule),
	RULED(in_block, address, FIELD_OPTIONAL, 1, 254, is_line, one_line),
	END,
};

const struct field in_action_fields[] = {
	RULED(in_action, action, FIELD_REQUIRED, 1, 16, is_action,
	    "promote, demote, block, unblock, hide or unhide"),
	END,
};

static const struct field in_contact_fields[] = {
	RULED(in_contact, name, FIELD_REQUIRED, 1, NAME_BYTES, is_line, one_line),
	RULED(in_contact, channel, FIELD_REQUIRED, 1, 16, is_channel, channel_rule),
	RULED(in_contact, address, FIELD_REQUIRED, 1, 254, is_line, one_line),
	END,
};

const struct field in_contacts_fields[] = {
	LIST(in_contacts, contacts, FIELD_REQUIRED, 0, 5000, in_contact_fields, in_contact),
	END,
};

const struct field in_prefs_fields[] = {
	TEXT(in_prefs, prefs, FIELD_REQUIRED, 0, INPUT_TEXT_BYTES),
	END,
};

const struct field in_push_fields[] = {
	RULED(in_push, endpoint, FIELD_REQUIRED, 9, PUSH_ENDPOINT_BYTES, url_is_push,
	    "an https address in ASCII, as a push service gives it"),
	END,
};

const struct field in_admission_fields[] = {
	INT(in_admission, uses, 1, 10000, 1),
	INT(in_admission, days, 1, 365, 7),
	END,
};

const struct field in_join_fields[] = {
	TEXT(in_join, invite, FIELD_OPTIONAL, 0, 64),
	END,
};

const struct field in_key_fields[] = {
	RULED(in_key, name, FIELD_REQUIRED, 1, LABEL_BYTES, is_line, one_line),
	TEXTS(in_key, scopes, FIELD_REQUIRED, 1, 4),
	RULED(in_key, phone_id, FIELD_OPTIONAL, 0, LABEL_BYTES, is_line, one_line),
	END,
};

#define PHONE(type) RULED(type, phone_id, FIELD_REQUIRED, 0, LABEL_BYTES, is_line, one_line)

const struct field in_claim_fields[] = {
	PHONE(in_claim),
	TEXTS(in_claim, channels, FIELD_OPTIONAL, 1, CHANNEL_COUNT),
	INT(in_claim, limit, 1, 100, 20),
	END,
};

static const struct field in_ack_result_fields[] = {
	TEXT(in_ack_result, message_id, FIELD_REQUIRED, 1, LABEL_BYTES),
	RULED(in_ack_result, status, FIELD_REQUIRED, 1, 16, is_ack, "sent, delivered or failed"),
	TEXT(in_ack_result, error, FIELD_OPTIONAL, 0, 512),
	TEXT(in_ack_result, lease_id, FIELD_OPTIONAL, 0, 64),
	END,
};

const struct field in_ack_fields[] = {
	PHONE(in_ack),
	LIST(in_ack, results, FIELD_REQUIRED, 1, 100, in_ack_result_fields, in_ack_result),
	END,
};

const struct field in_inbound_fields[] = {
	PHONE(in_inbound),
	RULED(
	    in_inbound, channel, FIELD_REQUIRED, 1, 16, is_external_channel, channel_external_rule),
	/* a hidden number, and a message that is a picture only */
	RULED(in_inbound, from, FIELD_REQUIRED, 0, 254, is_line, one_line),
	TEXT(in_inbound, text, FIELD_REQUIRED, 0, INPUT_TEXT_BYTES),
	ANY(in_inbound, received_at, FIELD_INT, FIELD_REQUIRED, 1, 9007199254740991, 0, NULL, NULL),
	TEXT(in_inbound, idempotency_key, FIELD_OPTIONAL, 1, 128),
	END,
};

/* What is too much is a 413 of the handler's. */
const struct field in_translate_fields[] = {
	TEXT(in_translate, text, FIELD_OPTIONAL, 0, INPUT_TEXT_BYTES),
	{ "texts", FIELD_TEXTS, FIELD_OPTIONAL, 1, 1000, 0, offsetof(struct in_translate, texts),
	    NULL, NULL, NULL, INPUT_TEXT_BYTES, NULL },
	RULED(in_translate, target, FIELD_OPTIONAL, 2, 11, text_is_language, a_language),
	RULED(in_translate, source, FIELD_OPTIONAL, 2, 11, text_is_language, a_language),
	END,
};

const struct field in_transcribe_fields[] = {
	TEXT(in_transcribe, file_id, FIELD_REQUIRED, 1, LABEL_BYTES),
	RULED(in_transcribe, language, FIELD_OPTIONAL, 2, 11, text_is_language, a_language),
	END,
};

/* Lists that older clients fetch without asking for pages. */
const struct field in_whole_fields[] = {
	RULED(in_page, after, FIELD_OPTIONAL, 0, 18, is_cursor, "what an earlier answer gave"),
	INT(in_page, limit, 1, 200, 200),
	END,
};

const struct field in_phones_fields[] = {
	TEXT(in_page, after, FIELD_OPTIONAL, 0, LABEL_BYTES),
	INT(in_page, limit, 1, 200, 200),
	END,
};

const struct field in_number_fields[] = {
	RULED(in_page, after, FIELD_OPTIONAL, 0, 18, is_cursor, "what an earlier answer gave"),
	INT(in_page, limit, 1, 200, 50),
	END,
};

const struct field in_search_fields[] = {
	TEXT(in_page, q, FIELD_OPTIONAL, 0, 128),
	RULED(in_page, after, FIELD_OPTIONAL, 0, 18, is_cursor, "what an earlier answer gave"),
	INT(in_page, limit, 1, 200, 50),
	END,
};
