/* What a user keeps on the relay and clients hold copies of. */
#ifndef SQL_RECORD_H
#define SQL_RECORD_H

/* Records of a user that clients keep a copy of. */
enum record_subject {
	SUBJECT_PROFILE,
	SUBJECT_CONTACTS,
	SUBJECT_BLOCKS,
	SUBJECT_GROUPS,
	SUBJECT_PREFS,
	SUBJECT__MAX
};

/* The wire's word for a subject. */
const char *record_subject_name(enum record_subject s);

#endif
