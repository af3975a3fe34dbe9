/* The one table of verbs and flags: what is parsed, and what --help, the manual and the completion
 * say. */
#include "cli.h"

#define AT(member) offsetof(struct options, member)
static const char *const formats[] = {"table", "json", "yaml", NULL};

enum {
	REPO = 1 << 0, PATH = 1 << 1, REMOTE = 1 << 2, BASE = 1 << 3, EVENT = 1 << 4,
	REASON = 1 << 5, NUMBER = 1 << 6, OUTPUT = 1 << 7, PRINT = 1 << 8,
	TO = 1 << 9, UNTIL = 1 << 10, RESTART = 1 << 11, FLEET_BRANCH = 1 << 12, BRANCH = 1 << 13,
	WATCH = 1 << 14, STATE = 1 << 15, RATE = 1 << 16, STORE = 1 << 17,
};
/* In the order of the bits above. */
const struct flag flags[] = {
	{"--repo", "REPO", "a checkout, a bare repository or a url (default: .)", AT(repo), NULL},
	{"--path", "DIR", "the folder of the manifests in it (default: .)", AT(path), NULL},
	{"--remote", "URL", "where requests go (default: origin of --repo, or itself)", AT(remote),
	 NULL},
	{"--base", "REV", "compare with the merge base of HEAD and REV (default: origin/main)",
	 AT(base), NULL},
	{"--event", "NAME", "the named event", AT(event), NULL},
	{"--reason", "TEXT", "why; kept in the history", AT(reason), NULL},
	{"-n", "COUNT", "how many (default 20)", AT(number), NULL},
	{"-o", "FORMAT", "table, json or yaml (default: table)", AT(format), formats},
	{"--print", NULL, "print the files, write nothing", AT(print), NULL},
	{"--to", "VERSION", "the version to go back to", AT(to), NULL},
	{"--until", "TIME", "when it ends: a time, or a duration from now", AT(until), NULL},
	{"--restart", NULL, "replace the replicas of ENV/NAME, one by one", AT(restart), NULL},
	{"--fleet-branch", "NAME", "the branch that is the truth (default: main)", AT(fleet_branch),
	 NULL},
	{"--branch", "NAME", "write this branch, for a pull request", AT(branch), NULL},
	{"--watch", NULL, "go on: live on a terminal, else a line for each change", AT(watch), NULL},
	{"--state", "DIR", "the controller's state folder: what is counted since", AT(state), NULL},
	{"--rate", "NUMBER", "requests a second, in place of what was counted", AT(rate), NULL},
	{"--store", "DIR", "the controller's store: test rows and predictions", AT(store), NULL},
};
const size_t n_flags = ARRAY_LEN(flags);

