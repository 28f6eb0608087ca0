/* The catalogue of the relay's own mails. {name} is the relay, {code} the sign-in code. */
#include "words.h"

#include "cleanup.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAIL_BYTES 4096

static const struct {
	const char *language;
	struct words mails[WORDS__MAX];
} catalogue[] = {
	{ "en",
	    { [WORDS_CODE] = { "{name}: your sign-in code",
		  "Your sign-in code for {name} is\n\n    {code}\n\n"
		  "It is good for ten minutes and for one sign-in.\n"
		  "If you did not ask for it, you need not do anything.\n" },
		[WORDS_STRANGER] = { "{name}: your request to sign in",
		    "Somebody, probably you, wants to sign in to {name} with this address.\n\n"
		    "This relay is open to people whom its admins let in. They were asked; you get "
		    "another mail if they do.\n"
		    "If it was not you, you need not do anything.\n" } } },
	{ "es",
	    { [WORDS_CODE] = { "{name}: tu código de acceso",
		  "Tu código de acceso para {name} es\n\n    {code}\n\n"
		  "Vale diez minutos y para un solo inicio de sesión.\n"
		  "Si no lo has pedido, no tienes que hacer nada.\n" },
		[WORDS_STRANGER] = { "{name}: tu solicitud de acceso",
		    "Alguien, probablemente tú, quiere iniciar sesión en {name} con esta "
		    "dirección.\n\n"
		    "Este servidor está abierto a quienes admiten sus administradores. Se les ha "
		    "preguntado; recibirás otro correo si te admiten.\n"
		    "Si no has sido tú, no tienes que hacer nada.\n" } } },
	{ "de",
	    { [WORDS_CODE] = { "{name}: dein Anmeldecode",
		  "Dein Anmeldecode für {name} lautet\n\n    {code}\n\n"
		  "Er gilt zehn Minuten und für eine Anmeldung.\n"
		  "Wenn du ihn nicht angefordert hast, brauchst du nichts zu tun.\n" },
		[WORDS_STRANGER] = { "{name}: deine Anfrage zur Anmeldung",
		    "Jemand, vermutlich du, möchte sich mit dieser Adresse bei {name} "
		    "anmelden.\n\n"
		    "Dieser Server steht Menschen offen, die seine Admins zulassen. Sie wurden "
		    "gefragt; du bekommst eine weitere Mail, wenn sie zustimmen.\n"
		    "Wenn du es nicht warst, brauchst du nichts zu tun.\n" } } },
	{ "fr",
	    { [WORDS_CODE] = { "{name} : votre code de connexion",
		  "Votre code de connexion à {name} est\n\n    {code}\n\n"
		  "Il est valable dix minutes et pour une seule connexion.\n"
		  "Si vous ne l'avez pas demandé, vous n'avez rien à faire.\n" },
		[WORDS_STRANGER] = { "{name} : votre demande de connexion",
		    "Quelqu'un, sans doute vous, veut se connecter à {name} avec cette "
		    "adresse.\n\n"
		    "Ce serveur est ouvert aux personnes que ses administrateurs acceptent. La "
		    "question leur a été posée ; vous recevrez un autre message s'ils "
		    "acceptent.\n"
		    "Si ce n'était pas vous, vous n'avez rien à faire.\n" } } },
	{ "he",
	    { [WORDS_CODE] = { "{name}: קוד הכניסה שלך",
		  "קוד הכניסה שלך אל {name} הוא\n\n    {code}\n\n"
		  "הקוד תקף לעשר דקות ולכניסה אחת.\n"
		  "אם לא ביקשת אותו, אין צורך לעשות דבר.\n" },
		[WORDS_STRANGER] = { "{name}: בקשתך להיכנס",
		    "מישהו, כנראה את או אתה, מבקש להיכנס אל {name} עם הכתובת הזאת.\n\n"
		    "השרת הזה פתוח למי שמנהליו מאשרים. הבקשה הועברה אליהם; אם יאשרו, תגיע הודעה "
		    "נוספת.\n"
		    "אם הבקשה אינה שלך, אין צורך לעשות דבר.\n" } } },
	{ "ar",
	    { [WORDS_CODE] = { "{name}: رمز الدخول الخاص بك",
		  "رمز الدخول الخاص بك إلى {name} هو\n\n    {code}\n\n"
		  "الرمز صالح لعشر دقائق ولتسجيل دخول واحد.\n"
		  "إذا لم تطلبه فلا داعي لفعل أي شيء.\n" },
		[WORDS_STRANGER] = { "{name}: طلبك لتسجيل الدخول",
		    "شخص ما، وربما أنت، يريد تسجيل الدخول إلى {name} بهذا العنوان.\n\n"
		    "هذا الخادم مفتوح لمن يقبلهم مشرفوه. لقد سُئلوا، وستصلك رسالة أخرى إذا "
		    "وافقوا.\n"
		    "إذا لم تكن أنت فلا داعي لفعل أي شيء.\n" } } },
};

static const struct words *
find(enum words_mail which, const char *language)
{
	size_t len = language ? strcspn(language, "-_") : 0;

	for (size_t i = 0; i < ARRAY_LEN(catalogue); i++)
		if (len > 0 && strlen(catalogue[i].language) == len &&
		    strncasecmp(catalogue[i].language, language, len) == 0)
			return &catalogue[i].mails[which];
	return &catalogue[0].mails[which];
}

/* The text with its places filled. */
static char *
fill(struct arena *a, const char *text, const char *name, const char *code)
{
	char *out = arena_alloc(a, MAIL_BYTES);
	struct text t;

	if (!out)
		return NULL;
	text_init(&t, out, MAIL_BYTES);
	while (*text) {
		size_t n = strcspn(text, "{");

		text_printf(&t, "%.*s", (int)n, text);
		text += n;
		if (!*text)
			break;
		text_printf(&t, "%s", strncmp(text, "{name}", 6) == 0 ? name : code ? code : "");
		text += 6; /* {name} and {code} */
	}
	return text_ok(&t) ? out : NULL;
}

struct words
words_mail(struct arena *a, enum words_mail which, const char *language, const char *relay_name,
    const char *code)
{
	const struct words *w = find(which, language);

	return (struct words){ fill(a, w->subject, relay_name, code),
		fill(a, w->body, relay_name, code) };
}
