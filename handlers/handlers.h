/* Every call of the API, by resource; routes.c says who may make which, and with what. */
#ifndef HANDLERS_HANDLERS_H
#define HANDLERS_HANDLERS_H

#include "req.h"

/* Removes the bytes of files whose rows this request took away; the rest is housekeeping's. */
void file_clear(struct request *r);

/* health.c */
void on_health_get(struct request *r);
void on_ready_get(struct request *r);
void on_admin_health(struct request *r);
void on_config_get(struct request *r);
/* metrics.c */
void on_metrics_get(struct request *r);
/* signin.c */
void on_code_request(struct request *r);
void on_code_verify(struct request *r);
/* me.c */
void on_me_get(struct request *r);
void on_me_put(struct request *r);
void on_me_delete(struct request *r);
void on_me_export(struct request *r);
/* session.c */
void on_session_list(struct request *r);
void on_session_delete(struct request *r);
void on_session_logout(struct request *r);
void on_session_logout_all(struct request *r);
/* presence.c */
void on_presence_post(struct request *r);
void on_directory_get(struct request *r);
void on_user_get(struct request *r);
/* message.c */
void on_message_post(struct request *r);
void on_message_get(struct request *r);
void on_message_patch(struct request *r);
void on_message_delete(struct request *r);
/* poll.c */
void on_poll_post(struct request *r);
/* events.c */
void on_events_get(struct request *r);
/* receipt.c */
void on_read_post(struct request *r);
void on_receipt_post(struct request *r);
void on_typing_post(struct request *r);
/* group.c */
void on_group_list(struct request *r);
void on_group_post(struct request *r);
void on_group_get(struct request *r);
void on_group_patch(struct request *r);
void on_group_delete(struct request *r);
/* member.c */
void on_group_join(struct request *r);
void on_join_delete(struct request *r);
void on_group_leave(struct request *r);
void on_join_list(struct request *r);
void on_join_approve(struct request *r);
void on_join_reject(struct request *r);
void on_member_list(struct request *r);
void on_member_post(struct request *r);
void on_member_patch(struct request *r);
void on_member_delete(struct request *r);
/* invite.c */
void on_invite_list(struct request *r);
void on_invite_accept(struct request *r);
void on_invite_decline(struct request *r);
/* translation.c */
void on_translate_post(struct request *r);

/* transcription.c */
void on_transcribe_post(struct request *r);

/* call.c */
void on_ice_get(struct request *r);
/* block.c */
void on_block_list(struct request *r);
void on_block_post(struct request *r);
void on_block_delete(struct request *r);
void on_block_external_delete(struct request *r);
/* contacts.c */
void on_contacts_get(struct request *r);
void on_contacts_put(struct request *r);
/* prefs.c */
void on_prefs_get(struct request *r);
void on_prefs_put(struct request *r);
/* push.c */
void on_push_put(struct request *r);
void on_push_delete(struct request *r);
/* apikey.c */
void on_key_list(struct request *r);
void on_key_post(struct request *r);
void on_key_rotate(struct request *r);
void on_key_delete(struct request *r);
/* phone.c */
void on_phone_claim(struct request *r);
void on_phone_ack(struct request *r);
void on_phone_inbound(struct request *r);
void on_phone_list(struct request *r);
/* file.c */
void on_upload(struct request *r);
void on_file_get(struct request *r);
void on_file_link(struct request *r);
void on_file_list(struct request *r);
void on_file_delete(struct request *r);
/* admin.c */
void on_admin_users(struct request *r);
void on_admin_user_post(struct request *r);
void on_admin_stats(struct request *r);
void on_admin_audit(struct request *r);
/* admin_user.c */
void on_admin_user_delete(struct request *r);
void on_admin_sessions(struct request *r);
void on_admin_session_delete(struct request *r);
void on_admin_sessions_delete(struct request *r);
/* admin_group.c */
void on_admin_groups(struct request *r);
void on_admin_group_delete(struct request *r);
/* access.c */
void on_admission_list(struct request *r);
void on_admission_post(struct request *r);
void on_admission_delete(struct request *r);
void on_admission_list_group(struct request *r);
void on_admission_post_group(struct request *r);
void on_admission_delete_group(struct request *r);
void on_access_list(struct request *r);
void on_access_approve(struct request *r);
void on_access_deny(struct request *r);

#endif
