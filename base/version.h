/* The version of this relay, in one place. */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

#define RELAY_VERSION "0.1.0"

#endif
