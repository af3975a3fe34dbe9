/* The page's files, compiled in as they are. */
#include <stdio.h>
#include <string.h>

#include "web/internal.h"

#define EMBED(symbol, file) \
	__asm__(".pushsection .rodata\n" #symbol ": .incbin \"pkg/web/assets/" file "\"\n" #symbol \
	        "_end: .byte 0\n.popsection\n"); \
	extern const char symbol[] __attribute__((visibility("hidden"))); \
	extern const char symbol##_end[] __attribute__((visibility("hidden")))

EMBED(asset_page, "index.html");
EMBED(asset_style, "style.css");
EMBED(asset_app, "app.mjs");
EMBED(asset_view, "view.mjs");
EMBED(asset_icon, "icon.svg");

#define SCRIPT "text/javascript; charset=utf-8"
static struct asset assets[] = {
	{"/", "text/html; charset=utf-8", asset_page, asset_page_end, ""},
	{"/style.css", "text/css; charset=utf-8", asset_style, asset_style_end, ""},
	{"/app.mjs", SCRIPT, asset_app, asset_app_end, ""},
	{"/view.mjs", SCRIPT, asset_view, asset_view_end, ""},
	{"/icon.svg", "image/svg+xml", asset_icon, asset_icon_end, ""},
};

const struct asset *asset_find(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(assets); i++) {
		struct asset *asset = &assets[i];

		if (strcmp(asset->path, path))
			continue;
		if (!asset->etag[0]) {
			struct digest digest = digest_of(asset->data, (size_t)(asset->end - asset->data));

			snprintf(asset->etag, sizeof(asset->etag), "\"%.16s\"", digest.hex);
		}
		return asset;
	}
	return NULL;
}
