/* How much is automatic where: the presets of API.md's table, and what overrides them. */
#include <assert.h>

#include "api/kinds.h"

static const enum level presets[AUTOMATEDS][MATURITIES] = {
	/*                       mvp            stable         mature */
	[AUTOMATED_PROPOSE] = {LEVEL_MANUAL,  LEVEL_APPROVE, LEVEL_AUTO},
	[AUTOMATED_STEP]    = {LEVEL_APPROVE, LEVEL_AUTO,    LEVEL_AUTO},
	[AUTOMATED_REVERT]  = {LEVEL_APPROVE, LEVEL_APPROVE, LEVEL_AUTO},
	[AUTOMATED_SCALE]   = {LEVEL_MANUAL,  LEVEL_AUTO,    LEVEL_AUTO},
};

enum level environment_level(const struct environment *environment, enum automated what)
{
	enum level override;

	assert((unsigned)what < AUTOMATEDS && (unsigned)environment->maturity < MATURITIES);
	override = environment->automation[what];
	return override == LEVEL_UNSET ? presets[what][environment->maturity] : override;
}
