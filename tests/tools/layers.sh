# tools/layers.sh on a small tree with one fault of each kind, and on the same tree without them.
set -u
tools=$1
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/tests/unit" "$tree/tests/api" "$tree/tests/oom" "$tree/examples" "$tree/fuzz"
mkdir -p "$tree/src/base" "$tree/src/ops" "$tree/src/graph/deep" "$tree/src/proto" "$tree/app/cli" "$tree/app/hub" "$tree/app/common" "$tree/include"
cd "$tree" || exit 1

printf 'room(base)\nroom(proto base)\nroom(graph base)\nroom(ops base graph)\n' >src/CMakeLists.txt
printf 'OP(max_pool)\nOP(conv2d)\n' >src/ops/table.def
printf '#include <stddef.h>\n' >include/lince.h
printf '#include <lince.h>\n#include "limits.h"\n' >src/base/base.h
printf '#include <stdint.h>\n' >src/base/limits.h
printf '#include "base/base.h"\n' >src/graph/graph.h
printf '#include "../graph.h"\n#include <lince.h>\nint x;\n' >src/graph/deep/a.c
printf '#include "base/base.h"\n' >src/proto/proto.h
printf '#include "graph/graph.h"\n#include "table.def"\n{"MaxPool"}\n' >src/ops/ops.c
printf '#include <lince.h>\n#include "common/json.h"\n#include "show.h"\n' >app/cli/main.c
: >app/cli/show.h
printf '#include <lince.h>\n' >tests/api/support.h
printf '#include "support.h"\n' >tests/oom/oom.c
printf '#include "base/base.h"\n#include "base/limits.h"\n' >tests/unit/base_any.c
printf '#include "ops/ops.h"\n' >tests/unit/ops_lab.h
printf '#include "ops_lab.h"\n#include "graph/graph.h"\n' >tests/unit/ops_conv.c
printf '#include "../tests/unit/ops_lab.h"\n' >fuzz/proto.c
printf '#include <lince.h>\n' >examples/a.c
printf '' >src/ops/ops.h
: >app/common/json.h

sh "$tools/layers.sh" "$tree" >clean || { echo "the clean tree was refused:"; cat clean; exit 1; }

printf '#include "graph/graph.h"\n' >src/base/up.c
printf '#include "proto/proto.h"\n' >src/graph/aside.c
printf '#include "base/limits.h"\n' >src/graph/private.c
printf '#include <proto/made.pb-c.h>\n' >src/graph/made.c
printf '#include "nowhere.h"\n' >src/base/nowhere.c
printf 'f("MaxPool"); g("maxpool"); h("Conv2D"); /* layers: not an op */\nf("Conv2D");\n' >src/graph/names.c
mkdir -p src/model
printf '/* layers: graphs of files */\nf("Conv2D");\n' >src/model/writer.c
printf 'f("Conv2D");\n' >src/model/reader.c
printf '/* layers: graphs of files */\nf("Conv2D");\n' >src/graph/writer.c
printf '#include "base/base.h"\n' >app/cli/deep.c
printf '#include "cli/show.h"\n' >app/hub/other.c
printf '#include "base/base.h"\n' >include/lince_train.h
printf '#include HEADER\n' >src/base/computed.c
printf '#include <base/limits.h>\n' >src/proto/system.c
printf '#include "base/base.h"\n' >examples/inside.c
printf '#include "base/base.h"\n' >tests/api/inside.c
printf '#include "unit/ops_lab.h"\n' >tests/oom/inside.c
printf '#include "graph/graph.h"\n' >tests/unit/base_up.c
printf '#include "base/limits.h"\n' >tests/unit/graph_private.c
printf '#include "graph/graph.h"\n' >fuzz/base.c
mkdir src/attic && printf '#include <lince.h>\n' >src/attic/a.c

cat >wanted <<'TEXT'
app/cli/deep.c:1: app/cli may not include src/base/base.h
app/hub/other.c:1: app/hub may not include app/cli/show.h
examples/inside.c:1: an example may not include src/base/base.h
fuzz/base.c:1: what is named after base may not include src/graph/graph.h
include/lince_train.h:1: the public headers may not include src/base/base.h
src/attic/a.c:1: src/attic is no room() of src/CMakeLists.txt
src/base/computed.c:1: an include that only the compiler can follow
src/base/nowhere.c:1: there is no nowhere.h
src/base/up.c:1: base may not include graph (src/graph/graph.h)
src/graph/aside.c:1: graph may not include proto (src/proto/proto.h)
src/graph/made.c:1: graph may not include proto (src/proto/made.pb-c.h)
src/graph/names.c:2: only ops and passes may name an op: Conv2D
src/graph/private.c:1: src/base/limits.h is private to base, which shows base/base.h
src/graph/writer.c:2: only ops and passes may name an op: Conv2D
src/model/reader.c:1: only ops and passes may name an op: Conv2D
src/proto/system.c:1: src/base/limits.h is private to base, which shows base/base.h
tests/api/inside.c:1: a test of what users see may not include src/base/base.h
tests/oom/inside.c:1: a test of what users see may not include tests/unit/ops_lab.h
tests/unit/base_up.c:1: what is named after base may not include src/graph/graph.h
tests/unit/graph_private.c:1: src/base/limits.h is private to base, which shows base/base.h
layers: 20 wrong
TEXT
sh "$tools/layers.sh" "$tree" >found && { echo "the faults were not refused"; exit 1; }
diff wanted found
