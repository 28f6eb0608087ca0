/* What each call takes: the structs that handlers see, filled by the tables in inputs.c. */
#ifndef HANDLERS_INPUTS_H
#define HANDLERS_INPUTS_H

#include "fields.h"

struct in_code_request {
	const char *email, *display_name, *purpose, *language, *invite;
};
struct in_code_verify {
	const char *email, *code, *display_name, *chat_address, *device_name, *session_name,
	    *listen_channel, *language;
	int public_visible;
};
struct in_me {
	const char *display_name, *language, *group_invites;
	int public_visible, mail_reply_to;
};
struct in_page {
	const char *q, *after;
	int64_t limit;
};
struct in_presence {
	const char *chat_address, *display_name, *device_name, *session_name, *listen_channel;
	int visible;
};
struct in_message {
	const char *channel, *to, *text, *phone_id, *source, *idempotency_key, *subject, *title,
	    *bot_token, *kind, *reply_to, *waveform, *lang;
	struct field_list attachments; /* of struct in_attachment */
	int64_t duration_ms;
};
struct in_attachment {
	const char *file_id, *preview;
	int64_t width, height, duration_ms; /* 0: not said */
};
struct in_admission {
	int64_t uses, days;
};
struct in_join {
	const char *invite; /* NULL or "": none */
};
struct in_text {
	const char *text;
};
struct in_poll {
	const char *chat_address, *cursor, *phone_id;
	int64_t limit;
	int own;
};
struct in_events {
	const char *after;
};
struct in_ids {
	const char *chat_address;
	struct field_texts message_ids;
};
struct in_typing {
	const char *to;
	int typing;
};

struct in_group {
	const char *name, *description, *visibility, *mode, *join_policy;
};
struct in_member {
	const char *chat_address, *role;
};

struct in_block {
	const char *chat_address, *channel, *address;
};

struct in_upload {
	const char *name, *key;
};
struct in_token {
	const char *token, *link;
};

struct in_translate {
	const char *text, *target, *source;
	struct field_texts texts;
};

struct in_transcribe {
	const char *file_id, *language;
};

struct in_contact {
	const char *name, *channel, *address;
};
struct in_contacts {
	struct field_list contacts;
};
struct in_prefs {
	const char *prefs;
};
struct in_push {
	const char *endpoint;
};
struct in_key {
	const char *name, *phone_id;
	struct field_texts scopes;
};
struct in_claim {
	const char *phone_id;
	struct field_texts channels;
	int64_t limit;
};
struct in_ack_result {
	const char *message_id, *status, *error, *lease_id;
};
struct in_ack {
	const char *phone_id;
	struct field_list results;
};
struct in_inbound {
	const char *phone_id, *channel, *from, *text, *idempotency_key;
	int64_t received_at;
};
struct in_action {
	const char *action;
};

extern const struct field in_code_request_fields[], in_code_verify_fields[], in_me_fields[],
    in_page_fields[], in_export_fields[], in_presence_fields[], in_message_fields[],
    in_text_fields[], in_poll_fields[], in_events_fields[], in_read_fields[], in_receipt_fields[],
    in_typing_fields[], in_group_fields[], in_group_new_fields[], in_member_fields[],
    in_role_fields[], in_list_fields[], in_block_fields[], in_action_fields[], in_contacts_fields[],
    in_number_fields[], in_search_fields[], in_whole_fields[], in_phones_fields[],
    in_upload_fields[], in_token_fields[], in_admission_fields[], in_join_fields[], in_key_fields[],
    in_claim_fields[], in_ack_fields[], in_inbound_fields[], in_prefs_fields[],
    in_translate_fields[], in_transcribe_fields[], in_push_fields[];

#define INPUT_TEXT_BYTES 65536
#define INPUT_TRANSLATE_BYTES 16384 /* all texts of a call */

#endif
