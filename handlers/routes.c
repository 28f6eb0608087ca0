/* The API: method, path, who may call, largest body, how often, which pool, what it takes, who
 * responds. Preconditions hold before a handler runs. nginx's locations and limits are written from
 * it. */
#include "route.h"

#include "handlers.h"
#include "inputs.h"

#define TAKES(type) in_##type##_fields, sizeof(struct in_##type)
#define NOTHING NULL, 0
#define LISTS in_list_fields, sizeof(struct in_page)
#define WHOLE in_whole_fields, sizeof(struct in_page)
#define USUAL RATE_API, POOL_MAIN
#define SMALL ROUTE_SMALL /* a few short fields */
#define LISTED 65536 /* a list of ids */
#define ACKS ROUTE_BODY /* a hundred results, each with a reason */
#define PHRASES 131072 /* 16 KiB of text, every byte of it escaped, and the rest */
#define BOOK 4194304 /* an address book of 5,000 */
#define LARGE ROUTE_BODY /* 64 KiB of text, every byte of it escaped, and the rest */

#define AUTH "/api/v1/pchat/auth"
#define CHAT "/api/v1/webchat"
#define PHONE "/api/v1/phone"

const struct route routes[] = {
	{ METHOD_GET, "/health", FOR_ANYONE, 0, USUAL, NOTHING, on_health_get },
	{ METHOD_GET, "/ready", FOR_ANYONE, 0, USUAL, NOTHING, on_ready_get },
	{ METHOD_GET, "/metrics", FOR_ANYONE, 0, RATE_LOCAL, POOL_MAIN, NOTHING, on_metrics_get },
	{ METHOD_GET, CHAT "/config", FOR_ANYONE, 0, USUAL, NOTHING, on_config_get },

	{ METHOD_POST, AUTH "/request-code", FOR_ANYONE, SMALL, RATE_AUTH, POOL_MAIN,
	    TAKES(code_request), on_code_request },
	{ METHOD_POST, AUTH "/verify-code", FOR_ANYONE, SMALL, RATE_AUTH, POOL_MAIN,
	    TAKES(code_verify), on_code_verify },
	{ METHOD_GET, AUTH "/me", FOR_MEMBER, 0, USUAL, NOTHING, on_me_get },
	{ METHOD_PUT, AUTH "/me", FOR_MEMBER, SMALL, USUAL, TAKES(me), on_me_put },
	{ METHOD_DELETE, AUTH "/me", FOR_MEMBER, 0, USUAL, NOTHING, on_me_delete },
	{ METHOD_GET, AUTH "/export", FOR_MEMBER, 0, USUAL, in_export_fields,
	    sizeof(struct in_page), on_me_export },
	{ METHOD_GET, AUTH "/sessions", FOR_MEMBER, 0, USUAL, WHOLE, on_session_list },
	{ METHOD_DELETE, AUTH "/sessions/*", FOR_MEMBER, 0, USUAL, NOTHING, on_session_delete },
	{ METHOD_POST, AUTH "/logout", FOR_MEMBER, 0, USUAL, NOTHING, on_session_logout },
	{ METHOD_POST, AUTH "/logout-all", FOR_MEMBER, 0, USUAL, NOTHING, on_session_logout_all },

	{ METHOD_POST, CHAT "/presence", FOR_MEMBER, SMALL, USUAL, TAKES(presence),
	    on_presence_post },
	{ METHOD_GET, CHAT "/directory", FOR_MEMBER | SCOPE_RECEIVE, 0, USUAL, TAKES(page),
	    on_directory_get },
	{ METHOD_GET, CHAT "/users/*", FOR_MEMBER | SCOPE_RECEIVE, 0, USUAL, NOTHING, on_user_get },

	{ METHOD_POST, "/api/v1/messages", FOR_MEMBER | STORES | SCOPE_SEND, LARGE, USUAL,
	    TAKES(message), on_message_post },
	{ METHOD_GET, "/api/v1/messages/*", FOR_MEMBER | SCOPE_RECEIVE, 0, USUAL, NOTHING,
	    on_message_get },
	{ METHOD_PATCH, "/api/v1/messages/*", FOR_MEMBER | STORES | SCOPE_SEND, LARGE, USUAL,
	    TAKES(text), on_message_patch },
	{ METHOD_DELETE, "/api/v1/messages/*", FOR_MEMBER | SCOPE_SEND, 0, USUAL, NOTHING,
	    on_message_delete },
	{ METHOD_POST, CHAT "/poll", FOR_MEMBER | SCOPE_RECEIVE, SMALL, USUAL, TAKES(poll),
	    on_poll_post },
	{ METHOD_GET, CHAT "/events", FOR_MEMBER | SILENT | SCOPE_RECEIVE, 0, RATE_STREAM,
	    POOL_LIVE, TAKES(events), on_events_get },
	{ METHOD_POST, CHAT "/read", FOR_MEMBER | SCOPE_RECEIVE, LISTED, USUAL, in_read_fields,
	    sizeof(struct in_ids), on_read_post },
	{ METHOD_POST, CHAT "/receipt-status", FOR_MEMBER | SCOPE_SEND | SCOPE_RECEIVE, LISTED,
	    USUAL, in_receipt_fields, sizeof(struct in_ids), on_receipt_post },
	{ METHOD_POST, CHAT "/typing", FOR_MEMBER | SCOPE_SEND, SMALL, USUAL, TAKES(typing),
	    on_typing_post },

	{ METHOD_POST, CHAT "/translate", FOR_MEMBER | SCOPE_RECEIVE, PHRASES, RATE_ASK, POOL_ASK,
	    TAKES(translate), on_translate_post },
	{ METHOD_POST, CHAT "/transcribe", FOR_MEMBER | SCOPE_RECEIVE, SMALL, RATE_ASK, POOL_ASK,
	    TAKES(transcribe), on_transcribe_post },
	{ METHOD_GET, CHAT "/calls/ice", FOR_MEMBER, 0, USUAL, NOTHING, on_ice_get },

	{ METHOD_GET, CHAT "/groups", FOR_MEMBER | SCOPE_RECEIVE, 0, USUAL, LISTS, on_group_list },
	{ METHOD_POST, CHAT "/groups", FOR_MEMBER | STORES, SMALL, USUAL, in_group_new_fields,
	    sizeof(struct in_group), on_group_post },
	{ METHOD_GET, CHAT "/groups/*", FOR_MEMBER | SCOPE_RECEIVE, 0, USUAL, NOTHING,
	    on_group_get },
	{ METHOD_PATCH, CHAT "/groups/*", FOR_MEMBER | STORES, SMALL, USUAL, TAKES(group),
	    on_group_patch },
	{ METHOD_DELETE, CHAT "/groups/*", FOR_MEMBER, 0, USUAL, NOTHING, on_group_delete },
	{ METHOD_POST, CHAT "/groups/*/join", FOR_MEMBER, SMALL, USUAL, TAKES(join),
	    on_group_join },
	{ METHOD_DELETE, CHAT "/groups/*/join", FOR_MEMBER, 0, USUAL, NOTHING, on_join_delete },
	{ METHOD_POST, CHAT "/groups/*/leave", FOR_MEMBER, 0, USUAL, NOTHING, on_group_leave },
	{ METHOD_GET, CHAT "/groups/*/requests", FOR_MEMBER, 0, USUAL, WHOLE, on_join_list },
	{ METHOD_POST, CHAT "/groups/*/requests/*/approve", FOR_MEMBER, 0, USUAL, NOTHING,
	    on_join_approve },
	{ METHOD_POST, CHAT "/groups/*/requests/*/reject", FOR_MEMBER, 0, USUAL, NOTHING,
	    on_join_reject },
	{ METHOD_GET, CHAT "/groups/*/invites", FOR_MEMBER, 0, USUAL, WHOLE,
	    on_admission_list_group },
	{ METHOD_POST, CHAT "/groups/*/invites", FOR_MEMBER, SMALL, USUAL, TAKES(admission),
	    on_admission_post_group },
	{ METHOD_DELETE, CHAT "/groups/*/invites/*", FOR_MEMBER, 0, USUAL, NOTHING,
	    on_admission_delete_group },
	{ METHOD_GET, CHAT "/groups/*/members", FOR_MEMBER | SCOPE_RECEIVE, 0, USUAL, LISTS,
	    on_member_list },
	{ METHOD_POST, CHAT "/groups/*/members", FOR_MEMBER, SMALL, USUAL, TAKES(member),
	    on_member_post },
	{ METHOD_PATCH, CHAT "/groups/*/members/*", FOR_MEMBER, SMALL, USUAL, in_role_fields,
	    sizeof(struct in_member), on_member_patch },
	{ METHOD_DELETE, CHAT "/groups/*/members/*", FOR_MEMBER, 0, USUAL, NOTHING,
	    on_member_delete },

	{ METHOD_GET, CHAT "/invites", FOR_MEMBER | SCOPE_RECEIVE, 0, USUAL, in_number_fields,
	    sizeof(struct in_page), on_invite_list },
	{ METHOD_POST, CHAT "/invites/*/accept", FOR_MEMBER, 0, USUAL, NOTHING, on_invite_accept },
	{ METHOD_POST, CHAT "/invites/*/decline", FOR_MEMBER, 0, USUAL, NOTHING,
	    on_invite_decline },

	{ METHOD_POST, CHAT "/upload", FOR_MEMBER | SCOPE_SEND, ROUTE_FILE, USUAL, TAKES(upload),
	    on_upload },
	{ METHOD_PUT, CHAT "/upload", FOR_MEMBER | SCOPE_SEND, ROUTE_FILE, USUAL, TAKES(upload),
	    on_upload },
	{ METHOD_GET, CHAT "/files", FOR_MEMBER | SCOPE_RECEIVE, 0, USUAL, in_number_fields,
	    sizeof(struct in_page), on_file_list },
	{ METHOD_GET, CHAT "/files/*", FOR_HOLDER | SCOPE_RECEIVE, 0, USUAL, TAKES(token),
	    on_file_get },
	{ METHOD_DELETE, CHAT "/files/*", FOR_MEMBER | SCOPE_SEND, 0, USUAL, NOTHING,
	    on_file_delete },
	{ METHOD_POST, CHAT "/files/*/link", FOR_MEMBER | SCOPE_RECEIVE, 0, USUAL, NOTHING,
	    on_file_link },

	{ METHOD_GET, CHAT "/blocks", FOR_MEMBER, 0, USUAL, LISTS, on_block_list },
	{ METHOD_POST, CHAT "/blocks", FOR_MEMBER, SMALL, USUAL, TAKES(block), on_block_post },
	{ METHOD_DELETE, CHAT "/blocks/*", FOR_MEMBER, 0, USUAL, NOTHING, on_block_delete },
	{ METHOD_DELETE, CHAT "/blocks/*/*", FOR_MEMBER, 0, USUAL, NOTHING,
	    on_block_external_delete },

	{ METHOD_GET, CHAT "/contacts", FOR_MEMBER, 0, USUAL, NOTHING, on_contacts_get },
	{ METHOD_PUT, CHAT "/contacts", FOR_MEMBER | STORES, BOOK, USUAL, TAKES(contacts),
	    on_contacts_put },
	{ METHOD_GET, CHAT "/prefs", FOR_MEMBER, 0, USUAL, NOTHING, on_prefs_get },
	{ METHOD_PUT, CHAT "/prefs", FOR_MEMBER | STORES, LARGE, USUAL, TAKES(prefs),
	    on_prefs_put },

	{ METHOD_PUT, CHAT "/push", FOR_MEMBER | STORES | SCOPE_RECEIVE, SMALL, USUAL, TAKES(push),
	    on_push_put },
	{ METHOD_DELETE, CHAT "/push", FOR_MEMBER | SCOPE_RECEIVE, 0, USUAL, NOTHING,
	    on_push_delete },

	{ METHOD_GET, CHAT "/keys", FOR_MEMBER, 0, USUAL, NOTHING, on_key_list },
	{ METHOD_POST, CHAT "/keys", FOR_MEMBER, SMALL, USUAL, TAKES(key), on_key_post },
	{ METHOD_POST, CHAT "/keys/*/rotate", FOR_MEMBER, 0, USUAL, NOTHING, on_key_rotate },
	{ METHOD_DELETE, CHAT "/keys/*", FOR_MEMBER, 0, USUAL, NOTHING, on_key_delete },

	{ METHOD_POST, PHONE "/claim", FOR_MEMBER | SCOPE_PHONE, SMALL, USUAL, TAKES(claim),
	    on_phone_claim },
	{ METHOD_POST, PHONE "/ack", FOR_MEMBER | SCOPE_PHONE, ACKS, USUAL, TAKES(ack),
	    on_phone_ack },
	{ METHOD_POST, PHONE "/inbound", FOR_MEMBER | STORES | SCOPE_PHONE, LARGE, USUAL,
	    TAKES(inbound), on_phone_inbound },
	{ METHOD_GET, CHAT "/phones", FOR_MEMBER | SCOPE_RECEIVE, 0, USUAL, in_phones_fields,
	    sizeof(struct in_page), on_phone_list },

	{ METHOD_GET, CHAT "/admin/users", FOR_ADMIN, 0, USUAL, TAKES(page), on_admin_users },
	{ METHOD_POST, CHAT "/admin/users/*", FOR_ADMIN, SMALL, USUAL, TAKES(action),
	    on_admin_user_post },
	{ METHOD_DELETE, CHAT "/admin/users/*", FOR_ADMIN, 0, USUAL, NOTHING,
	    on_admin_user_delete },
	{ METHOD_GET, CHAT "/admin/users/*/sessions", FOR_ADMIN, 0, USUAL, WHOLE,
	    on_admin_sessions },
	{ METHOD_DELETE, CHAT "/admin/users/*/sessions", FOR_ADMIN, 0, USUAL, NOTHING,
	    on_admin_sessions_delete },
	{ METHOD_DELETE, CHAT "/admin/users/*/sessions/*", FOR_ADMIN, 0, USUAL, NOTHING,
	    on_admin_session_delete },
	{ METHOD_GET, CHAT "/admin/groups", FOR_ADMIN, 0, USUAL, in_search_fields,
	    sizeof(struct in_page), on_admin_groups },
	{ METHOD_DELETE, CHAT "/admin/groups/*", FOR_ADMIN, 0, USUAL, NOTHING,
	    on_admin_group_delete },
	{ METHOD_GET, CHAT "/admin/invites", FOR_ADMIN, 0, USUAL, WHOLE, on_admission_list },
	{ METHOD_POST, CHAT "/admin/invites", FOR_ADMIN, SMALL, USUAL, TAKES(admission),
	    on_admission_post },
	{ METHOD_DELETE, CHAT "/admin/invites/*", FOR_ADMIN, 0, USUAL, NOTHING,
	    on_admission_delete },
	{ METHOD_GET, CHAT "/admin/stats", FOR_ADMIN, 0, USUAL, NOTHING, on_admin_stats },
	{ METHOD_GET, CHAT "/admin/health", FOR_ADMIN, 0, USUAL, NOTHING, on_admin_health },
	{ METHOD_GET, CHAT "/admin/audit", FOR_ADMIN, 0, USUAL, in_number_fields,
	    sizeof(struct in_page), on_admin_audit },
	{ METHOD_GET, CHAT "/admin/access-requests", FOR_ADMIN, 0, USUAL, WHOLE, on_access_list },
	{ METHOD_POST, CHAT "/admin/access-requests/*/approve", FOR_ADMIN, 0, USUAL, NOTHING,
	    on_access_approve },
	{ METHOD_POST, CHAT "/admin/access-requests/*/deny", FOR_ADMIN, 0, USUAL, NOTHING,
	    on_access_deny },
	{ METHOD_GET, NULL, FOR_ANYONE, 0, USUAL, NOTHING, NULL },
};
