/* What the relay itself carries to the outside. */
#ifndef SQL_CARRIER_H
#define SQL_CARRIER_H

/* Who takes it. */
enum outbox_kind { OUTBOX_MAIL, OUTBOX_TELEGRAM };

#endif
