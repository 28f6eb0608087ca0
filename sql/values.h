/* Values of enums as the SQL of stmt.def names them; tests/unit/test_values.c holds the two
 * together. */
#ifndef SQL_VALUES_H
#define SQL_VALUES_H

/* enum delivery_state */
#define SQL_QUEUED "0"
#define SQL_CLAIMED "1"
#define SQL_DELIVERED "2"
#define SQL_READ "3"
#define SQL_EXPIRED "6"
/* In RECEIPT_COLUMNS: what is added to an external delivery's state, and that of one expired. */
#define SQL_EXTERNAL "10" /* EXTERNAL_STATE */
#define SQL_EXPIRED_SHOWN "-1"

/* enum role, of accounts */
#define SQL_ROLE_ADMIN "1"

/* enum group_role */
#define SQL_GROUP_ADMIN "2"
#define SQL_GROUP_OWNER "3"

/* enum access_status */
#define SQL_ACCESS_PENDING "0"
#define SQL_ACCESS_APPROVED "1"

/* the stages of bridge.h */
#define SQL_STAGE_OVER "0"
#define SQL_STAGE_QUEUED "1"
#define SQL_STAGE_FAILED "2"

/* enum epoch_state */
#define SQL_EPOCH_CURRENT "1"
#define SQL_EPOCH_CLOSED "3"
#define SQL_EPOCH_DESTROYED "4"

/* enum outbox_kind */
#define SQL_OUTBOX_EMAIL "0"

#endif
