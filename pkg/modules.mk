# The modules and what each may include: the Makefile links by this table and hack/tidy.sh checks it.
needs.base       :=
needs.doc        := base
needs.api        := base
needs.manifest   := base doc api
needs.stats      := base
needs.gate       := base api stats
needs.plan       := base api gate
needs.port       := base api
needs.adapter    := base doc api port
needs.dataset    := base doc api
needs.oip        := base doc api port
needs.run        := base doc api dataset stats gate manifest oip port
needs.web        := base doc api port
needs.controller := base api gate manifest plan port

# The outside library of each file that uses one (pkg-config names); no other file may.
libs.base/digest.c           := libcrypto
libs.doc/yaml.c              := yaml-0.1
libs.doc/json.c              := libcjson
libs.adapter/git_objects.c   := libgit2
libs.adapter/git_objects_parts.h := libgit2
libs.adapter/git_commit.c    := libgit2
libs.adapter/http_curl.c     := libcurl
libs.web/http.c              := libmicrohttpd
