/* The columns that statements read whole rows of: one list each makes the text for stmt.def and the
 * numbers for whoever reads them. A list begins with F, all others are X; each is (name, SQL). */
#ifndef SQL_COLUMNS_H
#define SQL_COLUMNS_H

/* clang-format off */
#define ACCOUNT_COLUMN_LIST(F, X) \
	F(ID, "a.id") \
	X(EMAIL, "a.email") \
	X(CHAT_ADDRESS, "a.chat_address") \
	X(DISPLAY_NAME, "a.display_name") \
	X(LANGUAGE, "a.language") \
	X(ROLE, "a.role") \
	X(PUBLIC_VISIBLE, "a.public_visible") \
	X(HIDDEN, "a.hidden") \
	X(BLOCKED, "a.blocked") \
	X(DELIVERED_SEQ, "a.delivered_seq") \
	X(CREATED_AT, "a.created_at") \
	X(MAIL_REPLY_TO, "a.mail_reply_to") \
	X(GROUP_INVITES, "a.group_invites")

#define SESSION_COLUMN_LIST(F, X) \
	F(ID, "s.id") \
	X(PUBLIC_ID, "s.public_id") \
	X(DEVICE_NAME, "s.device_name") \
	X(SESSION_NAME, "s.session_name") \
	X(LISTEN_CHANNEL, "s.listen_channel") \
	X(VISIBLE, "s.visible") \
	X(START_SEQ, "s.start_seq") \
	X(SENT_SEQ, "s.sent_seq") \
	X(CREATED_AT, "s.created_at") \
	X(EXPIRES_AT, "s.expires_at") \
	X(LAST_SEEN_AT, "s.last_seen_at") \
	X(SCOPES, "s.scopes") \
	X(PHONE_ID, "s.phone_id") \
	X(CONFIRMED_SEQ, "s.confirmed_seq") \
	X(OWN, "s.own")

/* With MESSAGE_JOINS; the key of a pack follows it. */
#define MESSAGE_COLUMN_LIST(F, X) \
	F(ID, "m.id") \
	X(PUBLIC_ID, "m.public_id") \
	X(SENDER_ID, "m.sender_id") \
	X(CHANNEL, "m.channel") \
	X(KIND, "m.kind") \
	X(BODY, "m.body") \
	X(BODY_KEY, "k.body_key") \
	X(ADDRESS, "m.address") \
	X(ADDRESS_KEY, "k.address_key") \
	X(REPLY_TO, "m.reply_to") \
	X(REQUEST_ID, "m.request_id") \
	X(CREATED_AT, "m.created_at") \
	X(EDITED_AT, "m.edited_at") \
	X(DELETED_AT, "m.deleted_at") \
	X(SCRUBBED_AT, "m.scrubbed_at") \
	X(FROM, "a.chat_address") \
	X(FROM_NAME, "a.display_name") \
	X(GROUP_ID, "m.group_id") \
	X(DURATION_MS, "m.duration_ms") \
	X(RECEIVED_AT, "m.received_at")

/* Likewise the label. */
#define FILE_COLUMN_LIST(F, X) \
	F(ID, "f.id") \
	X(PUBLIC_ID, "f.public_id") \
	X(TOKEN_HASH, "f.token_hash") \
	X(LABEL, "f.label") \
	X(BODY_KEY, "k.body_key") \
	X(SIZE, "f.size") \
	X(CREATED_AT, "f.created_at") \
	X(EXPIRES_AT, "f.expires_at")

#define GROUP_COLUMN_LIST(F, X) \
	F(ID, "g.id") \
	X(PUBLIC_ID, "g.public_id") \
	X(NAME, "g.name") \
	X(DESCRIPTION, "g.description") \
	X(IS_PUBLIC, "g.is_public") \
	X(IS_STREAM, "g.is_stream") \
	X(IS_OPEN, "g.is_open") \
	X(MEMBER_COUNT, "g.member_count") \
	X(CREATED_AT, "g.created_at")

/* clang-format on */

#define COLUMN_FIRST(name, sql) sql
#define COLUMN_NEXT(name, sql) ", " sql
#define ACCOUNT_COLUMNS ACCOUNT_COLUMN_LIST(COLUMN_FIRST, COLUMN_NEXT)
#define SESSION_COLUMNS SESSION_COLUMN_LIST(COLUMN_FIRST, COLUMN_NEXT)
#define MESSAGE_COLUMNS MESSAGE_COLUMN_LIST(COLUMN_FIRST, COLUMN_NEXT)
#define FILE_COLUMNS FILE_COLUMN_LIST(COLUMN_FIRST, COLUMN_NEXT)
#define GROUP_COLUMNS GROUP_COLUMN_LIST(COLUMN_FIRST, COLUMN_NEXT)

#define ACCOUNT_COLUMN(name, sql) ACCOUNT_##name##_COLUMN,
enum account_column { ACCOUNT_COLUMN_LIST(ACCOUNT_COLUMN, ACCOUNT_COLUMN) ACCOUNT_COLUMN_COUNT };
#undef ACCOUNT_COLUMN

#define SESSION_COLUMN(name, sql) SESSION_##name##_COLUMN,
enum session_column { SESSION_COLUMN_LIST(SESSION_COLUMN, SESSION_COLUMN) SESSION_COLUMN_COUNT };
#undef SESSION_COLUMN

#define MESSAGE_COLUMN(name, sql) MESSAGE_##name##_COLUMN,
enum message_column { MESSAGE_COLUMN_LIST(MESSAGE_COLUMN, MESSAGE_COLUMN) MESSAGE_COLUMN_COUNT };
#undef MESSAGE_COLUMN

#define FILE_COLUMN(name, sql) FILE_##name##_COLUMN,
enum file_column { FILE_COLUMN_LIST(FILE_COLUMN, FILE_COLUMN) FILE_COLUMN_COUNT };
#undef FILE_COLUMN

#define GROUP_COLUMN(name, sql) GROUP_##name##_COLUMN,
enum group_column { GROUP_COLUMN_LIST(GROUP_COLUMN, GROUP_COLUMN) GROUP_COLUMN_COUNT };
#undef GROUP_COLUMN

#endif
