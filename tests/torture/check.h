/* What is looked at after each call: the content of the store, whether it is whole, and what is
 * left open or locked. */
#ifndef TORTURE_CHECK_H
#define TORTURE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CHECK_BYTES 512

/* Call first, before any fork. */
void check_begin(void);

/* *state is a number that stands for all rows of all tables and for the files that they name. Is
 * the database whole? False with a line in `why`. */
bool check_look(uint64_t *state, char why[static CHECK_BYTES]);

/* From here on positions in streams count for nothing: what was done in two goes has others. */
void check_any_order(bool any);

/* Writes all that to a file, to be compared by eye. */
void check_dump(const char *path);

/* Loses something behind everybody's back, which the next look must find. */
void check_spoil(void);

/* Is no lock and no transaction left? False with a line in `why`. */
bool check_free(char why[static CHECK_BYTES]);

/* How many descriptors are open. */
int check_descriptors(void);

/* Has another process keep the database open, and end. */
void check_hold(void);
void check_let_go(void);

/* Keeps the bytes of all files of the relay's folder, in place and by their inodes, and puts them
 * back. */
void check_keep(void);
void check_put_back(void);

#endif
