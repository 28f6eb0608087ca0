/* The example file and the manual page of the settings, both straight from conf.def. */
#include "conf.h"

#include <string.h>

void
conf_write_example(FILE *out)
{
	fputs("# Settings of the WebChat relay. Copy to .env.local (mode 600) and change what you "
	      "need;\n"
	      "# a line that is commented out shows the default. The environment wins over this "
	      "file.\n",
	    out);
#define GROUP(title) fprintf(out, "\n## %s\n", title);
#define CONF(name, kind, field, def, min, max, secret, unit, help) \
	fprintf(out, "# %s%s%s\n#%s=%s\n", help, (unit)[0] ? " In " : "", \
	    (unit)[0] ? unit "." : "", #name, def);
#include "conf.def"
#undef CONF
#undef GROUP
}

static void
write_row(FILE *out, const char *name, const char *kind, const char *def, int64_t min, int64_t max,
    const char *unit, const char *help)
{
	fprintf(out, "| `%s` | %s%s%s | ", name, def[0] ? "`" : "", def[0] ? def : "empty",
	    def[0] ? "`" : "");
	if (strcmp(kind, "INT") == 0)
		fprintf(out, "%lld to %lld", (long long)min, (long long)max);
	else if (strcmp(kind, "BOOL") == 0)
		fputs("true, false", out);
	else if (strcmp(kind, "ENUM") == 0)
		for (const char *p = help; *p && *p != ';'; p++)
			fputs(*p == '|' ? ", " : (char[]){ *p, '\0' }, out);
	else
		fprintf(out, "%s, up to %lld bytes", strcmp(kind, "PATH") == 0 ? "path" : "text",
		    (long long)max);
	if (strcmp(kind, "ENUM") == 0)
		help = strchr(help, ';') ? strchr(help, ';') + 2 : "";
	fprintf(out, " | %s | %s |\n", unit, help);
}

void
conf_write_markdown(FILE *out)
{
	fputs(
	    "# Settings\n\nMade from `base/conf.def` by `relayctl settings --markdown`; do not "
	    "edit by hand.\n"
	    "The file is `relay/.env.local` (mode 600), lines of `NAME=VALUE`, `#` starts a "
	    "comment; the environment\n"
	    "wins over the file. An unknown name or a value that is not allowed stops the start.\n",
	    out);
#define GROUP(title) \
	fprintf(out, \
	    "\n## %s\n\n| name | default | allowed | unit | meaning |\n| --- | --- | --- | --- | " \
	    "--- |\n", \
	    title);
#define CONF(name, kind, field, def, min, max, secret, unit, help) \
	write_row(out, #name, #kind, def, min, max, unit, help);
#include "conf.def"
#undef CONF
#undef GROUP
}
