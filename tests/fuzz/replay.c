/* Runs a fuzz target over the files of a folder, without libFuzzer: replay FOLDER. Prints how many.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES 65536

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
main(int argc, char **argv)
{
	static uint8_t data[FILE_BYTES];
	struct dirent **list = NULL;
	int n, count = 0;

	if (argc != 2 || (n = scandir(argv[1], &list, NULL, alphasort)) < 0) {
		fputs("Usage: replay FOLDER\n", stderr);
		return 2;
	}
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (int i = 0; i < n; i++) {
		char path[4096];
		FILE *f;

		snprintf(path, sizeof(path), "%s/%s", argv[1], list[i]->d_name);
		f = list[i]->d_name[0] == '.' ? NULL : fopen(path, "re");
		if (f) {
			uint8_t *exact;
			const size_t len = fread(data, 1, sizeof(data), f);

			fclose(f);
			exact = malloc(len ? len : 1);
			if (!exact)
				return 2;
			memcpy(exact, data, len);
			fprintf(stderr, "%s\n", path); /* the last one is the one that failed */
			LLVMFuzzerTestOneInput(exact, len);
			free(exact);
			count++;
		}
		free(list[i]);
	}
	free(list);
	printf("%d inputs\n", count);
	return 0;
}