enum {
	ASK = REPO | REMOTE | REASON | OUTPUT,
	EDIT = REPO | REMOTE | PATH | REASON | FLEET_BRANCH | BRANCH | OUTPUT,
};
const struct verb verbs[] = {
	{"init", "[DIR]", "a fleet repository to start from", PRINT, verb_init,
	 "Writes manifests, linnet.yaml, a small model with its code, CODEOWNERS and a workflow that "
	 "checks pull requests. A file that is there is never written over."},
	{"validate", "[PATH]", "check the manifests of a folder: file:line:column",
	 OUTPUT, verb_validate, NULL},
	{"plan", "", "what merging HEAD would do: exit 0 nothing, 2 changes",
	 REPO | PATH | BASE | OUTPUT, verb_plan,
	 "Reads Git only: the manifests at HEAD and at the merge base, and the status branch for the "
	 "live state. Data, artifacts, secrets and servers are never read."},
	{"status", "[ENV/NAME]", "what serves where, as the status branch says",
	 REPO | WATCH | OUTPUT, verb_status,
	 "In a checkout it is what was fetched last; a bare repository and a url are always of now."},
	{"history", "[ENV/NAME]", "what was decided and why, newest first", REPO | NUMBER | OUTPUT,
	 verb_history, NULL},
	{"why", "ENV/NAME|MODEL", "the decision in force, its evidence and what it waits for",
	 REPO | STATE | OUTPUT, verb_why,
	 "MODEL: what its gates said last, the worst first. "
	 "Reads the status branch and the manifest that it names. Evidence is that of the last "
	 "decision; on the controller's machine --state shows what was counted until now."},
	{"estimate", "ENV/NAME", "what the declared steps can see at the present traffic",
	 REPO | STATE | RATE | OUTPUT, verb_estimate,
	 "By expected counts: half of the rollouts take longer. The traffic is the stable revision's "
	 "of the last hours, as the last decision recorded it, or with --state as it is now."},
	{"verify", "COMMIT|ENV/NAME|MODEL", "make a decision again from Git, compare byte by byte",
	 REPO | PATH | FLEET_BRANCH | STORE | OUTPUT, verb_verify,
	 "COMMIT is of the status branch, as history prints it; ENV/NAME is that deployment's newest "
	 "decision, MODEL the newest verdict of its gates. A verdict is made again from the manifests "
	 "of its fleet commit and, in --store, its test rows and predictions; what was measured once "
	 "(latency, start time, memory, findings, uses of the rows, the word of gates.command) is "
	 "taken as recorded. The copy in the run's ModelVersion has to be the same. Exit status 1: it "
	 "comes out differently, or cannot be made again."},
	{"explain", "KIND[.PATH]", "what a field of a manifest means, its default and range", 0,
	 verb_explain,
	 "`linnet explain ModelDeployment` shows the keys of a kind, `linnet explain "
	 "ModelDeployment.rollout.steps` those of a section; `spec.` may be left out."},
	{"schema", "KIND", "the JSON Schema of a kind, for editors and for CI", 0, verb_schema, NULL},
	{"hold", "ENV/NAME", "stop new rollouts and steps up; nothing that protects", EDIT | UNTIL,
	 verb_hold, "A commit that adds `hold` to the ModelDeployment and changes no other byte."},
	{"resume", "ENV/NAME", "end a hold", EDIT, verb_hold, NULL},
	{"approve", "ENV/NAME|MODEL", "agree to what is on its way, or to a training run", ASK | UNTIL,
	 verb_request, "Counts for the revision that is on its way now, and for no other."},
	{"reject", "ENV/NAME|MODEL", "refuse what is on its way", ASK, verb_request, NULL},
	{"rollback", "ENV/NAME", "go back to the version promoted before, or --to one", ASK | TO,
	 verb_request, "While a canary is under way it ends; else the version that serves is "
	 "quarantined and the one before it comes back."},
	{"retry", "ENV/NAME|MODEL", "again: a version; a model's run or evaluation", ASK,
	 verb_request, NULL},
	{"kick", "MODEL", "ask for a training run", ASK | EVENT | RESTART, verb_request,
	 "With --restart, and ENV/NAME in place of MODEL, as `linnet restart`."},
	{"restart", "ENV/NAME", "replace the replicas one by one", ASK, verb_request, NULL},
	{"accept-rewind", "OLD NEW", "the branch was rewritten on purpose: go on from NEW", ASK,
	 verb_request, NULL},
	{"completion", "SHELL", "completion for bash, zsh or fish", 0, verb_completion,
	 "bash: eval \"$(linnet completion bash)\" in .bashrc. zsh: linnet completion zsh >_linnet in "
	 "a folder of fpath. fish: linnet completion fish >~/.config/fish/completions/linnet.fish. "
	 "Names are those that the status branch of the fleet tells in whose checkout one is."},
	{"words", "VERB", NULL, REPO, verb_words, NULL},
	{"man", "", NULL, 0, verb_man, NULL},
	{"version", "", "print the version", OUTPUT, verb_version, NULL},
};
const size_t n_verbs = ARRAY_LEN(verbs);
