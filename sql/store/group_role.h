/* Roles in groups. */
#ifndef SQL_GROUP_ROLE_H
#define SQL_GROUP_ROLE_H

enum group_role { GROUP_NOBODY = -1, GROUP_MEMBER, GROUP_WRITER, GROUP_ADMIN, GROUP_OWNER };

#endif
